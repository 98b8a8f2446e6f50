import type { Buffer } from "node:buffer";
import net from "node:net";
import tls from "node:tls";
import {
  apiKeys,
  type ApiVersions,
  Broker,
  type Connection,
  ConnectionPool,
  type KafkaJsLogger,
  type ProtocolRequest,
  requests,
  type SaslOptions,
  type SocketRequest,
} from "./kafkajs_internals.ts";
import { wholeResponses } from "./whole_responses.ts";

/** How brokers are reached. */
export interface BrokerOptions {
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Options of `node:tls`; absent is plain text. */
  readonly tls?: Readonly<Record<string, string>>;
  /** Absent: the broker does not ask who we are. */
  readonly sasl?: SaslOptions;
  readonly logger: KafkaJsLogger;
  /** Read at a time; absent is much. */
  readonly readBytes?: number;
  /** What the broker speaks, where another link to it has learned that; absent: it is asked. */
  readonly versions?: ApiVersions;
}

/** The connection for requests that are answered at once, and the one for long polls. */
export const CONTROL = 0;
export const LONG_POLL = 1;

/** A request that its sender's guard kept from being written; the cause is what the guard threw. */
export class Refused extends Error {}

/** An answer as raw bytes, with the version that says how to read them. */
export interface RawAnswer {
  readonly version: number;
  readonly payload: Buffer;
}

/**
 * Our connections to one broker: KafkaJS's connection, handshake, authentication and request
 * encoding, with answers left to us.
 *
 * A broker serves the requests of one connection one after the other, so what must not wait behind
 * a long poll has a connection of its own. A link is used until its first failure and then
 * replaced: KafkaJS keeps half-read bytes of a lost connection, and would read them again.
 */
export class BrokerLink {
  readonly address: string;
  readonly #broker: Broker;
  readonly #connections: readonly Connection[];
  readonly #sockets = new Set<net.Socket>();
  readonly #opening = new Set<net.Socket>();
  readonly #connecting: (Promise<unknown> | undefined)[] = [];
  readonly #options: BrokerOptions;
  #broken = false;

  private constructor(host: string, port: number, options: BrokerOptions) {
    this.address = `${host}:${port}`;
    this.#options = options;
    const pool = new ConnectionPool({
      host,
      port,
      ssl: options.tls,
      sasl: options.sasl,
      clientId: options.clientId,
      socketFactory: (request) => this.#socket(request),
      connectionTimeout: options.connectTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      enforceRequestTimeout: true,
      logger: options.logger,
    });
    this.#connections = pool.pool;
    this.#broker = new Broker({
      connectionPool: pool,
      logger: options.logger,
      nodeId: null,
      versions: options.versions ?? null,
      allowAutoTopicCreation: false,
      authenticationTimeout: options.connectTimeoutMs,
    });
  }

  /** Connects, authenticates and learns the broker's API versions. */
  static async open(host: string, port: number, options: BrokerOptions): Promise<BrokerLink> {
    const link = new BrokerLink(host, port, options);
    try {
      await link.#broker.connect();
    } catch (error) {
      link.close();
      throw withHint(error, options);
    }
    return link;
  }

  /** False after a failure or {@linkcode close}. */
  get isAlive(): boolean {
    return !this.#broken && this.#connections[CONTROL].isConnected();
  }

  /**
   * Sends a request and decodes the answer without judging it: error codes are in the data.
   *
   * @param guard called last, when all is ready to be written; when it throws, nothing is written
   * @throws {Refused} when the guard throws, and the link goes on
   * @throws whatever KafkaJS throws for a lost connection or a time-out; the link is then over
   */
  async send<T>(api: string, args: Record<string, unknown>, guard?: () => void): Promise<T> {
    const protocol = this.#protocol(api, args);
    const { decode } = protocol.response;
    protocol.response = { decode: (payload) => decode(payload), parse: asIs };
    if (guard !== undefined) protocol.request.encode = guarded(protocol.request.encode, guard);
    return await this.#exchange(CONTROL, protocol) as T;
  }

  /** Sends a Fetch and returns the answer's bytes. */
  async fetch(connection: number, args: Record<string, unknown>): Promise<RawAnswer> {
    const protocol = this.#protocol("Fetch", args);
    const version = protocol.request.apiVersion;
    protocol.response = {
      // From version 8 on a throttled client is told to wait by itself (KIP-219).
      decode: (payload) =>
        Promise.resolve({
          payload,
          clientSideThrottleTime: version >= 8 ? payload.readInt32BE(0) : 0,
        }),
      parse: asIs,
    };
    const answer = await this.#exchange(connection, protocol) as { payload: Buffer };
    return { version, payload: answer.payload };
  }

  /** What the broker speaks, for another link to it. */
  get apiVersions(): ApiVersions {
    return this.#broker.versions;
  }

  /** The versions of an API that the broker speaks; `undefined` where it has no such API. */
  versions(api: string): { readonly minVersion: number; readonly maxVersion: number } | undefined {
    return this.#broker.versions[apiKeys[api]];
  }

  /**
   * Sends a request whose body is bytes already, in a version that KafkaJS may not know, and returns
   * the answer's bytes after the correlation id.
   *
   * @param throttledMs how long the answer asks us to wait before the next request (KIP-219)
   * @throws whatever KafkaJS throws for a lost connection or a time-out; the link is then over
   */
  async raw(
    api: string,
    apiVersion: number,
    body: Buffer,
    throttledMs: (payload: Buffer) => number,
  ): Promise<Buffer> {
    const answer = await this.#exchange(CONTROL, {
      request: {
        apiKey: apiKeys[api],
        apiVersion,
        apiName: api,
        encode: () => Promise.resolve({ buf: body, buffer: body }),
      },
      response: {
        decode: (payload) =>
          Promise.resolve({ payload, clientSideThrottleTime: throttledMs(payload) }),
        parse: asIs,
      },
      logResponseError: false,
    }) as { payload: Buffer };
    return answer.payload;
  }

  /** Ends the connections now, without waiting for answers: those requests fail. */
  close(): void {
    this.#broken = true;
    const error = new Error(`Connection to ${this.address} closed`);
    for (const connection of this.#connections) {
      connection.rejectRequests(error);
      connection.disconnect().catch(() => {
        // It was not connected, which is what we want.
      });
    }
    // KafkaJS hears of the end of a connection that is being opened by an error only, and would go
    // on waiting for it, and we with it, until its time-out.
    for (const socket of this.#sockets) {
      socket.destroy(this.#opening.has(socket) ? error : undefined);
    }
  }

  #protocol(api: string, args: Record<string, unknown>): ProtocolRequest {
    const protocol = this.#broker.lookupRequest(apiKeys[api], requests[api])(args);
    return { ...protocol, logResponseError: false };
  }

  async #exchange(index: number, protocol: ProtocolRequest): Promise<unknown> {
    try {
      const connection = this.#connections[index];
      // Connection.connect opens a second socket when it is called twice at a time.
      if (!connection.isConnected()) {
        await (this.#connecting[index] ??= connection.connect());
        this.#connecting[index] = undefined;
      }
      if (this.#options.sasl !== undefined) await authenticated(connection);
      return await connection.send(protocol);
    } catch (error) {
      if (error instanceof Refused) throw error;
      this.close();
      throw withHint(error, this.#options);
    }
  }

  /** KafkaJS listens to `end` and `error` only: a connection that just closes would hang. */
  #socket({ host, port, ssl, onConnect }: SocketRequest): net.Socket {
    const socket: net.Socket = ssl
      ? tls.connect({ host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl })
      : net.connect({
        host,
        port,
        onread: wholeResponses(
          (response) => socket.emit("data", response),
          (error) => socket.destroy(error),
          this.#options.readBytes,
        ),
      });
    this.#opening.add(socket);
    socket.once(ssl ? "secureConnect" : "connect", () => {
      this.#opening.delete(socket);
      onConnect();
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#opening.delete(socket);
      this.#broken = true;
      for (const connection of this.#connections) {
        connection.rejectRequests(new Error(`Connection to ${this.address} closed`));
      }
    });
    return socket;
  }
}

const KEEP_ALIVE_MS = 60_000;

/** A listener that wants more than we do ends the connection without a word. */
function withHint(error: unknown, { tls, sasl }: BrokerOptions): unknown {
  if (!(error instanceof Error) || !/closed/i.test(error.message)) return error;
  if (tls !== undefined && sasl !== undefined) return error;
  const what = tls !== undefined ? "SASL" : sasl !== undefined ? "TLS" : "TLS or SASL";
  return new Error(`${error.message}; a listener that wants ${what} would do so`, { cause: error });
}

/**
 * Authenticates again when it is time, before whatever is sent next: a broker ends a connection whose
 * time is over at the first other request, and KafkaJS would not for all of them.
 */
async function authenticated(connection: Connection): Promise<void> {
  const lifetimeMs = Number(connection.sessionLifetime.toString());
  if (lifetimeMs > 0) {
    connection.reauthenticationThreshold = Math.min(REAUTHENTICATE_MS, lifetimeMs / 4);
  }
  if (!connection.isAuthenticated()) await connection.authenticate();
}

/** KafkaJS's own: an authentication is renewed so long before its end, in ms. */
const REAUTHENTICATE_MS = 10_000;

/** From here to the socket nothing is waited for. */
function guarded<T>(encode: () => Promise<T>, guard: () => void): () => Promise<T> {
  return async () => {
    const bytes = await encode();
    try {
      guard();
    } catch (error) {
      throw new Refused("The request's guard refused it", { cause: error });
    }
    return bytes;
  };
}

function asIs(decoded: unknown): Promise<unknown> {
  return Promise.resolve(decoded);
}

/** The newest version of an API that the broker speaks and we do; undefined when there is none. */
export function commonVersion(
  link: Pick<BrokerLink, "versions">,
  api: string,
  own: { readonly min: number; readonly max: number },
): number | undefined {
  const { minVersion = 0, maxVersion = -1 } = link.versions(api) ?? {};
  const version = Math.min(maxVersion, own.max);
  return version < Math.max(minVersion, own.min) ? undefined : version;
}
