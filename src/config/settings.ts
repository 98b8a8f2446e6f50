import type { Rights } from "../core/rights.ts";
import type { UserSetting } from "./access_kinds.ts";

/** Which log records are shown: those at this level and above. */
export type LogLevelSetting = "debug" | "info" | "warning" | "error";

/** How a log record becomes a line. */
export type LogFormat = "json" | "text";

/** How a client proves to a broker who it is (SASL). */
export type SaslMechanism = "plain" | "scram-sha-256" | "scram-sha-512" | "oauthbearer";

/** Everything the server can be told, checked and complete; frozen. */
export interface Settings {
  /** File that settings are read from. */
  readonly config: string | undefined;
  /** Bootstrap brokers as `host:port`, at least one, without duplicates. */
  readonly kafka: readonly string[];
  /** Whether brokers are reached by TLS. */
  readonly kafkaTls: "on" | "off";
  /** File with the certificates to trust for it (PEM); `undefined`: those every program trusts. */
  readonly kafkaCa: string | undefined;
  /** File with our certificate for brokers that ask for one (PEM). */
  readonly kafkaCert: string | undefined;
  /** File with the private key of {@linkcode kafkaCert} (PEM). */
  readonly kafkaKey: string | undefined;
  /** How we prove to brokers who we are; `undefined`: not at all. */
  readonly kafkaSasl: SaslMechanism | undefined;
  /** Our name at the brokers. */
  readonly kafkaUser: string | undefined;
  /** Our password at the brokers. */
  readonly kafkaPassword: string | undefined;
  /** File that holds the password instead; read again for each connection. */
  readonly kafkaPasswordFile: string | undefined;
  /** File that holds the token of `oauthbearer`; read again for each authentication. */
  readonly kafkaOauthTokenFile: string | undefined;
  /** TCP port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Name or address to listen on; IPv6 without brackets. */
  readonly host: string;
  /** Whether other processes may listen on the same port. */
  readonly reusePort: "on" | "off";
  /** File with the certificate of the listener (PEM); `undefined`: it speaks plain text. */
  readonly tlsCert: string | undefined;
  /** File with the private key of {@linkcode tlsCert} (PEM). */
  readonly tlsKey: string | undefined;
  /** The secret clients must send; `undefined` lets everybody in. */
  readonly auth: string | undefined;
  /** File that holds {@linkcode auth}; `loadSettings()` turns one into the other. */
  readonly authFile: string | undefined;
  /** Who may come in with a password, by name; where it is empty, nobody may. */
  readonly users: Readonly<Record<string, UserSetting>> | undefined;
  /** Rights by the name of a role. */
  readonly roles: Readonly<Record<string, Rights>>;
  /** Public keys that tokens are signed with. */
  readonly jwtKey: string | undefined;
  /** File that holds {@linkcode jwtKey}. */
  readonly jwtKeyFile: string | undefined;
  /** Secret that tokens are signed with. */
  readonly jwtSecret: string | undefined;
  /** File that holds {@linkcode jwtSecret}. */
  readonly jwtSecretFile: string | undefined;
  /** Address of the public keys that tokens are signed with. */
  readonly jwksUrl: string | undefined;
  /** Whose tokens count; `undefined`: anybody's whose key it is. */
  readonly jwtIssuer: string | undefined;
  /** One of them must be the audience of a token. */
  readonly jwtAudience: readonly string[];
  /** How far the issuer's clock may be off. */
  readonly jwtToleranceSeconds: number;
  /** Name of the claim that has the rights. */
  readonly jwtRightsClaim: string;
  /** Secret that tickets are signed with; `undefined`: one of this process. */
  readonly ticketKey: string | undefined;
  /** File that holds {@linkcode ticketKey}. */
  readonly ticketKeyFile: string | undefined;
  /** Whether the parameter `access_token` counts. */
  readonly accessTokenInUrl: "on" | "off";
  /** Whether a client may ask to be accepted first and refused with a close code. */
  readonly closeCodes: "on" | "off";
  /** Networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Origins of pages allowed beside our own, as browsers send them; `*` among them allows all. */
  readonly origins: readonly string[];
  /** What a request without `partition` reads. */
  readonly partition: number | "all";
  /** Most bytes of keys, values and headers in a frame. */
  readonly maxBytes: number;
  /** Pause between two frames to one client, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** How long a client that keeps up waits for more records to share a frame, in milliseconds. */
  readonly lingerMs: number;
  /** Milliseconds between two reports; 0 for none. */
  readonly recordIntervalMs: number;
  /** Milliseconds between two commits of a position that moved. */
  readonly commitIntervalMs: number;
  /** Most records a second to one client; `undefined` without a limit. */
  readonly recordsPerSecond: number | undefined;
  /** Milliseconds after which a client that takes no byte is closed with 4408. */
  readonly stallTimeoutMs: number;
  /** Seconds without a pong after which a connection is ended; 0 for never. */
  readonly pingTimeoutSeconds: number;
  /** Most sockets at a time. */
  readonly maxSockets: number;
  /** Most sockets at a time from one address; `undefined` without a limit. */
  readonly maxSocketsPerAddress: number | undefined;
  /** Most sockets at a time of one principal; `undefined` without a limit. */
  readonly maxSocketsPerPrincipal: number | undefined;
  /** Most upgrades a second from one address; `undefined` without a limit. */
  readonly upgradesPerSecond: number | undefined;
  /** Most bytes of a request's address and headers. */
  readonly maxHeaderBytes: number;
  /** Most bytes of a message from a client. */
  readonly maxMessageBytes: number;
  /** Most messages a second from one socket; `undefined` without a limit. */
  readonly messagesPerSecond: number | undefined;
  /** Most bytes a second from one socket; `undefined` without a limit. */
  readonly inboundBytesPerSecond: number | undefined;
  /** Most subscriptions at a time on one socket. */
  readonly maxSubscriptions: number;
  /** Most bytes of a record batch once decompressed. */
  readonly maxBatchBytes: number;
  /** How record batches are compressed that clients produce. */
  readonly compression: "none" | "gzip" | "zstd";
  /** Bytes of fetched chunks kept for all readers together. */
  readonly cacheBytes: number;
  /** Bytes of all that holds records: what is kept, what is being sent, what sockets have not taken. */
  readonly memoryBytes: number;
  /** Most sessions in consumer groups at a time. */
  readonly maxGroupSessions: number;
  /** Whether pinned partitions are unique over all processes, or only within this one. */
  readonly lease: "on" | "off";
  /** Whether browsers get the console at `/`. */
  readonly console: "on" | "off";
  /** Beginning of the names of the groups that leases live in. */
  readonly leasePrefix: string;
  /** Topics beginning with `__` that may be read. */
  readonly internalTopics: readonly string[];
  /** The lowest level that is logged. */
  readonly logLevel: LogLevelSetting;
  /** `undefined`: text on a terminal, JSON elsewhere. */
  readonly logFormat: LogFormat | undefined;
  /** How the proxy names itself to Kafka. */
  readonly clientId: string;
  /** Milliseconds that sockets get at shutdown to take what is under way. */
  readonly drainTimeoutMs: number;
  /** Milliseconds over which a planned restart closes the sockets; 0: all at once. */
  readonly drainMs: number;
  /** TCP port of `/metrics` and `/api`, 0 for a free one; `undefined`: the main port. */
  readonly adminPort: number | undefined;
  /** Most topics, groups and groups' partitions that metrics name. */
  readonly maxMetricSeries: number;
}
