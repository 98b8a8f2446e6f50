import { Access } from "../../src/auth/access.ts";
import { type LibraryOptions, settingsFromOptions } from "../../src/config/library_options.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { guessLimits } from "../../src/server/guess_limits.ts";
import { errorResponse } from "../../src/server/error_response.ts";
import { httpRoutes } from "../../src/server/http_routes.ts";
import {
  accessChecks,
  checkGroupCapacity,
  handleUpgrade,
  type OpenSession,
  type UpgradeContext,
} from "../../src/server/upgrade_handler.ts";
import { SocketLimits } from "../../src/server/socket_limits.ts";
import { WaterMarks } from "../../src/socket/water_marks.ts";
import type { ArrayReaderOptions } from "../support/array_reader.ts";
import { eventually } from "../support/eventually.ts";
import { httpState } from "../support/http_state.ts";
import { TestSessions } from "../support/test_sessions.ts";

/** How a {@linkcode TestServer} is made: the proxy's own options, and those of the fake cluster. */
export type TestServerOptions = Partial<LibraryOptions> & ArrayReaderOptions;

/** A real server that upgrades, in front of a Kafka in memory. */
export class TestServer implements AsyncDisposable {
  readonly fakes: TestSessions;
  readonly marks = new WaterMarks();
  readonly sessions = new Set<OpenSession>();
  /** Errors that are our fault; a test that wants none need not look. */
  readonly failures: unknown[] = [];
  /** Who may come in. */
  readonly access: Access;
  /** Why upgrades are refused now; undefined: they are not. */
  refusal: ProxyError | undefined;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #serving = new AbortController();
  #hasEnded = false;

  constructor({ partitions, nodes, pause, ...options }: TestServerOptions = {}) {
    const settings = settingsFromOptions({ wsPort: 0, kafka: "localhost:9092", ...options });
    this.fakes = new TestSessions({
      partitions,
      nodes,
      pause,
      commitIntervalMs: settings.commitIntervalMs,
    });
    const access = new Access(settings, guessLimits());
    this.access = access;
    const routes = httpRoutes(httpState(options, { access }));
    const context: UpgradeContext = {
      settings,
      access,
      services: {
        ...this.fakes.v2(),
        ...accessChecks(() => settings),
        checkGroupCapacity: () => checkGroupCapacity(settings, this.sessions),
        authenticate: (token) => access.authenticator.ofToken(token),
      },
      marks: this.marks,
      limits: new SocketLimits(() => settings),
      sessions: this.sessions,
      sockets: new Set(),
      checkReady: () => {
        if (this.refusal !== undefined) throw this.refusal;
      },
    };
    this.#server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      signal: this.#serving.signal,
      onListen: () => {},
      onError: (error) => {
        this.failures.push(error);
        return new Response(null, { status: 500 });
      },
    }, async (request, { remoteAddr }) => {
      const address = remoteAddr.hostname;
      try {
        if (new URL(request.url).pathname !== "/") {
          return await routes.fetch(request, { remoteAddress: address });
        }
        return await handleUpgrade(request, address, context);
      } catch (error) {
        if (!(error instanceof ProxyError)) this.failures.push(error);
        return errorResponse(ProxyError.from(error), access.authenticator.challenge);
      }
    });
    void this.#server.finished.then(() => this.#hasEnded = true);
  }

  /** False when the listener has ended, asked or not. */
  get isListening(): boolean {
    return !this.#hasEnded;
  }

  /** The address of the plain HTTP side. */
  get httpUrl(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The address with a query. */
  at(query: string): string {
    return `ws://127.0.0.1:${this.#server.addr.port}/?${query}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopping = [...this.sessions].map(({ session }) => session.stop(1001, "leaving", 0));
    await Promise.all(stopping);
    await eventually("all sockets to be gone", () => this.marks.sockets === 0, { everyMs: 1 });
    this.#serving.abort();
    await this.#server.finished;
    await this.fakes[Symbol.asyncDispose]();
  }
}
