import { Access } from "../auth/access.ts";
import { clientAddress, TrustedProxies } from "../auth/client_address.ts";
import { isLoopback } from "../auth/host.ts";
import { kafkaSecurity } from "../config/kafka_security.ts";
import { type LibraryOptions, settingsFromOptions } from "../config/library_options.ts";
import type { Settings } from "../config/settings.ts";
import { reloadedSettings } from "../config/reloaded_settings.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { KafkaClient } from "../kafka/kafka_client.ts";
import { SharedFrames } from "../log/shared_frames.ts";
import { SharedLog } from "../log/shared_log.ts";
import { BoundedNames } from "../observe/bounded_names.ts";
import { CommittedOffsets } from "../observe/committed_offsets.ts";
import { EventLoopDelay } from "../observe/event_loop_delay.ts";
import { eventMetrics } from "../observe/event_metrics.ts";
import { EventLog } from "../observe/log.ts";
import { MeteredGroupMembers, MeteredGroupPositions } from "../observe/metered_groups.ts";
import { MeteredReader } from "../observe/metered_reader.ts";
import { MeteredWriter } from "../observe/metered_writer.ts";
import { Metrics } from "../observe/metrics.ts";
import { RecordTimes } from "../observe/record_times.ts";
import { Traffic } from "../observe/traffic.ts";
import { Claims } from "../session/claims.ts";
import { UnansweredCommits } from "../session/unanswered_commits.ts";
import { PermitPool } from "../session/permit_pool.ts";
import { WaterMarks } from "../socket/water_marks.ts";
import { adminRoutes } from "./admin_routes.ts";
import { clientRoutes, consoleRoutes, wantsPage } from "./console_routes.ts";
import { CursorWatch } from "./cursor_watch.ts";
import { drainSessions } from "./drain.ts";
import { CertificateWatch, readCertificate, type ServerCertificate } from "./certificate_watch.ts";
import { errorResponse } from "./error_response.ts";
import { GroupReport } from "./group_report.ts";
import { guessLimits } from "./guess_limits.ts";
import { type HttpRoutes, httpRoutes, type HttpState } from "./http_routes.ts";
import { KafkaMonitor } from "./kafka_monitor.ts";
import { LagBoard } from "./lag_board.ts";
import { collectMetrics } from "./proxy_metrics.ts";
import {
  accessChecks,
  checkGroupCapacity,
  handleUpgrade,
  type OpenSession,
  type UpgradeContext,
} from "./upgrade_handler.ts";
import { SocketLimits } from "./socket_limits.ts";
import { MemoryBudget } from "../stream/memory_budget.ts";
import { within } from "../stream/within.ts";

/** What a program may add to the proxy. */
export interface ProxyHooks {
  /** Answers HTTP requests for paths the proxy does not serve; `undefined` leaves them a 404. */
  readonly fetch?: (request: Request) => Response | undefined | Promise<Response | undefined>;
}

/** What a v2 client may write without an answer before it asks for more. */
const PRODUCE_OPENING = { records: 64, bytes: 65_536 };

/** What all of them together may get beyond that. */
const PRODUCE_POOL = { records: 1_000_000, bytes: 64 << 20 };

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
  readonly #marks: WaterMarks;
  readonly #sessions = new Set<OpenSession>();
  readonly #sockets = new Set<OpenSession>();
  readonly #metrics = new Metrics();
  readonly #delay = new EventLoopDelay();
  readonly #watch: CursorWatch;
  readonly #draining = new AbortController();
  readonly #serving = new AbortController();
  readonly #context: UpgradeContext;
  readonly #access: Access;
  #trustedProxies: TrustedProxies;
  readonly #routes: HttpRoutes;
  readonly #adminRoutes: HttpRoutes;
  readonly #report: GroupReport;
  readonly #ended = Promise.withResolvers<void>();
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #adminServer: Deno.HttpServer<Deno.NetAddr> | undefined;
  #certificate: ServerCertificate | undefined;
  #drained: Promise<void> | undefined;
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
    this.#events = new EventLog({
      secrets: secretsOf(settings),
      onEvent: eventMetrics(this.#metrics),
    });
    this.#kafka = new KafkaClient({
      brokers: settings.kafka,
      clientId: settings.clientId,
      maxBatchBytes: settings.maxBatchBytes,
      security: kafkaSecurity(settings),
      onSecret: (secret) => this.#events.hide([secret]),
      writing: { compression: settings.compression },
      leasePrefix: settings.lease === "on" ? settings.leasePrefix : undefined,
      onLog: (level, text, namespace) =>
        this.#events.emit(level === "error" ? "kafkajs_error" : "kafkajs_warning", {
          text,
          namespace,
        }),
    });
    this.#monitor = new KafkaMonitor(settings.kafka, () => this.#kafka.ping(), this.#events);
    const metrics = this.#metrics;
    const topics = new BoundedNames(settings.maxMetricSeries);
    const times = new RecordTimes();
    const committed = new CommittedOffsets();
    const reader = new MeteredReader(this.#kafka.reader, { metrics, topics, times });
    const meters = { metrics, groups: new BoundedNames(settings.maxMetricSeries), committed };
    const writer = new MeteredWriter(this.#kafka.writer, { metrics, topics });
    const traffic = new Traffic(settings.maxMetricSeries);
    const { cacheBytes, memoryBytes } = settings;
    const budget = new MemoryBudget(memoryBytes);
    this.#marks = new WaterMarks(budget);
    this.#log = new SharedLog(reader, { cacheBytes, budget });
    this.#access = new Access(settings, guessLimits());
    this.#trustedProxies = new TrustedProxies(settings.trustedProxies);
    const sessions = () => [...this.#sessions].map(({ session }) => session);
    const board = new LagBoard({ sessions, reader, committed, times });
    this.#watch = new CursorWatch(() => this.#sessions, { reader, events: this.#events });
    this.#report = new GroupReport(() => sessions().flatMap(({ streams }) => streams), {
      reader,
      events: this.#events,
      intervalMs: settings.recordIntervalMs,
    });
    collectMetrics(metrics, {
      settings: () => this.#settings,
      log: this.#log,
      traffic,
      board,
      watch: this.#watch,
      delays: () => this.#delay.delays,
      sessions: this.#sessions,
      sockets: this.#sockets,
      health: () => ({
        isReady: this.#reasons().length === 0,
        isKafkaUp: this.#monitor.trouble === undefined,
        isDraining: this.isLeaving,
      }),
    });
    const state: HttpState = {
      reasons: () => this.#reasons(),
      access: this.#access,
      pages: () => this.#settings,
      events: this.#events,
      refused: (error, request, address) => this.#refused(error, request, address),
    };
    const pageRoutes = (routes: HttpRoutes) => {
      clientRoutes(routes);
      if (settings.console === "on") consoleRoutes(routes);
    };
    this.#adminRoutes = httpRoutes(state, (routes) => {
      pageRoutes(routes);
      adminRoutes(routes, {
        access: () => ({
          authenticator: this.#access.authenticator,
          origins: this.#settings.origins,
        }),
        metrics,
        api: {
          sessions: this.#sessions,
          board,
          log: this.#log,
          traffic,
          delays: () => this.#delay.delays,
          produced: () => writer.produced,
        },
        events: this.#events,
        topics: {
          reader,
          names: () => this.#kafka.reader.topicNames(),
          internalTopics: () => this.#settings.internalTopics,
        },
        drain: (by) => {
          void this.drain(by);
          return this.#settings.drainMs;
        },
      });
    });
    this.#routes = settings.adminPort === undefined
      ? this.#adminRoutes
      : httpRoutes(state, pageRoutes);
    const current = () => this.#settings;
    this.#context = {
      get settings() {
        return current();
      },
      access: this.#access,
      services: {
        reader,
        groups: new MeteredGroupPositions(this.#kafka.groups, meters),
        members: new MeteredGroupMembers(this.#kafka.members, meters),
        leases: this.#kafka.leases,
        log: this.#log,
        frames: new SharedFrames(this.#log.cache),
        claims: new Claims(),
        unanswered: new UnansweredCommits(),
        events: this.#events,
        traffic,
        commitIntervalMs: settings.commitIntervalMs,
        writer,
        permits: new PermitPool(PRODUCE_POOL),
        limits: {
          frameBytes: settings.maxMessageBytes,
          subscriptions: settings.maxSubscriptions,
          opening: PRODUCE_OPENING,
          maxBytes: settings.maxBytes,
          rate: settings.recordsPerSecond,
          lingerMs: settings.lingerMs,
        },
        ...accessChecks(() => this.#settings),
        checkGroupCapacity: () => checkGroupCapacity(this.#settings, this.#sessions),
        authenticate: (token) => this.#access.authenticator.ofToken(token),
        whileReady: (work) => this.#monitor.guard(work),
      },
      marks: this.#marks,
      limits: new SocketLimits(() => this.#settings),
      sessions: this.#sessions,
      sockets: this.#sockets,
      checkReady: () => this.#checkReady(),
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
    const { host, port, reusePort, adminPort, kafka, lease } = this.#settings;
    await this.#readCertificate();
    const server = this.#serve(
      port,
      (request, address) => this.#handle(request, address),
      reusePort === "on",
    );
    this.#server = server;
    server.finished.then(() => {
      if (this.#closing === undefined) this.#events.emit("listener_ended", {});
      this.#ended.resolve();
    });
    const { hostname, port: listening } = server.addr;
    const name = hostname.includes(":") ? `[${hostname}]` : hostname;
    this.#events.emit("listening", {
      address: `${this.#certificate === undefined ? "ws" : "wss"}://${name}:${listening}/`,
      kafka: kafka.join(","),
    });
    if (adminPort !== undefined) this.#adminServer = this.#serveAdmin(adminPort, name);
    if (!this.#access.authenticator.isRequired && !isLoopback(host)) {
      this.#events.emit("open_to_network_without_auth", { host });
    }
    const { kafkaSasl, kafkaTls } = this.#settings;
    if (kafkaSasl === "plain" && kafkaTls === "off") {
      this.#events.emit("kafka_password_in_clear", {});
    }
    if (lease === "off") this.#events.emit("leases_off", {});
    this.#report.start();
    this.#watch.start();
    this.#delay.start();
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
    this.#events.hide(secretsOf(taken));
    this.#settings = taken;
    this.#trustedProxies = new TrustedProxies(taken.trustedProxies);
    this.#access.update(taken);
    this.#events.emit("settings_reloaded", { changed });
    for (const setting of needRestart) this.#events.emit("setting_needs_restart", { setting });
  }

  /**
   * Ends it in an orderly way, for a planned restart: not ready at once, no new sockets, the open ones
   * closed with 1012 one after the other over `drainMs`, then as {@linkcode close}. May be called
   * again.
   */
  drain(reason = "the server restarts"): Promise<void> {
    return this.#drained ??= this.#drain(reason);
  }

  /** @ignore For the command line. */
  get settings(): Settings {
    return this.#settings;
  }

  /** Whether {@linkcode drain} or {@linkcode close} was called. */
  get isLeaving(): boolean {
    return this.#drained !== undefined || this.#closing !== undefined;
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

  async #drain(reason: string): Promise<void> {
    const { drainMs, drainTimeoutMs } = this.#settings;
    const open = [...this.#sessions];
    this.#events.emit("draining", { reason, sockets: this.#marks.sockets, drainMs });
    await within(
      drainMs + drainTimeoutMs,
      drainSessions(open, {
        drainMs,
        leaveMs: Math.min(LEAVE_DRAIN_MS, drainTimeoutMs),
        reason,
        signal: this.#draining.signal,
      }),
    );
    await this.close(reason);
  }

  async #close(reason: string): Promise<void> {
    const startMs = performance.now();
    const { drainTimeoutMs } = this.#settings;
    this.#events.emit("leaving", { reason, sockets: this.#marks.sockets });
    this.#draining.abort();
    this.#monitor.stop();
    this.#report.stop();
    this.#watch.stop();
    this.#delay.stop();
    const open = [...this.#sessions];
    const stopped = open.map(({ session }) =>
      session.stop(1001, reason, session.groups > 0 ? Math.min(LEAVE_DRAIN_MS, drainTimeoutMs) : 0)
    );
    const gone = open.map(({ sink }) => sink.gone);
    await within(drainTimeoutMs, Promise.all([...stopped, ...gone]));
    const stuckSockets = this.#marks.sockets;
    this.#log.close();
    await within(END_MS, this.#kafka.close());
    this.#serving.abort();
    const servers = [this.#server, this.#adminServer].map((server) => server?.finished);
    await within(END_MS, Promise.all(servers));
    this.#ended.resolve();
    const durationMs = Math.round(performance.now() - startMs);
    this.#events.emit("left", { durationMs, stuckSockets });
  }

  /** @throws what reading the files throws */
  async #readCertificate(): Promise<void> {
    const { tlsCert: certFile, tlsKey: keyFile } = this.#settings;
    if (certFile === undefined || keyFile === undefined) return;
    const files = { certFile, keyFile };
    this.#certificate = await readCertificate(files);
    const watch = new CertificateWatch(files, this.#certificate, this.#events);
    this.#serving.signal.addEventListener("abort", () => watch.stop());
    void watch.run();
  }

  #serve(
    port: number,
    handle: (request: Request, address: string) => Promise<Response>,
    reusePort = false,
  ): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve(
      {
        hostname: this.#settings.host,
        port,
        reusePort,
        signal: this.#serving.signal,
        ...this.#certificate,
        onListen: () => {},
        onError: (error) => this.#failed(error),
      },
      (request, { remoteAddr }) =>
        handle(request, clientAddress(remoteAddr.hostname, request.headers, this.#trustedProxies)),
    );
  }

  /** @throws what Deno throws when the port cannot be listened on */
  #serveAdmin(port: number, name: string): Deno.HttpServer<Deno.NetAddr> {
    try {
      const server = this.#serve(port, (request, address) => this.#handleAdmin(request, address));
      this.#events.emit("admin_listening", { address: `http://${name}:${server.addr.port}/` });
      return server;
    } catch (error) {
      this.#serving.abort();
      throw error;
    }
  }

  async #handleAdmin(request: Request, remoteAddress: string): Promise<Response> {
    try {
      return await this.#adminRoutes.fetch(request, { remoteAddress });
    } catch (error) {
      return this.#refused(error, request, remoteAddress);
    }
  }

  async #handle(request: Request, address: string): Promise<Response> {
    // The request's Host is part of it, and may be anything.
    const pathname = URL.parse(request.url)?.pathname;
    try {
      if (pathname === undefined) {
        throw new ProxyError("bad_request", "Cannot read the request's address: check its Host");
      }
      const isPage = this.#settings.console === "on" && wantsPage(request);
      if (pathname === "/" && !isPage) return await handleUpgrade(request, address, this.#context);
      const answered = await this.#hooks.fetch?.(request);
      return answered ?? await this.#routes.fetch(request, { remoteAddress: address });
    } catch (error) {
      return this.#refused(error, request, address);
    }
  }

  #refused(error: unknown, request: Request, address: string): Response {
    const path = URL.parse(request.url)?.pathname;
    const known = ProxyError.from(error);
    if (known.code === "internal") return this.#failed(known.cause, path);
    const { code, message: reason, details, row: { status } } = known;
    const limit = details?.limit;
    if (typeof limit === "string") this.#events.emit("limit_reached", { limit, address });
    if (path === undefined || path === "/") {
      this.#events.emit("session_refused", { status, code, reason, address });
    } else {
      this.#events.emit("request_refused", { status, code, reason, address, path });
    }
    return errorResponse(known, this.#access.authenticator.challenge);
  }

  #failed(error: unknown, path?: string): Response {
    this.#events.emit("request_failed", { error, path });
    return errorResponse(ProxyError.from(error));
  }

  #checkReady(): void {
    if (this.isLeaving) {
      throw new ProxyError("leaving", "The server is leaving");
    }
    this.#monitor.check();
  }

  #reasons(): string[] {
    const reasons = [];
    if (this.isLeaving) reasons.push("the server is leaving");
    const { trouble } = this.#monitor;
    if (trouble !== undefined) reasons.push(`Kafka cannot be reached: ${trouble}`);
    return reasons;
  }
}

/** What no log line may show. */
function secretsOf(settings: Settings): (string | undefined)[] {
  const { auth, jwtSecret, ticketKey, kafkaPassword } = settings;
  return [auth, jwtSecret, ticketKey, kafkaPassword];
}
