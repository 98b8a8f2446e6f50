import { Authenticator, sharedSecretScheme } from "../auth/authenticate.ts";
import { isLoopback } from "../auth/host.ts";
import { type LibraryOptions, settingsFromOptions } from "../config/library_options.ts";
import type { Settings } from "../config/settings.ts";
import { reloadedSettings } from "../config/reloaded_settings.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { KafkaClient } from "../kafka/kafka_client.ts";
import { SharedFrames } from "../log/shared_frames.ts";
import { SharedLog } from "../log/shared_log.ts";
import { EventLog } from "../observe/log.ts";
import { Claims } from "../session/claims.ts";
import { WaterMarks } from "../socket/water_marks.ts";
import { errorResponse } from "./error_response.ts";
import { GroupReport } from "./group_report.ts";
import { httpRoutes } from "./http_routes.ts";
import { KafkaMonitor } from "./kafka_monitor.ts";
import { handleUpgrade, type OpenSession, type UpgradeContext } from "./upgrade_handler.ts";
import { SocketLimits } from "./socket_limits.ts";
import { sleep } from "../stream/sleep.ts";

/** What a program may add to the proxy. */
export interface ProxyHooks {
  /** Answers HTTP requests for paths the proxy does not serve; `undefined` leaves them a 404. */
  readonly fetch?: (request: Request) => Response | undefined | Promise<Response | undefined>;
}

/** How long a group's session waits at the end for its client to take what is under way, in ms. */
const LEAVE_DRAIN_MS = 1_000;

/** After the sockets: connections to Kafka and the listener get so long, in ms. */
const END_MS = 500;

/**
 * The proxy: a WebSocket server in front of one Kafka cluster.
 *
 * @example
 * ```ts no-assert
 * import { KafkaProxy } from "./kafka_proxy.ts";
 *
 * const proxy = new KafkaProxy({ wsPort: 0, kafka: "localhost:9092/" });
 * await proxy.listen();
 * await proxy.close();
 * ```
 */
export class KafkaProxy {
  #settings: Settings;
  readonly #hooks: ProxyHooks;
  readonly #events: EventLog;
  readonly #kafka: KafkaClient;
  readonly #monitor: KafkaMonitor;
  readonly #log: SharedLog;
  readonly #marks = new WaterMarks();
  readonly #sessions = new Set<OpenSession>();
  readonly #sockets = new Set<Promise<void>>();
  readonly #serving = new AbortController();
  readonly #context: UpgradeContext;
  #authenticator: Authenticator;
  readonly #routes: ReturnType<typeof httpRoutes>;
  readonly #report: GroupReport;
  readonly #ended = Promise.withResolvers<void>();
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Takes the original's options and ours; nothing is opened yet.
   *
   * @throws {TypeError} naming every option that is missing, unknown or out of bounds
   */
  constructor(options: LibraryOptions, hooks?: ProxyHooks);
  /** @ignore Complete settings, as the command line makes them. */
  constructor(options: LibraryOptions | { settings: Settings }, hooks?: ProxyHooks);
  constructor(options: LibraryOptions | { settings: Settings }, hooks: ProxyHooks = {}) {
    const settings = "settings" in options ? options.settings : settingsFromOptions(options);
    this.#settings = settings;
    this.#hooks = hooks;
    this.#events = new EventLog({ secrets: [settings.auth] });
    this.#kafka = new KafkaClient({
      brokers: settings.kafka,
      clientId: settings.clientId,
      maxBatchBytes: settings.maxBatchBytes,
      leasePrefix: settings.lease === "on" ? settings.leasePrefix : undefined,
      onLog: (level, text, namespace) =>
        this.#events.emit(level === "error" ? "kafkajs_error" : "kafkajs_warning", {
          text,
          namespace,
        }),
    });
    this.#monitor = new KafkaMonitor(settings.kafka, () => this.#kafka.ping(), this.#events);
    this.#log = new SharedLog(this.#kafka.reader, { cacheBytes: settings.cacheBytes });
    this.#authenticator = authenticatorOf(settings);
    this.#report = new GroupReport(
      () => [...this.#sessions].flatMap(({ session }) => session.streams),
      {
        reader: this.#kafka.reader,
        events: this.#events,
        intervalMs: settings.recordIntervalMs,
      },
    );
    this.#routes = httpRoutes({ reasons: () => this.#reasons() });
    const current = () => ({ settings: this.#settings, authenticator: this.#authenticator });
    this.#context = {
      get settings() {
        return current().settings;
      },
      get authenticator() {
        return current().authenticator;
      },
      services: {
        reader: this.#kafka.reader,
        groups: this.#kafka.groups,
        members: this.#kafka.members,
        leases: this.#kafka.leases,
        log: this.#log,
        frames: new SharedFrames(this.#log.cache),
        claims: new Claims(),
        events: this.#events,
        commitIntervalMs: settings.commitIntervalMs,
      },
      marks: this.#marks,
      limits: new SocketLimits(settings),
      sessions: this.#sessions,
      checkReady: () => this.#checkReady(),
      whileReady: (work) => this.#monitor.guard(work),
    };
  }

  /** What has happened so far, counted by name; for programs and tests. */
  get events(): EventLog {
    return this.#events;
  }

  /** Sockets the runtime holds now. */
  get sockets(): number {
    return this.#marks.sockets;
  }

  /** Partitions it keeps records of: those that are read, and those left a moment ago. */
  get partitions(): number {
    return this.#log.size;
  }

  /** Resolves when the listener has ended, asked or not. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Starts to listen and to connect to Kafka; resolves with the address when it serves, whether or
   * not Kafka answers yet: until it does, upgrades get 503.
   *
   * @throws what Deno throws when the address cannot be listened on
   */
  async listen(): Promise<{ hostname: string; port: number }> {
    const { host, port, kafka, auth, lease } = this.#settings;
    const server = Deno.serve({
      hostname: host,
      port,
      signal: this.#serving.signal,
      onListen: () => {},
      onError: (error) => this.#failed(error),
    }, (request, info) => this.#handle(request, info));
    this.#server = server;
    server.finished.then(() => {
      if (this.#closing === undefined) this.#events.emit("listener_ended", {});
      this.#ended.resolve();
    });
    const { hostname, port: listening } = server.addr;
    const name = hostname.includes(":") ? `[${hostname}]` : hostname;
    this.#events.emit("listening", {
      address: `ws://${name}:${listening}/`,
      kafka: kafka.join(","),
    });
    if (auth === undefined && !isLoopback(host)) {
      this.#events.emit("open_to_network_without_auth", { host });
    }
    if (lease === "off") this.#events.emit("leases_off", {});
    this.#report.start();
    await within(END_MS, this.#monitor.start());
    return { hostname, port: listening };
  }

  /**
   * Takes other settings over: those that may change while it runs, for what comes from now on. The
   * log names what changed, and what needs a restart and stays as it is.
   *
   * @ignore for the command line
   */
  reload(settings: Settings): void {
    const { taken, changed, needRestart } = reloadedSettings(this.#settings, settings);
    this.#events.hide([taken.auth]);
    this.#settings = taken;
    if (changed.length > 0) this.#authenticator = authenticatorOf(taken);
    this.#events.emit("settings_reloaded", { changed });
    for (const setting of needRestart) this.#events.emit("setting_needs_restart", { setting });
  }

  /**
   * Ends it: no new sockets, positions committed, sockets closed with 1001, connections to Kafka
   * ended, the port free. Takes at most `drainTimeoutMs` and about a second more, even with clients
   * that are stuck. May be called again.
   */
  close(reason = "the server is leaving"): Promise<void> {
    return this.#closing ??= this.#close(reason);
  }

  /** The same as {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(reason: string): Promise<void> {
    const startMs = performance.now();
    const { drainTimeoutMs } = this.#settings;
    this.#events.emit("leaving", { reason, sockets: this.#marks.sockets });
    this.#monitor.stop();
    this.#report.stop();
    const open = [...this.#sessions];
    const stopped = open.map(({ session, isGroup }) =>
      session.stop(1001, reason, isGroup ? Math.min(LEAVE_DRAIN_MS, drainTimeoutMs) : 0)
    );
    const gone = open.map(({ sink }) => sink.gone);
    await within(drainTimeoutMs, Promise.all([...stopped, ...gone]));
    const stuckSockets = this.#marks.sockets;
    this.#log.close();
    await within(END_MS, this.#kafka.close());
    this.#serving.abort();
    if (this.#server !== undefined) await within(END_MS, this.#server.finished);
    this.#ended.resolve();
    const durationMs = Math.round(performance.now() - startMs);
    this.#events.emit("left", { durationMs, stuckSockets });
  }

  async #handle(
    request: Request,
    info: Deno.ServeHandlerInfo<Deno.NetAddr>,
  ): Promise<Response> {
    const address = info.remoteAddr.hostname;
    // The request's Host is part of it, and may be anything.
    const pathname = URL.parse(request.url)?.pathname;
    try {
      if (pathname === undefined) {
        throw new ProxyError("bad_request", "Cannot read the request's address: check its Host");
      }
      if (pathname === "/") return await handleUpgrade(request, address, this.#context);
      const answered = await this.#hooks.fetch?.(request);
      return answered ?? await this.#routes.fetch(request);
    } catch (error) {
      const known = ProxyError.from(error);
      if (known.code === "internal") return this.#failed(known.cause, pathname);
      const { code, message: reason, details, row: { status } } = known;
      const limit = details?.limit;
      if (typeof limit === "string") this.#events.emit("limit_reached", { limit, address });
      this.#events.emit("session_refused", { status, code, reason, address });
      return errorResponse(known, this.#authenticator.challenge);
    }
  }

  #failed(error: unknown, path?: string): Response {
    this.#events.emit("request_failed", { error, path });
    return errorResponse(ProxyError.from(error));
  }

  #checkReady(): void {
    if (this.#closing !== undefined) {
      throw new ProxyError("leaving", "The server is leaving");
    }
    this.#monitor.check();
  }

  #reasons(): string[] {
    const reasons = [];
    if (this.#closing !== undefined) reasons.push("the server is leaving");
    const { trouble } = this.#monitor;
    if (trouble !== undefined) reasons.push(`Kafka cannot be reached: ${trouble}`);
    return reasons;
  }
}

function authenticatorOf({ auth }: Settings): Authenticator {
  return new Authenticator(auth === undefined ? [] : [sharedSecretScheme(auth)]);
}

/** Waits for a promise, but no longer than that. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  await Promise.race([promise, sleep(ms, late.signal)]);
  late.abort();
}
