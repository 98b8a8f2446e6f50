import { collectSettings } from "./collect_settings.ts";
import { quoted } from "../core/quoted.ts";
import { type GivenValue, textsOf, typeText } from "./given_value.ts";
import type { Rights } from "../core/rights.ts";
import type { UserSetting } from "./access_kinds.ts";
import type { LogFormat, LogLevelSetting, SaslMechanism, Settings } from "./settings.ts";
import {
  SETTING_KEYS,
  type SettingKey,
  type SettingRow,
  SETTINGS_TABLE,
} from "./settings_table.ts";
import { didYouMean } from "./suggest.ts";

/**
 * What `new KafkaProxy({...})` takes: the original's options, then ours. Defaults and bounds are
 * those of the command line. Numbers may come as text, as the original took them.
 */
export interface LibraryOptions {
  /** TCP port to listen on; 0 takes a free one. */
  wsPort: number;
  /** Brokers, `"localhost:9092"`, several with commas or as an array; a slash may end one. */
  kafka: string | readonly string[];
  /** Whether the brokers are reached by TLS; `off`. */
  kafkaTls?: "on" | "off";
  /** File with the certificates to trust for that, in PEM. */
  kafkaCa?: string;
  /** File with the proxy's own certificate for brokers, in PEM. */
  kafkaCert?: string;
  /** File with the private key of that, in PEM. */
  kafkaKey?: string;
  /** How the proxy proves to the brokers who it is; not at all. */
  kafkaSasl?: SaslMechanism;
  /** The proxy's name at the brokers. */
  kafkaUser?: string;
  /** The proxy's password at the brokers. */
  kafkaPassword?: string;
  /** File with that password, read again for each connection. */
  kafkaPasswordFile?: string;
  /** File with the token of `oauthbearer`, read again for each authentication. */
  kafkaOauthTokenFile?: string;
  /** Pause between two frames to one client, in milliseconds; 0. */
  idleTimeout?: number;
  /** Most bytes of keys, values and headers in a frame; 500,000. */
  maxBytes?: number;
  /** Partition of requests that name none; 0. */
  partition?: number | "all";
  /** Secret of the `Authorization` header; without it everybody is let in. */
  auth?: string;
  /** How long a client that keeps up waits for more records to share a frame; 0. */
  lingerMs?: number;
  /** Milliseconds between two reports, 0 for none; 5000. */
  recordInterval?: number;
  /** Who may come in with a password, by name. */
  users?: Readonly<Record<string, UserSetting>>;
  /** Rights by the name of a role. */
  roles?: Readonly<Record<string, Rights>>;
  /** Public keys that tokens are signed with: PEM, a JSON Web Key, or a set. */
  jwtKey?: string;
  /** Secret that tokens are signed with, of at least 32 bytes. */
  jwtSecret?: string;
  /** Address of a JWK Set. */
  jwksUrl?: string;
  /** Issuer that tokens must have. */
  jwtIssuer?: string;
  /** Audiences, one of which tokens must have. */
  jwtAudience?: string | readonly string[];
  /** How far the issuer's clock may be off; 30. */
  jwtToleranceSeconds?: number;
  /** Claim with a token's rights; `kafka`. */
  jwtRightsClaim?: string;
  /** Secret that tickets are signed with, for several processes that take each other's. */
  ticketKey?: string;
  /** Whether a token may come as the parameter `access_token`; `off`. */
  accessTokenInUrl?: "on" | "off";
  /** Whether `closeCodes=1` opens the WebSocket before it is refused; `off`. */
  closeCodes?: "on" | "off";
  /** Reverse proxies whose `X-Forwarded-For` is believed; none. */
  trustedProxies?: string | readonly string[];
  /** Address to listen on; 127.0.0.1. */
  host?: string;
  /** Whether other processes may listen on the same port; `off`. */
  reusePort?: "on" | "off";
  /** File with the listener's certificate, in PEM: clients then come by `wss://`. */
  tlsCert?: string;
  /** File with the private key of that, in PEM. */
  tlsKey?: string;
  /** Origins of pages allowed beside the server's own; `*` allows all. */
  origin?: string | readonly string[];
  /** Milliseconds between two commits of a group's position; 1000. */
  commitIntervalMs?: number;
  /** Most records a second to one client; 0 sets no limit. */
  rate?: number;
  /** Milliseconds after which a client that takes no byte is closed; 60,000. */
  stallTimeoutMs?: number;
  /** Seconds without a pong after which a connection is ended, 0 for never; 120. */
  pingTimeoutSeconds?: number;
  /** Most sockets at a time; 10,000. */
  maxSockets?: number;
  /** Most sockets at a time from one address; 0 sets no limit. */
  maxSocketsPerAddress?: number;
  /** Most sockets at a time of one principal; 0 sets no limit. */
  maxSocketsPerPrincipal?: number;
  /** Most upgrades a second from one address; 0 sets no limit. */
  upgradesPerSecond?: number;
  /** Most bytes of a request's address and headers; 32 KiB. */
  maxHeaderBytes?: number;
  /** Most bytes of a message from a client; 4 MiB. */
  maxMessageBytes?: number;
  /** Most messages a second from one socket, 0 for no limit; 10,000. */
  messagesPerSecond?: number;
  /** Most bytes a second from one socket; 0 sets no limit. */
  inboundBytesPerSecond?: number;
  /** Most subscriptions at a time on one socket; 100. */
  maxSubscriptions?: number;
  /** Most bytes of a record batch once decompressed; 64 MiB. */
  maxBatchBytes?: number;
  /** How records that clients produce are compressed; `none`. */
  compression?: "none" | "gzip" | "zstd";
  /** Bytes of fetched records that all readers share; 32 MiB. */
  cacheBytes?: number;
  /** Bytes of all records under way, sockets' buffers and the cache included; 256 MiB. */
  memoryBytes?: number;
  /** Most clients in consumer groups at a time; 500. */
  maxGroupSessions?: number;
  /** Whether pinned partitions are unique over all processes, or within this one only; `on`. */
  lease?: "on" | "off";
  /** Whether browsers get the console at `/`; `on`. */
  console?: "on" | "off";
  /** Beginning of the names of the groups that leases live in; `kafka-proxy.pin.`. */
  leasePrefix?: string;
  /** Topics beginning with `__` that may be read; none. */
  internalTopics?: string | readonly string[];
  /** Lowest level logged, where the program has not configured LogTape itself; `info`. */
  logLevel?: LogLevelSetting;
  /** Form of a log line, where the program has not configured LogTape itself. */
  logFormat?: LogFormat;
  /** How the proxy names itself to Kafka; `kafka-proxy`. */
  clientId?: string;
  /** Milliseconds that clients get at `close()` to take what is under way; 3000. */
  drainTimeoutMs?: number;
  /** Milliseconds over which a drain closes the sockets; 0. */
  drainMs?: number;
  /** Port of its own for `/metrics` and `/api`; none. */
  adminPort?: number;
  /** Most topics, groups and groups' partitions that `/metrics` names; 1000. */
  maxMetricSeries?: number;
}

const KEY_OF_NAME: ReadonlyMap<string, SettingKey> = new Map(
  SETTING_KEYS.map((key) => [SETTINGS_TABLE[key].name, key]),
);
const NAMES = SETTING_KEYS.map((key) => SETTINGS_TABLE[key])
  .filter((row) => row.notInLibrary === undefined).map((row) => row.name);

/** The original's advice for the two options it could not do without. */
const ADVICE: Partial<Record<SettingKey, string>> = {
  port: "wsPort is missing: a WebSocket port is needed, please set e.g. { wsPort: 9999 }",
  kafka:
    'kafka is missing: a Kafka server address is needed, please set e.g. { kafka: "localhost:9092/" }',
};

/**
 * Settings from the library's options. An option that is `undefined` counts as left out.
 *
 * @throws {TypeError} that names every mistake: options missing, unknown, malformed, out of bounds
 *
 * @example
 * ```ts
 * import { settingsFromOptions } from "./library_options.ts";
 *
 * const settings = settingsFromOptions({ wsPort: 9999, kafka: "localhost:9092/" });
 * console.assert(settings.kafka[0] === "localhost:9092");
 * ```
 */
export function settingsFromOptions(options: LibraryOptions): Settings {
  const problems: string[] = [];
  const mentioned = new Set<SettingKey>();
  const given = new Map<SettingKey, GivenValue>();
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value === undefined) continue;
    const key = KEY_OF_NAME.get(name);
    const texts = key === undefined ? undefined : textsOf(value, SETTINGS_TABLE[key].kind);
    if (
      key !== undefined && texts !== undefined && SETTINGS_TABLE[key].notInLibrary === undefined
    ) {
      if (texts.length > 0) given.set(key, { source: name, origin: "option", texts });
      continue;
    }
    problems.push(key === undefined ? unknownOption(name) : unusable(SETTINGS_TABLE[key], value));
    if (key !== undefined) mentioned.add(key);
  }
  const missing = (key: SettingKey) => mentioned.has(key) ? undefined : ADVICE[key];
  const collected = collectSettings(given, problems, missing, (key) => SETTINGS_TABLE[key].name);
  if (collected.settings !== undefined) return collected.settings;
  throw new TypeError(`Cannot create KafkaProxy: ${collected.problems.join("; ")}`);
}

function unusable(row: SettingRow<unknown>, value: unknown): string {
  const { name, notInLibrary, kind } = row;
  if (notInLibrary !== undefined) return `${name} is for the command line only: ${notInLibrary}`;
  return `${name} is of type ${typeText(value)}: it must be ${kind.expected}`;
}

function unknownOption(name: string): string {
  return `${quoted(name)} is not an option${didYouMean(name, NAMES)}`;
}
