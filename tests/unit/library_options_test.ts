import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { type LibraryOptions, settingsFromOptions } from "../../src/config/library_options.ts";
import { parseSettings } from "../../src/config/parse_settings.ts";
import { SETTING_KEYS, SETTINGS_TABLE } from "../../src/config/settings_table.ts";

const LEAST: LibraryOptions = { wsPort: 9999, kafka: "localhost:9092/" };

const HASH = `$scrypt$ln=15,r=8,p=3$${"A".repeat(22)}$${"A".repeat(43)}`;
const USERS = { alice: { password: HASH, roles: ["reader"] } };
const JWK = JSON.stringify(generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }));

/** Every option with a value that is not its default; a missing one does not compile. */
/** The two left out exclude what is here. */
const ALL: Required<Omit<LibraryOptions, "kafkaPassword" | "kafkaOauthTokenFile">> = {
  wsPort: 1,
  kafka: ["a:1", "b:2/"],
  idleTimeout: 100,
  maxBytes: 1000000,
  partition: "all",
  auth: "thisisapassword",
  recordInterval: 1,
  users: USERS,
  roles: { reader: { consume: ["*"] } },
  jwtKey: JWK,
  jwtSecret: "j".repeat(32),
  jwksUrl: "https://a.example/jwks",
  jwtIssuer: "https://a.example",
  jwtAudience: "us",
  jwtToleranceSeconds: 1,
  jwtRightsClaim: "roles",
  ticketKey: "t".repeat(32),
  accessTokenInUrl: "on",
  closeCodes: "on",
  trustedProxies: "10.0.0.0/8",
  host: "0.0.0.0",
  origin: ["https://a.example", "null"],
  commitIntervalMs: 20,
  kafkaTls: "on",
  kafkaCa: "/ca",
  kafkaCert: "/cert",
  kafkaKey: "/key",
  kafkaSasl: "scram-sha-512",
  kafkaUser: "me",
  kafkaPasswordFile: "/password",
  tlsCert: "/tls-cert",
  tlsKey: "/tls-key",
  rate: 7,
  stallTimeoutMs: 30,
  pingTimeoutSeconds: 9,
  maxSockets: 10,
  maxSocketsPerAddress: 4,
  maxSocketsPerPrincipal: 5,
  upgradesPerSecond: 6,
  maxHeaderBytes: 2000,
  maxMessageBytes: 3000,
  messagesPerSecond: 8,
  inboundBytesPerSecond: 4000,
  maxSubscriptions: 9,
  maxBatchBytes: 2048,
  compression: "zstd",
  cacheBytes: 65536,
  memoryBytes: 1048576,
  lingerMs: 6,
  reusePort: "on",
  maxGroupSessions: 3,
  lease: "off",
  console: "off",
  leasePrefix: "pin-",
  internalTopics: "__consumer_offsets",
  logLevel: "debug",
  logFormat: "json",
  clientId: "me",
  drainTimeoutMs: 5,
  drainMs: 6,
  adminPort: 7,
  maxMetricSeries: 8,
};

function refused(options: unknown): string {
  let message = "";
  assert.throws(() => settingsFromOptions(options as LibraryOptions), (error: unknown) => {
    assert.ok(error instanceof TypeError);
    message = error.message;
    return true;
  });
  return message;
}

Deno.test("settingsFromOptions() gives what the command line gives, defaults", () => {
  const parsed = parseSettings({ args: ["--kafka", "localhost:9092"], env: {} });
  assert.deepEqual(settingsFromOptions(LEAST), (parsed as { settings: unknown }).settings);
});

Deno.test("settingsFromOptions() knows every setting of the table but the file's", () => {
  const names = SETTING_KEYS.map((key) => SETTINGS_TABLE[key])
    .filter((row) => row.notInLibrary === undefined).map((row) => row.name);
  // They stand for kafkaPasswordFile, which excludes them.
  const given = [...Object.keys(ALL), "kafkaPassword", "kafkaOauthTokenFile"];
  assert.deepEqual(given.sort(), names.sort());
});

Deno.test("settingsFromOptions() reads every option", () => {
  assert.deepEqual(settingsFromOptions(ALL), {
    port: 1,
    kafka: ["a:1", "b:2"],
    kafkaTls: "on",
    kafkaCa: "/ca",
    kafkaCert: "/cert",
    kafkaKey: "/key",
    kafkaSasl: "scram-sha-512",
    kafkaUser: "me",
    kafkaPassword: undefined,
    kafkaPasswordFile: "/password",
    kafkaOauthTokenFile: undefined,
    tlsCert: "/tls-cert",
    tlsKey: "/tls-key",
    idleTimeoutMs: 100,
    maxBytes: 1000000,
    partition: "all",
    auth: "thisisapassword",
    authFile: undefined,
    users: USERS,
    roles: { reader: { consume: ["*"] } },
    jwtKey: JWK,
    jwtKeyFile: undefined,
    jwtSecret: "j".repeat(32),
    jwtSecretFile: undefined,
    jwksUrl: "https://a.example/jwks",
    jwtIssuer: "https://a.example",
    jwtAudience: ["us"],
    jwtToleranceSeconds: 1,
    jwtRightsClaim: "roles",
    ticketKey: "t".repeat(32),
    ticketKeyFile: undefined,
    accessTokenInUrl: "on",
    closeCodes: "on",
    trustedProxies: ["10.0.0.0/8"],
    config: undefined,
    recordIntervalMs: 1,
    host: "0.0.0.0",
    origins: ["https://a.example", "null"],
    commitIntervalMs: 20,
    recordsPerSecond: 7,
    stallTimeoutMs: 30,
    pingTimeoutSeconds: 9,
    maxSockets: 10,
    maxSocketsPerAddress: 4,
    maxSocketsPerPrincipal: 5,
    upgradesPerSecond: 6,
    maxHeaderBytes: 2000,
    maxMessageBytes: 3000,
    messagesPerSecond: 8,
    inboundBytesPerSecond: 4000,
    maxSubscriptions: 9,
    maxBatchBytes: 2048,
    compression: "zstd",
    cacheBytes: 65536,
    memoryBytes: 1048576,
    lingerMs: 6,
    reusePort: "on",
    maxGroupSessions: 3,
    lease: "off",
    console: "off",
    leasePrefix: "pin-",
    internalTopics: ["__consumer_offsets"],
    logLevel: "debug",
    logFormat: "json",
    clientId: "me",
    drainTimeoutMs: 5,
    drainMs: 6,
    adminPort: 7,
    maxMetricSeries: 8,
  });
});

Deno.test("settingsFromOptions() takes the options of the original's own page", () => {
  const given = settingsFromOptions({
    wsPort: 9999,
    kafka: "localhost:9092/",
    idleTimeout: 100,
    maxBytes: 1000000,
    partition: 0,
    auth: "thisisapassword",
  });
  assert.deepEqual([given.kafka, given.idleTimeoutMs], [["localhost:9092"], 100]);
});

Deno.test("settingsFromOptions() throws with the original's advice, wsPort or kafka missing", () => {
  assert.match(refused({ kafka: "a:1" }), /wsPort is missing: .* set e\.g\. \{ wsPort: 9999 \}$/);
  assert.match(
    refused({ wsPort: 9999 }),
    /kafka is missing: .* set e\.g\. \{ kafka: "localhost:9092\/" \}$/,
  );
  for (const options of [{}, undefined, null, { wsPort: undefined, kafka: [] }]) {
    assert.match(refused(options), /wsPort is missing.*kafka is missing|kafka is missing.*wsPort/);
  }
});

Deno.test("settingsFromOptions() counts undefined as left out", () => {
  assert.equal(settingsFromOptions({ ...LEAST, auth: undefined, rate: undefined }).auth, undefined);
});

Deno.test("settingsFromOptions() takes numbers as text, as the original did", () => {
  const options = { ...LEAST, wsPort: "8080", maxBytes: "5" } as unknown as LibraryOptions;
  const given = settingsFromOptions(options);
  assert.deepEqual([given.port, given.maxBytes], [8080, 5]);
});

Deno.test("settingsFromOptions() names every mistake at once", () => {
  const message = refused({
    wsport: 1,
    kafka: "[::1]:9092",
    maxBytes: 0,
    idleTimeout: 1.5,
    partition: null,
    auth: { user: "a" },
    recordInterval: NaN,
    host: ["a", "b"],
    authFile: "/f",
  });
  assert.equal(
    message,
    'Cannot create KafkaProxy: "wsport" is not an option (did you mean wsPort?); ' +
      "partition is of type null: it must be an integer from 0 to 2147483647, or all; " +
      "auth is of type object: it must be text without control characters and without blanks at " +
      "its ends; " +
      "host is of type array: it must be a host name or an IP address, without scheme and port; " +
      "authFile is for the command line only: read the file and pass its text as auth; " +
      'kafka is "[::1]:9092": KafkaJS cannot use IPv6 literals; give the broker\'s host name, such ' +
      "as localhost:9092; " +
      "wsPort is missing: a WebSocket port is needed, please set e.g. { wsPort: 9999 }; " +
      'maxBytes is "0": it must be an integer from 1 to 67108864 bytes; ' +
      'idleTimeout is "1.5": it must be an integer from 0 to 86400000 ms; ' +
      'recordInterval is "NaN": it must be an integer from 0 to 86400000 ms (0 switches it off)',
  );
});

Deno.test("settingsFromOptions() does not call missing what is there and unusable", () => {
  const message = refused({ wsPort: null, kafka: {} });
  assert.ok(!message.includes("missing"), message);
});

Deno.test("settingsFromOptions() refuses an empty secret, which would let everybody in", () => {
  assert.match(refused({ ...LEAST, auth: "" }), /auth is empty/);
});

Deno.test("settingsFromOptions() never shows a secret", () => {
  assert.ok(!refused({ ...LEAST, auth: " hunter2" }).includes("hunter2"));
});
