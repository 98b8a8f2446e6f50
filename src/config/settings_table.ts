import { networks, publicKeys, roles, secureUrl, signingSecret, users } from "./access_kinds.ts";
import { brokers, listenHost, origins, partition } from "./address_kinds.ts";
import type { Kind } from "./kind.ts";
import { choice, integer, limit, list, secret, text } from "./plain_kinds.ts";
import type { LogFormat, LogLevelSetting, SaslMechanism, Settings } from "./settings.ts";
import { internalTopics } from "./topic_kind.ts";

/** One setting: what it is called in the three places it can be given, and what it may be. */
export interface SettingRow<Value> {
  /** Name in the library's options. */
  readonly name: string;
  /** Name on the command line, with its dashes. */
  readonly flag: string;
  /** Name in the environment. */
  readonly env: string;
  /** What it may be: its form, bounds and unit. */
  readonly kind: Kind<Value>;
  /** Used when nothing is given. */
  readonly default: Value | undefined;
  /** Said instead of the default, where the value alone would not say it. */
  readonly defaultText?: string;
  /** What it is for, and what it costs, in plain text. */
  readonly doc: string;
  /** Must be given everywhere. */
  readonly required?: true;
  /** Its value is never shown. */
  readonly secret?: true;
  /** Not taken as a flag: other users of the machine can see a command line. */
  readonly notOnCommandLine?: true;
  /** It makes no sense in the library: why, and what to do there. */
  readonly notInLibrary?: string;
  /** It makes no sense in a configuration file. */
  readonly notInFile?: true;
  /** It names a file that holds the value of that other setting. */
  readonly fileOf?: SettingKey;
  /** It may change while the server runs, for sockets opened from then on. */
  readonly live?: true;
}

/** A key of {@linkcode Settings}. */
export type SettingKey = keyof Settings;

const DAY_MS = 86_400_000;
const MIB = 1_048_576;
const NONE: readonly string[] = Object.freeze([]);

/**
 * Every setting, in one place: flags, environment, library options, checks, help text and the
 * README's table come from here. The key is the name inside, which carries the unit.
 */
export const SETTINGS_TABLE: { readonly [Key in SettingKey]: SettingRow<Settings[Key]> } = {
  config: row("config", text("PATH", "the path of a file", /./), undefined, {
    doc:
      "Configuration file, YAML or JSON, with the names of the library column. Environment and " +
      "flags win over it.",
    defaultText: "none",
    notInLibrary: "pass the options themselves",
    notInFile: true,
  }),
  kafka: row("kafka", brokers(), undefined, {
    doc: "Kafka brokers to start from; the others are found through them.",
    required: true,
  }),
  kafkaTls: row("kafkaTls", choice<"on" | "off">("on", "off"), "off", {
    doc: "Whether the brokers are reached by TLS; their names must be in their certificates.",
  }),
  kafkaCa: row("kafkaCa", file(), undefined, {
    doc: "Certificates to trust for that, in PEM, where they are not those every program trusts.",
    defaultText: "the runtime's",
  }),
  kafkaCert: row("kafkaCert", file(), undefined, {
    doc: "The proxy's own certificate for brokers that ask for one, in PEM; needs kafkaKey.",
    defaultText: "none",
  }),
  kafkaKey: row("kafkaKey", file(), undefined, {
    doc: "The private key of kafkaCert, in PEM.",
    defaultText: "none",
  }),
  kafkaSasl: row(
    "kafkaSasl",
    choice<SaslMechanism>("plain", "scram-sha-256", "scram-sha-512", "oauthbearer"),
    undefined,
    {
      doc:
        "How the proxy proves to the brokers who it is. plain sends the password as it is: use " +
        "it with kafkaTls only.",
      defaultText: "not at all",
    },
  ),
  kafkaUser: row("kafkaUser", text("NAME", "a name", /./), undefined, {
    doc: "The proxy's name at the brokers.",
    defaultText: "none",
  }),
  kafkaPassword: row("kafkaPassword", secret("SECRET"), undefined, {
    doc: "The proxy's password at the brokers.",
    defaultText: "none",
    secret: true,
    notOnCommandLine: true,
  }),
  kafkaPasswordFile: row("kafkaPasswordFile", file(), undefined, {
    doc:
      "Where the password is kept instead. It is read again for each connection, so that it can " +
      "be changed under a running server; a line break at its end does not count.",
    defaultText: "none",
  }),
  kafkaOauthTokenFile: row("kafkaOauthTokenFile", file(), undefined, {
    doc: "Where the token of oauthbearer is kept; somebody else renews it. It is read again for " +
      "each authentication, and the last good one is kept while it is valid.",
    defaultText: "none",
  }),
  port: row("wsPort", integer("PORT", 0, 65_535, { zero: "takes a free port" }), 9999, {
    doc: "Port to listen on.",
    flag: "--port",
    env: "KAFKA_PROXY_PORT",
  }),
  host: row("host", listenHost(), "127.0.0.1", {
    doc: "Address to listen on; 0.0.0.0 serves the network, and wants auth.",
  }),
  reusePort: row("reusePort", choice<"on" | "off">("on", "off"), "off", {
    doc:
      "Lets several processes listen on one port; the operating system gives each its share of " +
      "the clients.",
  }),
  tlsCert: row("tlsCert", file(), undefined, {
    doc: "Certificate, with its chain, in PEM: clients then come by wss://. A changed file is " +
      "logged, and taken up by a restart.",
    defaultText: "none, clients come by ws://",
  }),
  tlsKey: row("tlsKey", file(), undefined, {
    doc: "The private key of tlsCert, in PEM.",
    defaultText: "none",
  }),
  auth: row("auth", secret("SECRET"), undefined, {
    doc: "Secret that clients send in the Authorization header. Other users of the machine can " +
      "see a command line: better by environment or file.",
    defaultText: "none, everybody is let in",
    secret: true,
    live: true,
  }),
  authFile: row("authFile", file(), undefined, {
    doc: "Where the secret is kept instead; a line break at its end does not count.",
    defaultText: "none",
    notInLibrary: "read the file and pass its text as auth",
    fileOf: "auth",
    live: true,
  }),
  users: row("users", users(), undefined, {
    doc:
      "Who may come in with a password (Basic), and what each may do. Makes every right one that " +
      "must be given; without any user in it nobody may come in.",
    defaultText: "none",
    secret: true,
    notOnCommandLine: true,
    live: true,
  }),
  roles: row("roles", roles(), Object.freeze({}), {
    doc: "Rights under a name, for users and tokens.",
    defaultText: "none",
    live: true,
  }),
  jwtKey: row("jwtKey", publicKeys(), undefined, {
    doc:
      "Public keys that tokens (Authorization: Bearer, JWT) are signed with: RSA, EC or Ed25519.",
    defaultText: "none",
    live: true,
  }),
  jwtKeyFile: row("jwtKeyFile", text("PATH", "the path of a file", /./), undefined, {
    doc: "Where those keys are kept instead; read again at SIGHUP.",
    defaultText: "none",
    notInLibrary: "read the file and pass its text as jwtKey",
    fileOf: "jwtKey",
    live: true,
  }),
  jwtSecret: row("jwtSecret", signingSecret("SECRET"), undefined, {
    doc:
      "Secret that tokens are signed with (HS256, HS384, HS512); everybody who has it can make " +
      "tokens.",
    defaultText: "none",
    secret: true,
    notOnCommandLine: true,
    live: true,
  }),
  jwtSecretFile: row("jwtSecretFile", text("PATH", "the path of a file", /./), undefined, {
    doc: "Where that secret is kept instead.",
    defaultText: "none",
    notInLibrary: "read the file and pass its text as jwtSecret",
    fileOf: "jwtSecret",
    live: true,
  }),
  jwksUrl: row("jwksUrl", secureUrl(), undefined, {
    doc:
      "Address of a JWK Set with the keys that tokens are signed with; new keys are found there " +
      "as they are used.",
    defaultText: "none",
    live: true,
  }),
  jwtIssuer: row("jwtIssuer", text("ISSUER", "text", /./), undefined, {
    doc: "Issuer (iss) that tokens must have.",
    defaultText: "any whose key it is",
    live: true,
  }),
  jwtAudience: row("jwtAudience", list("AUDIENCE", "text", (each) => each), NONE, {
    doc: "Audiences (aud), one of which tokens must have; required where tokens are taken.",
    defaultText: "none",
    live: true,
  }),
  jwtToleranceSeconds: row("jwtToleranceSeconds", seconds(0, 600), 30, {
    doc: "How far the issuer's clock may be off.",
    live: true,
  }),
  jwtRightsClaim: row("jwtRightsClaim", text("CLAIM", "the name of a claim", /./), "kafka", {
    doc: "Claim with a token's rights: an object of rights, or names of roles. Dots lead into " +
      "objects.",
    live: true,
  }),
  ticketKey: row("ticketKey", signingSecret("SECRET"), undefined, {
    doc: "Secret that tickets are signed with, for several processes that take each other's.",
    defaultText: "one of its own for each process",
    secret: true,
    notOnCommandLine: true,
    live: true,
  }),
  ticketKeyFile: row("ticketKeyFile", text("PATH", "the path of a file", /./), undefined, {
    doc: "Where that secret is kept instead.",
    defaultText: "none",
    notInLibrary: "read the file and pass its text as ticketKey",
    fileOf: "ticketKey",
    live: true,
  }),
  accessTokenInUrl: row("accessTokenInUrl", choice<"on" | "off">("on", "off"), "off", {
    doc:
      "Whether a token may come as the parameter access_token of the URL, where servers on the " +
      "way log it.",
    live: true,
  }),
  closeCodes: row("closeCodes", choice<"on" | "off">("on", "off"), "off", {
    doc: "Whether closeCodes=1 in the URL opens the WebSocket first and then closes it with the " +
      "reason, since a page does not see why it was refused.",
    live: true,
  }),
  trustedProxies: row("trustedProxies", networks(), NONE, {
    doc: "Reverse proxies whose X-Forwarded-For gives the client's address.",
    defaultText: "none",
    live: true,
  }),
  origins: row("origin", origins(), NONE, {
    doc: "Pages that may connect beside the server's own; may be repeated. * allows every page " +
      "but those opened from a file, null allows these.",
    defaultText: "our own",
    live: true,
  }),
  partition: row("partition", partition(), 0, {
    doc: "Partition that is read by requests which name none; all reads every one.",
    live: true,
  }),
  maxBytes: row("maxBytes", bytes(1, 64 * MIB), 500_000, {
    doc: "Most bytes of keys, values and headers in one frame; a larger record goes alone.",
    live: true,
  }),
  idleTimeoutMs: row("idleTimeout", ms(0, DAY_MS), 0, {
    doc: "Pause between two frames to one client. The original needed it for want of " +
      "backpressure; here 0 is safe.",
    live: true,
  }),
  lingerMs: row("lingerMs", ms(0, 60_000), 0, {
    doc: "A client that keeps up waits up to so long for more records to share a frame: fewer " +
      "frames for later records.",
    live: true,
  }),
  recordIntervalMs: row("recordInterval", ms(0, DAY_MS, "switches it off"), 5000, {
    doc: "Time between two reports of what goes on.",
  }),
  // A second: after a crash at most that much is read again, and with the default of
  // maxGroupSessions a broker gets at most 500 small commits a second, and none for positions that
  // stand still. Kafka's own 5,000 would repeat five times as much and save nothing noticeable.
  commitIntervalMs: row("commitIntervalMs", ms(10, DAY_MS), 1000, {
    doc: "Time between two commits of a group's position; what a crash repeats grows with it.",
  }),
  recordsPerSecond: row("rate", limit("N", 1_000_000_000, "records/s"), undefined, {
    doc: "Most records a second to one client.",
    defaultText: "0",
    live: true,
  }),
  stallTimeoutMs: row("stallTimeoutMs", ms(10, DAY_MS), 60_000, {
    doc: "A client that takes no byte for so long is closed with 4408.",
    live: true,
  }),
  pingTimeoutSeconds: row("pingTimeoutSeconds", seconds(0, 86_400, "switches it off"), 120, {
    doc: "A connection that answers no ping for so long is ended.",
    live: true,
  }),
  maxSockets: row("maxSockets", count("sockets", 1, 1_000_000), 10_000, {
    doc: "Most WebSockets at a time; one more is answered with 503.",
    live: true,
  }),
  maxSocketsPerAddress: row("maxSocketsPerAddress", limit("N", 1_000_000, "sockets"), undefined, {
    live: true,
    doc: "Most WebSockets at a time from one address, of IPv6 from one network of 64 bits; one " +
      "more is answered with 429.",
    defaultText: "0",
  }),
  maxSocketsPerPrincipal: row(
    "maxSocketsPerPrincipal",
    limit("N", 1_000_000, "sockets"),
    undefined,
    {
      live: true,
      doc: "Most WebSockets at a time of one principal, unless its own rights say otherwise; one " +
        "more is answered with 429.",
      defaultText: "0",
    },
  ),
  upgradesPerSecond: row("upgradesPerSecond", limit("N", 1_000_000, "requests/s"), undefined, {
    live: true,
    doc: "Most requests a second from one address to open a WebSocket; one more is answered " +
      "with 429.",
    defaultText: "0",
  }),
  maxHeaderBytes: row("maxHeaderBytes", bytes(1024, MIB), 32_768, {
    live: true,
    doc:
      "Most bytes of the address and the headers of a request for a WebSocket; larger ones are " +
      "answered with 431.",
  }),
  maxMessageBytes: row("maxMessageBytes", bytes(1024, 64 * MIB), 4 * MIB, {
    doc: "Most bytes of a message from a client; a larger one closes its socket with 1009.",
  }),
  messagesPerSecond: row("messagesPerSecond", limit("N", 10_000_000, "messages/s"), 10_000, {
    doc: "Most messages a second from one socket; more close it with 4429.",
  }),
  inboundBytesPerSecond: row(
    "inboundBytesPerSecond",
    limit("BYTES", 1024 * MIB, "bytes/s"),
    undefined,
    {
      doc: "Most bytes a second from one socket; more close it with 4429.",
      defaultText: "0",
    },
  ),
  maxSubscriptions: row("maxSubscriptions", count("subscriptions", 1, 10_000), 100, {
    doc: "Most subscriptions at a time on one socket.",
  }),
  maxBatchBytes: row("maxBatchBytes", bytes(1024, 1024 * MIB), 64 * MIB, {
    doc: "Most bytes of a record batch once decompressed; guards memory from small batches that " +
      "grow.",
  }),
  compression: row(
    "compression",
    choice<"none" | "gzip" | "zstd">("none", "gzip", "zstd"),
    "none",
    {
      doc:
        "How records that clients produce are compressed; costs CPU here, saves network and disk " +
        "at Kafka.",
    },
  ),
  cacheBytes: row("cacheBytes", bytes(65_536, 16_384 * MIB), 32 * MIB, {
    doc: "Memory for fetched records that all readers share.",
  }),
  memoryBytes: row("memoryBytes", bytes(MIB, 65_536 * MIB), 256 * MIB, {
    doc: "Memory for all records under way: the cache, what is being sent and what sockets have " +
      "not taken. When it is spent the cache gives way, then new clients get 503.",
  }),
  maxGroupSessions: row("maxGroupSessions", count("sessions", 0, 100_000), 500, {
    doc: "Most clients in consumer groups at a time; one more is answered with 503.",
    live: true,
  }),
  console: row("console", choice<"on" | "off">("on", "off"), "on", {
    doc: "Whether a browser that opens the server's address gets the console, a page that shows " +
      "topics, records, sessions and charts, as far as one's rights go.",
  }),
  lease: row("lease", choice<"on" | "off">("on", "off"), "on", {
    doc: "Pinned partitions are unique over all processes by membership in Kafka groups of their " +
      "own; off for clusters that forbid those: then within this process only.",
  }),
  leasePrefix: row(
    "leasePrefix",
    text("NAME", "1 to 100 letters, digits, dots, dashes or underscores", /^[\w.-]{1,100}$/),
    "kafka-proxy.pin.",
    { doc: "Beginning of those groups' names, for one prefixed ACL." },
  ),
  internalTopics: row("internalTopics", internalTopics(), NONE, {
    doc: "Topics beginning with __ that may be read; all others of that kind are refused.",
    defaultText: "none",
    live: true,
  }),
  logLevel: row("logLevel", choice<LogLevelSetting>("debug", "info", "warning", "error"), "info", {
    doc: "Lowest level that is logged, on standard error.",
    live: true,
  }),
  logFormat: row("logFormat", choice<LogFormat>("json", "text"), undefined, {
    doc: "Form of a log line.",
    defaultText: "text on a terminal, else json",
  }),
  clientId: row(
    "clientId",
    text("NAME", "1 to 100 letters, digits, dots, dashes or underscores", /^[\w.-]{1,100}$/),
    "kafka-proxy",
    { doc: "How the proxy names itself to Kafka; shows in the brokers' logs and quotas." },
  ),
  drainTimeoutMs: row("drainTimeoutMs", ms(0, 30_000), 3000, {
    doc: "How long shutting down waits for clients to take what is under way; with up to 3000 " +
      "it is over in less than 5 s.",
    live: true,
  }),
  drainMs: row("drainMs", ms(0, 600_000), 0, {
    doc:
      "Time over which SIGTERM closes the sockets one after the other, with 1012; 0 closes all " +
      "at once, with 1001. POST /api/drain does the same.",
    live: true,
  }),
  adminPort: row(
    "adminPort",
    integer("PORT", 0, 65_535, { zero: "takes a free port" }),
    undefined,
    {
      doc: "Port of its own for /metrics and /api, on the same address.",
      defaultText: "none, they are on the main port",
    },
  ),
  maxMetricSeries: row("maxMetricSeries", count("names", 0, 100_000), 1000, {
    doc:
      "Most topics, most groups, and most partitions of groups that /metrics names; the others " +
      "are summed under other.",
  }),
};

/** The keys of {@linkcode SETTINGS_TABLE} in its order. */
export const SETTING_KEYS = Object.keys(SETTINGS_TABLE) as readonly SettingKey[];

/** Every name the server reads from the environment. */
export const ENVIRONMENT_NAMES: readonly string[] = SETTING_KEYS.map((key) =>
  SETTINGS_TABLE[key].env
);

type Rest<Value> = Pick<SettingRow<Value>, "doc"> & Partial<SettingRow<Value>>;

/** Flag and variable follow from the name: `maxBytes`, `--max-bytes`, `KAFKA_PROXY_MAX_BYTES`. */
function row<Value>(
  name: string,
  kind: Kind<Value>,
  standard: Value | undefined,
  rest: Rest<Value>,
): SettingRow<Value> {
  const words = name.replace(/[A-Z]/g, (letter) => `_${letter}`);
  return {
    name,
    flag: `--${words.toLowerCase().replaceAll("_", "-")}`,
    env: `KAFKA_PROXY_${words.toUpperCase()}`,
    kind,
    default: standard,
    ...rest,
  };
}

function file(): Kind<string> {
  return text("PATH", "the path of a file", /./);
}

function ms(min: number, max: number, zero?: string): Kind<number> {
  return integer("MS", min, max, { unit: "ms", zero });
}

function seconds(min: number, max: number, zero?: string): Kind<number> {
  return integer("SECONDS", min, max, { unit: "s", zero });
}

function bytes(min: number, max: number): Kind<number> {
  return integer("BYTES", min, max, { unit: "bytes" });
}

function count(unit: string, min: number, max: number): Kind<number> {
  return integer("N", min, max, { unit });
}
