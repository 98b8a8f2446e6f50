/**
 * The parts of KafkaJS 2.2.4 that are not its public interface, with types for what we use.
 *
 * That version is pinned, is the last one published, and has no `exports` map, so these paths are
 * stable. Nothing outside `src/kafka/` knows that KafkaJS exists.
 */
import oauthBearer from "kafkajs/src/broker/saslAuthenticator/oauthBearer.js";
import plain from "kafkajs/src/broker/saslAuthenticator/plain.js";
import scram256 from "kafkajs/src/broker/saslAuthenticator/scram256.js";
import scram512 from "kafkajs/src/broker/saslAuthenticator/scram512.js";
import BrokerClass from "kafkajs/src/broker/index.js";
import ConnectionPoolClass from "kafkajs/src/network/connectionPool.js";
import RequestQueueClass from "kafkajs/src/network/requestQueue/index.js";
import apiKeysTable from "kafkajs/src/protocol/requests/apiKeys.js";
import requestsModule from "kafkajs/src/protocol/requests/index.js";
import errorModule from "kafkajs/src/protocol/error.js";
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** A request of one API in one version, and how its answer is read. */
export interface ProtocolRequest {
  request: {
    apiKey: number;
    apiVersion: number;
    apiName: string;
    /** What KafkaJS asks of its own encoder: the bytes, under two names. */
    encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  response: {
    decode(payload: Buffer): Promise<unknown>;
    parse(decoded: unknown): Promise<unknown>;
  };
  requestTimeout?: number | null;
  logResponseError?: boolean;
}

/** One TCP connection to a broker. */
export interface Connection {
  isConnected(): boolean;
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  rejectRequests(error: Error): void;
  send(request: ProtocolRequest): Promise<unknown>;
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  /** How long an authentication holds, in ms; a `Long`, 0 for ever. */
  sessionLifetime: { toString(): string };
  /** It is renewed so long before its end, in ms. */
  reauthenticationThreshold: number;
}

/** One exchange of SASL messages on a connection. */
export type SaslProvider = (exchange: {
  host: string;
  port: number;
  logger: KafkaJsLogger;
  saslAuthenticate: (request: unknown) => Promise<unknown>;
}) => { authenticate(): Promise<void> };

/** How a connection authenticates. */
export interface SaslOptions {
  mechanism: string;
  authenticationProvider: SaslProvider;
}

type SaslProviderOf = (credentials: {
  mechanism: string;
  username: string | undefined;
  password: string;
  oauthBearerProvider: () => Promise<{ value: string }>;
}) => SaslProvider;

/** KafkaJS's own providers by mechanism. */
export const saslProviders = {
  "plain": plain as unknown as SaslProviderOf,
  "scram-sha-256": scram256 as unknown as SaslProviderOf,
  "scram-sha-512": scram512 as unknown as SaslProviderOf,
  "oauthbearer": oauthBearer as unknown as SaslProviderOf,
};

/** The two connections KafkaJS keeps to a broker: 0 for everything, 1 for Fetch. */
export interface ConnectionPool {
  readonly pool: readonly Connection[];
}

/** What a broker speaks, by the number of the API. */
export type ApiVersions = Readonly<Record<number, { minVersion: number; maxVersion: number }>>;

/** A broker and its connections. */
export interface Broker {
  versions: ApiVersions;
  connect(): Promise<void>;
  lookupRequest(apiKey: number, definition: unknown): (args: unknown) => ProtocolRequest;
}

/** What KafkaJS wants of a logger. */
export interface KafkaJsLogger {
  namespace(name: string): KafkaJsLogger;
  error(message: string, extra?: Record<string, unknown>): void;
  warn(message: string, extra?: Record<string, unknown>): void;
  info(message: string, extra?: Record<string, unknown>): void;
  debug(message: string, extra?: Record<string, unknown>): void;
}

/** What it asks of a factory of sockets. */
export interface SocketRequest {
  host: string;
  port: number;
  ssl: Record<string, unknown> | null | undefined;
  onConnect: () => void;
}

export const Broker = BrokerClass as unknown as new (options: {
  connectionPool: ConnectionPool;
  logger: KafkaJsLogger;
  nodeId: number | null;
  versions: ApiVersions | null;
  allowAutoTopicCreation: boolean;
  authenticationTimeout: number;
}) => Broker;

export const ConnectionPool = ConnectionPoolClass as unknown as new (options: {
  host: string;
  port: number;
  ssl: unknown;
  sasl: unknown;
  clientId: string;
  socketFactory: (request: SocketRequest) => Socket;
  connectionTimeout: number;
  requestTimeout: number;
  enforceRequestTimeout: boolean;
  logger: KafkaJsLogger;
}) => ConnectionPool;

export const RequestQueue = RequestQueueClass as unknown as {
  prototype: {
    checkPendingRequests(): void;
    destroy(): void;
    isConnected(): boolean;
    readonly maxInFlightRequests: number | null;
    readonly enforceRequestTimeout: boolean;
    readonly requestTimeout: number;
    readonly pending: readonly unknown[];
    readonly inflight: ReadonlyMap<
      number,
      { readonly requestTimeout: number; timeoutRequest(): void }
    >;
    throttledUntil: number;
    throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
    requestTimeoutIntervalId: ReturnType<typeof setInterval> | undefined;
  };
};

/** Number of an API by its name (Kafka protocol guide, "Api Keys"). */
export const apiKeys = apiKeysTable as unknown as Record<string, number>;

/** Definition of an API by its name. */
export const requests = requestsModule.requests as unknown as Record<string, unknown>;

/** KafkaJS's table of Kafka's error codes. */
export const errorCodes = errorModule.errorCodes as unknown as readonly {
  readonly type: string;
  readonly code: number;
}[];
