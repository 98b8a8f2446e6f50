import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { parseSettings } from "../../src/config/parse_settings.ts";
import type { Settings } from "../../src/config/settings.ts";
import {
  ENVIRONMENT_NAMES,
  SETTING_KEYS,
  type SettingKey,
  SETTINGS_TABLE,
} from "../../src/config/settings_table.ts";

const KAFKA = ["--kafka", "localhost:9092"];

const HASH = `$scrypt$ln=15,r=8,p=3$${"A".repeat(22)}$${"A".repeat(43)}`;

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const PUBLIC_PEM = String(publicKey.export({ type: "spki", format: "pem" })).trim();
const PRIVATE_PEM = String(privateKey.export({ type: "pkcs8", format: "pem" })).trim();
const PUBLIC_JWK = JSON.stringify(publicKey.export({ format: "jwk" }));

function settings(args: string[], env: Record<string, string> = {}): Settings {
  const parsed = parseSettings({ args, env });
  assert.equal(parsed.kind, "run", JSON.stringify(parsed));
  return (parsed as { settings: Settings }).settings;
}

function problems(args: string[], env: Record<string, string> = {}): readonly string[] {
  const parsed = parseSettings({ args, env });
  assert.equal(parsed.kind, "problems", JSON.stringify(parsed));
  return (parsed as { problems: readonly string[] }).problems;
}

/** The bounds of every integer, written down a second time so that a slip in the table shows. */
const BOUNDS: Partial<Record<SettingKey, [min: number, max: number]>> = {
  port: [0, 65535],
  partition: [0, 2147483647],
  maxBytes: [1, 67108864],
  idleTimeoutMs: [0, 86400000],
  recordIntervalMs: [0, 86400000],
  commitIntervalMs: [10, 86400000],
  recordsPerSecond: [0, 1000000000],
  stallTimeoutMs: [10, 86400000],
  pingTimeoutSeconds: [0, 86400],
  jwtToleranceSeconds: [0, 600],
  maxSockets: [1, 1000000],
  maxSocketsPerAddress: [0, 1000000],
  maxSocketsPerPrincipal: [0, 1000000],
  upgradesPerSecond: [0, 1000000],
  maxHeaderBytes: [1024, 1048576],
  maxMessageBytes: [1024, 67108864],
  messagesPerSecond: [0, 10000000],
  inboundBytesPerSecond: [0, 1073741824],
  maxSubscriptions: [1, 10000],
  maxBatchBytes: [1024, 1073741824],
  cacheBytes: [65536, 17179869184],
  memoryBytes: [1048576, 68719476736],
  lingerMs: [0, 60000],
  maxGroupSessions: [0, 100000],
  drainTimeoutMs: [0, 30000],
  drainMs: [0, 600000],
  adminPort: [0, 65535],
  maxMetricSeries: [0, 100000],
};

/** Settings of which 0 sets no limit. */
const LIMITS: readonly SettingKey[] = [
  "recordsPerSecond",
  "maxSocketsPerAddress",
  "maxSocketsPerPrincipal",
  "upgradesPerSecond",
  "messagesPerSecond",
  "inboundBytesPerSecond",
];

/** For every other setting: values just inside, as they come out, and values just outside. */
const SAMPLES: Partial<
  Record<SettingKey, { inside: [given: string, read: unknown][]; outside: string[] }>
> = {
  config: { inside: [["./a b.yaml", "./a b.yaml"]], outside: ["", "  "] },
  kafka: {
    inside: [
      ["localhost:9092", ["localhost:9092"]],
      ["localhost:9092/", ["localhost:9092"]],
      ["kafka://localhost:9092/", ["localhost:9092"]],
      ["a:1, b_c.example.:65535", ["a:1", "b_c.example.:65535"]],
      ["a:1,a:1/", ["a:1"]],
      ["10.0.0.1:9092", ["10.0.0.1:9092"]],
    ],
    outside: [
      "localhost",
      "localhost:",
      ":9092",
      "a:0",
      "a:65536",
      "a:1,",
      "a:1//",
      "a:1/path",
      "a:kafka",
      "http://a:9092",
      "kafka+ssl://a:9092",
      "[::1]:9092",
      "::1:9092",
      "a b:1",
      "user@a:1",
    ],
  },
  tlsCert: { inside: [["/c.pem", "/c.pem"]], outside: [""] },
  tlsKey: { inside: [["/k.pem", "/k.pem"]], outside: [""] },
  kafkaTls: { inside: [["on", "on"], ["off", "off"]], outside: ["", "yes"] },
  kafkaCa: { inside: [["/a b.pem", "/a b.pem"]], outside: [""] },
  kafkaCert: { inside: [["/c.pem", "/c.pem"]], outside: [""] },
  kafkaKey: { inside: [["/k.pem", "/k.pem"]], outside: [""] },
  kafkaSasl: {
    inside: [
      ["plain", "plain"],
      ["scram-sha-256", "scram-sha-256"],
      ["scram-sha-512", "scram-sha-512"],
    ],
    outside: ["", "PLAIN", "gssapi"],
  },
  kafkaUser: { inside: [["alice", "alice"]], outside: [""] },
  kafkaPassword: { inside: [["a secret, with a comma", "a secret, with a comma"]], outside: [] },
  kafkaPasswordFile: { inside: [["/p", "/p"]], outside: [""] },
  kafkaOauthTokenFile: { inside: [["/t", "/t"]], outside: [""] },
  host: {
    inside: [
      ["0.0.0.0", "0.0.0.0"],
      ["localhost", "localhost"],
      ["::", "::"],
      ["[::1]", "::1"],
    ],
    outside: ["http://localhost", "localhost:80", "a/b", "::g", "[::1", "a b"],
  },
  auth: {
    inside: [["s", "s"], ["with blanks, commas", "with blanks, commas"], ["pässword", "pässword"]],
    outside: ["", " s", "s ", "a\nb", "a\u007fb"],
  },
  authFile: { inside: [["/run/secrets/a b", "/run/secrets/a b"]], outside: ["", "  "] },
  origins: {
    inside: [
      ["*", ["*"]],
      ["null", ["null"]],
      ["https://App.example:443/", ["https://app.example"]],
      ["http://localhost:8080,https://a.example", ["http://localhost:8080", "https://a.example"]],
      ["chrome-extension://abc", ["chrome-extension://abc"]],
      ["https://bücher.example", ["https://xn--bcher-kva.example"]],
    ],
    outside: ["app.example", "https://", "https://a/path", "https://a?b", "https://u@a", "**"],
  },
  reusePort: { inside: [["on", "on"], ["off", "off"]], outside: ["yes", "ON", ""] },
  compression: {
    inside: ["none", "gzip", "zstd"].map((word) => [word, word]),
    outside: ["", "None", "snappy", "lz4"],
  },
  users: {
    inside: [
      ["{}", {}],
      [`{"a":{"password":"${HASH}"}}`, { a: { password: HASH } }],
      [
        `{"b":{"password":"${HASH}","rights":{"consume":["x*"],"observe":true}}}`,
        { b: { password: HASH, rights: { consume: ["x*"], observe: true } } },
      ],
    ],
    outside: [
      "alice",
      "[]",
      '{"a":{}}',
      '{"a":{"password":"plain"}}',
      `{"a:b":{"password":"${HASH}"}}`,
      `{"a":{"password":"${HASH}","rihgts":{}}}`,
      `{"a":{"password":"${HASH}","rights":{"consume":"x"}}}`,
      `{"a":{"password":"${HASH}","rights":{"consume":["x*y"]}}}`,
      `{"a":{"password":"${HASH}","rights":{"delete":["x"]}}}`,
    ],
  },
  roles: {
    inside: [
      ["{}", {}],
      ['{"r":{"group":["*"],"rate":5}}', { r: { group: ["*"], rate: 5 } }],
    ],
    outside: ["reader", '{"r":{"rate":0}}', '{"r":{"encodings":["xml"]}}', '{"r r":{}}'],
  },
  jwtKey: {
    inside: [[PUBLIC_PEM, PUBLIC_PEM], [PUBLIC_JWK, PUBLIC_JWK]],
    outside: [
      "",
      "key",
      PRIVATE_PEM,
      PUBLIC_PEM.replace("MC", "XX"),
      '{"kty":"oct","k":"AAAA"}',
      '{"keys":[]}',
      '{"kty":"EC"}',
    ],
  },
  jwtKeyFile: { inside: [["/f", "/f"]], outside: ["", " "] },
  jwtSecret: { inside: [["x".repeat(32), "x".repeat(32)]], outside: ["", "x".repeat(31)] },
  jwtSecretFile: { inside: [["/f", "/f"]], outside: ["", " "] },
  jwksUrl: {
    inside: [
      ["https://a.example/jwks.json", "https://a.example/jwks.json"],
      ["http://localhost:8080/jwks", "http://localhost:8080/jwks"],
      ["http://127.0.0.1/", "http://127.0.0.1/"],
    ],
    outside: ["", "a.example", "http://a.example/", "ftp://a", "https://u:p@a.example/"],
  },
  jwtIssuer: { inside: [["https://a.example/", "https://a.example/"]], outside: ["", " "] },
  jwtAudience: { inside: [["a,b", ["a", "b"]]], outside: ["", "a,,b"] },
  jwtRightsClaim: { inside: [["realm_access.roles", "realm_access.roles"]], outside: [""] },
  ticketKey: { inside: [["x".repeat(32), "x".repeat(32)]], outside: ["", "x".repeat(31)] },
  ticketKeyFile: { inside: [["/f", "/f"]], outside: ["", " "] },
  accessTokenInUrl: { inside: [["on", "on"], ["off", "off"]], outside: ["", "yes"] },
  closeCodes: { inside: [["on", "on"], ["off", "off"]], outside: ["", "1"] },
  trustedProxies: {
    inside: [
      ["10.0.0.0/8, ::1", ["10.0.0.0/8", "::1"]],
      ["FD00::/8,192.0.2.1", ["fd00::/8", "192.0.2.1"]],
      ["0.0.0.0/0", ["0.0.0.0/0"]],
    ],
    outside: ["", "proxy", "10.0.0.0/33", "::/129", "10.0.0", "1.2.3.4/8/8", "fe80::1%eth0", "a/8"],
  },
  lease: { inside: [["on", "on"], ["off", "off"]], outside: ["", "On", "yes"] },
  console: { inside: [["on", "on"], ["off", "off"]], outside: ["", "On", "yes"] },
  leasePrefix: {
    inside: [["p", "p"], ["a.B-c_1", "a.B-c_1"]],
    outside: ["", "a b", "ä", "x".repeat(101)],
  },
  partition: { inside: [["all", "all"]], outside: ["All", "0,1", "-0.5", "one"] },
  internalTopics: {
    inside: [
      ["__consumer_offsets", ["__consumer_offsets"]],
      ["__a, __b", ["__a", "__b"]],
      [`__${"x".repeat(247)}`, [`__${"x".repeat(247)}`]],
    ],
    outside: ["_a", "orders", "__a b", `__${"x".repeat(248)}`],
  },
  logLevel: {
    inside: ["debug", "info", "warning", "error"].map((word) => [word, word]),
    outside: ["warn", "INFO", "trace"],
  },
  logFormat: { inside: [["json", "json"], ["text", "text"]], outside: ["xml", "JSON"] },
  clientId: {
    inside: [["a", "a"], ["x".repeat(100), "x".repeat(100)], ["a.b_c-1", "a.b_c-1"]],
    outside: ["x".repeat(101), "a b", "a/b"],
  },
};

const SASL = ["--kafka-sasl", "plain", "--kafka-user", "me", "--kafka-password-file", "/p"];
const LISTENER = ["--tls-cert", "/c", "--tls-key", "/k"];
const MUTUAL = ["--kafka-tls", "on", "--kafka-cert", "/c", "--kafka-key", "/k"];

/** What has to be there beside a setting. */
const COMPANIONS: Partial<Record<SettingKey, readonly string[]>> = {
  kafka: [],
  tlsCert: [...KAFKA, ...LISTENER],
  tlsKey: [...KAFKA, ...LISTENER],
  kafkaCa: [...KAFKA, "--kafka-tls", "on"],
  kafkaCert: [...KAFKA, ...MUTUAL],
  kafkaKey: [...KAFKA, ...MUTUAL],
  kafkaSasl: [...KAFKA, ...SASL],
  kafkaUser: [...KAFKA, ...SASL],
  kafkaPassword: [...KAFKA, ...SASL.slice(0, 4)],
  kafkaPasswordFile: [...KAFKA, ...SASL],
  kafkaOauthTokenFile: [...KAFKA, "--kafka-sasl", "oauthbearer"],
  jwtKey: [...KAFKA, "--jwt-audience", "us"],
  jwtKeyFile: [...KAFKA, "--jwt-audience", "us"],
  jwtSecret: [...KAFKA, "--jwt-audience", "us"],
  jwtSecretFile: [...KAFKA, "--jwt-audience", "us"],
  jwksUrl: [...KAFKA, "--jwt-audience", "us"],
};

/** Those flags, without the setting's own. */
function others(key: SettingKey): string[] {
  const all = COMPANIONS[key] ?? KAFKA;
  const at = all.indexOf(SETTINGS_TABLE[key].flag);
  return at < 0 ? [...all] : [...all.slice(0, at), ...all.slice(at + 2)];
}

/** Flags with one value, everything else valid. */
function withOnly(key: SettingKey, text: string): string[] {
  return [...others(key), `${SETTINGS_TABLE[key].flag}=${text}`];
}

for (const key of SETTING_KEYS) {
  const { flag, env, kind, notOnCommandLine } = SETTINGS_TABLE[key];

  Deno.test(`parseSettings() takes ${flag} and ${env}, just inside what is allowed`, () => {
    const bounds = BOUNDS[key];
    assert.deepEqual(
      kind.bounds && [kind.bounds.min, kind.bounds.max],
      bounds,
      "bounds are listed here",
    );
    const numbers = (bounds ?? []).map((n): [string, unknown] => [
      String(n),
      LIMITS.includes(key) && n === 0 ? undefined : n,
    ]);
    const inside = [...numbers, ...(SAMPLES[key]?.inside ?? [])];
    assert.ok(inside.length > 0, "every setting has a sample here");
    for (const [text, value] of inside) {
      if (!notOnCommandLine) {
        assert.deepEqual(settings(withOnly(key, text))[key], value, `${flag}=${text}`);
      }
      assert.deepEqual(settings(others(key), { [env]: text })[key], value, `${env}=${text}`);
    }
  });

  Deno.test(`parseSettings() refuses ${flag} and ${env}, just outside what is allowed`, () => {
    const [min, max] = BOUNDS[key] ?? [];
    const numbers = min === undefined || max === undefined
      ? []
      : [min - 1, max + 1, "1.5", "1e3", "0x10", "1_000", "", "NaN", "9".repeat(400)].map(String);
    for (const text of [...numbers, ...(SAMPLES[key]?.outside ?? [])]) {
      const byFlag = problems(withOnly(key, text));
      assert.equal(byFlag.length, 1, `${flag}=${text}: ${byFlag.join("\n")}`);
      assert.ok(byFlag[0].startsWith(`${flag} `), byFlag[0]);
      const byEnvironment = problems(others(key), { [env]: text });
      assert.equal(byEnvironment.length, 1, `${env}=${text}: ${byEnvironment.join("\n")}`);
      assert.ok(byEnvironment[0].startsWith(`${env} `), byEnvironment[0]);
    }
  });
}

Deno.test("parseSettings() gives the defaults, only the brokers named", () => {
  assert.deepEqual(settings(KAFKA), {
    config: undefined,
    kafka: ["localhost:9092"],
    kafkaTls: "off",
    kafkaCa: undefined,
    kafkaCert: undefined,
    kafkaKey: undefined,
    kafkaSasl: undefined,
    kafkaUser: undefined,
    kafkaPassword: undefined,
    kafkaPasswordFile: undefined,
    kafkaOauthTokenFile: undefined,
    port: 9999,
    host: "127.0.0.1",
    tlsCert: undefined,
    tlsKey: undefined,
    auth: undefined,
    authFile: undefined,
    users: undefined,
    roles: {},
    jwtKey: undefined,
    jwtKeyFile: undefined,
    jwtSecret: undefined,
    jwtSecretFile: undefined,
    jwksUrl: undefined,
    jwtIssuer: undefined,
    jwtAudience: [],
    jwtToleranceSeconds: 30,
    jwtRightsClaim: "kafka",
    ticketKey: undefined,
    ticketKeyFile: undefined,
    accessTokenInUrl: "off",
    closeCodes: "off",
    trustedProxies: [],
    origins: [],
    partition: 0,
    maxBytes: 500000,
    idleTimeoutMs: 0,
    recordIntervalMs: 5000,
    commitIntervalMs: 1000,
    recordsPerSecond: undefined,
    stallTimeoutMs: 60000,
    pingTimeoutSeconds: 120,
    maxSockets: 10000,
    maxSocketsPerAddress: undefined,
    maxSocketsPerPrincipal: undefined,
    upgradesPerSecond: undefined,
    maxHeaderBytes: 32768,
    maxMessageBytes: 4194304,
    messagesPerSecond: 10000,
    inboundBytesPerSecond: undefined,
    maxSubscriptions: 100,
    maxBatchBytes: 67108864,
    compression: "none",
    cacheBytes: 33554432,
    memoryBytes: 268435456,
    lingerMs: 0,
    reusePort: "off",
    maxGroupSessions: 500,
    lease: "on",
    console: "on",
    leasePrefix: "kafka-proxy.pin.",
    internalTopics: [],
    logLevel: "info",
    logFormat: undefined,
    clientId: "kafka-proxy",
    drainTimeoutMs: 3000,
    drainMs: 0,
    adminPort: undefined,
    maxMetricSeries: 1000,
  });
});

Deno.test("parseSettings() gives settings nobody can change", () => {
  const given = settings(KAFKA);
  assert.ok(
    Object.isFrozen(given) && Object.isFrozen(given.kafka) && Object.isFrozen(given.origins),
  );
});

Deno.test("parseSettings() prefers flags to the environment, a list as a whole", () => {
  const env = { KAFKA_PROXY_PORT: "1", KAFKA_PROXY_KAFKA: "a:1,b:1", KAFKA_PROXY_HOST: "::" };
  const given = settings(["--port", "2", "--kafka", "c:1"], env);
  assert.deepEqual([given.port, given.kafka, given.host], [2, ["c:1"], "::"]);
});

Deno.test("parseSettings() overlooks a malformed variable, its flag given", () => {
  assert.equal(settings([...KAFKA, "--port", "2"], { KAFKA_PROXY_PORT: "x" }).port, 2);
});

Deno.test("parseSettings() adds a repeated list up and takes the last of anything else", () => {
  const args = ["--kafka", "a:1,b:1", "--port=1", "--kafka=c:1", "--port", "2"];
  const given = settings([...args, "--origin", "https://a", "--origin", "https://b"]);
  assert.deepEqual(given.kafka, ["a:1", "b:1", "c:1"]);
  assert.equal(given.port, 2);
  assert.deepEqual(given.origins, ["https://a", "https://b"]);
});

Deno.test("parseSettings() skips dashes that come first, as npm's users write them", () => {
  assert.equal(settings(["--", ...KAFKA, "--port", "0"]).port, 0);
});

Deno.test("parseSettings() reports all mistakes together, in one go", () => {
  const found = problems(
    ["--prot", "1", "--port", "x", "stray", "--max-bytes", "--idle-timeout=-1", "--host"],
    { KAFKA_PROXY_RATE: "fast", KAFKA_PROXY_ORIGNI: "x" },
  );
  assert.deepEqual(found, [
    "--prot is not a flag (did you mean --port?); --help shows all",
    '"stray" stands alone: it needs a flag before it',
    "KAFKA_PROXY_ORIGNI is not a setting (did you mean KAFKA_PROXY_ORIGIN?); --help shows all",
    "--kafka is missing: name a broker, such as --kafka localhost:9092, or in the environment " +
    "KAFKA_PROXY_KAFKA=localhost:9092",
    '--port is "x": it must be an integer from 0 to 65535 (0 takes a free port)',
    "--host needs a value: it must be a host name or an IP address, without scheme and port",
    "--max-bytes needs a value: it must be an integer from 1 to 67108864 bytes",
    '--idle-timeout is "-1": it must be an integer from 0 to 86400000 ms',
    'KAFKA_PROXY_RATE is "fast": it must be an integer from 0 to 1000000000 records/s ' +
    "(0 sets no limit)",
  ]);
});

Deno.test("parseSettings() does not take the next flag for a value that was forgotten", () => {
  const found = problems([...KAFKA, "--port", "--host", "::"]);
  assert.equal(found.length, 1);
  assert.match(found[0], /^--port needs a value/);
});

Deno.test("parseSettings() reports a forgotten value, the list given once more", () => {
  for (const args of [["--kafka", ...KAFKA], [...KAFKA, "--kafka"]]) {
    const found = problems(args);
    assert.equal(found.length, 1);
    assert.match(found[0], /^--kafka needs a value/);
  }
});

Deno.test("parseSettings() says what to write instead of an IPv6 broker", () => {
  for (const address of ["[::1]:9092", "::1:9092", "fe80::1"]) {
    const [found] = problems(["--kafka", address]);
    assert.match(found, /KafkaJS cannot use IPv6 literals; give the broker's host name/);
  }
});

Deno.test("parseSettings() shows the help text, mistakes and all", () => {
  for (const flag of ["--help", "-h"]) {
    const parsed = parseSettings({ args: ["--nonsense", flag], env: {} });
    assert.equal(parsed.kind, "help");
    assert.match((parsed as { text: string }).text, /^kafka-proxy: /);
  }
  assert.equal(parseSettings({ args: ["--port", "--help"], env: {} }).kind, "help");
});

Deno.test("parseSettings() tells the version, brokers missing", () => {
  assert.equal(parseSettings({ args: ["--version"], env: {} }).kind, "version");
});

Deno.test("parseSettings() passes over what Kubernetes sets for a service called kafka-proxy", () => {
  const given = settings(KAFKA, {
    KAFKA_PROXY_PORT: "tcp://10.0.0.1:9999",
    KAFKA_PROXY_SERVICE_HOST: "10.0.0.1",
    KAFKA_PROXY_SERVICE_PORT: "9999",
    KAFKA_PROXY_SERVICE_PORT_HTTP: "9999",
    KAFKA_PROXY_PORT_9999_TCP: "tcp://10.0.0.1:9999",
    KAFKA_PROXY_PORT_9999_TCP_PROTO: "tcp",
    KAFKA_PROXY_PORT_9999_TCP_PORT: "9999",
    KAFKA_PROXY_PORT_9999_TCP_ADDR: "10.0.0.1",
    KAFKA_PROXY_ADMIN_PORT: "tcp://10.0.0.2:1",
  });
  assert.equal(given.port, 9999);
});

Deno.test("parseSettings() leaves other programs' variables alone", () => {
  assert.equal(
    settings(KAFKA, { KAFKA_HEAP_OPTS: "-Xmx1g", PORT: "x", KAFKA_PROXY: "x" }).port,
    9999,
  );
});

Deno.test("parseSettings() never shows a secret in a problem", () => {
  const cases: [string[], Record<string, string>][] = [
    [[...KAFKA, "--auth", " hunter2"], {}],
    [[...KAFKA, "--auth", "my", "hunter2"], {}],
    [[...KAFKA, "--auth=hunter2\n"], {}],
    [[...KAFKA, "--auht", "hunter2"], {}],
    [[...KAFKA, "--auht=hunter2"], {}],
    [KAFKA, { KAFKA_PROXY_AUTH: "hunter2 " }],
    [KAFKA, { KAFKA_PROXY_AUHT: "hunter2" }],
    [KAFKA, { KAFKA_PROXY_AUTH: "hunter2", KAFKA_PROXY_AUTH_FILE: "/f" }],
  ];
  for (const [args, env] of cases) {
    const found = problems(args, env);
    assert.ok(!found.join("\n").includes("hunter2"), found.join("\n"));
  }
});

Deno.test("parseSettings() refuses two secrets of the same rank", () => {
  assert.deepEqual(problems([...KAFKA, "--auth", "a", "--auth-file", "b"]), [
    "--auth and --auth-file both give the secret: leave one out",
  ]);
  const env = { KAFKA_PROXY_AUTH: "a", KAFKA_PROXY_AUTH_FILE: "b" };
  assert.deepEqual(problems(KAFKA, env), [
    "KAFKA_PROXY_AUTH and KAFKA_PROXY_AUTH_FILE both give the secret: leave one out",
  ]);
});

Deno.test("parseSettings() lets a flag override the other secret's variable", () => {
  const byFile = settings([...KAFKA, "--auth-file", "b"], { KAFKA_PROXY_AUTH: "a" });
  assert.deepEqual([byFile.auth, byFile.authFile], [undefined, "b"]);
  const bySecret = settings([...KAFKA, "--auth", "a"], { KAFKA_PROXY_AUTH_FILE: "b" });
  assert.deepEqual([bySecret.auth, bySecret.authFile], ["a", undefined]);
});

Deno.test("parseSettings() wants an audience, tokens being taken", () => {
  const given = ["--jwks-url", "https://a.example/"];
  assert.match(problems([...KAFKA, ...given])[0], /^--jwt-audience is missing/);
  assert.deepEqual(settings([...KAFKA, ...given, "--jwt-audience", "us"]).jwtAudience, ["us"]);
});

Deno.test("parseSettings() names a role that is none with the nearest one", () => {
  const users = JSON.stringify({ alice: { password: HASH, roles: ["raeder"] } });
  assert.deepEqual(problems([...KAFKA, "--roles", '{"reader":{}}'], { KAFKA_PROXY_USERS: users }), [
    'KAFKA_PROXY_USERS gives "alice" the role "raeder", which --roles does not have ' +
    "(did you mean reader?)",
  ]);
});

Deno.test("ENVIRONMENT_NAMES has one KAFKA_PROXY_ name for each setting", () => {
  assert.equal(new Set(ENVIRONMENT_NAMES).size, SETTING_KEYS.length);
  for (const name of ENVIRONMENT_NAMES) assert.match(name, /^KAFKA_PROXY_[A-Z]+(_[A-Z]+)*$/);
});

Deno.test("parseSettings() passes over the variables of the tests' launcher", () => {
  const env = { KAFKA_PROXY_TEST_CACHE: "/tmp/cache", KAFKA_PROXY_KAFKA: "localhost:9092" };
  assert.equal(parseSettings({ args: [], env }).kind, "run");
});

Deno.test("parseSettings() takes no password from the command line, and does not show it", () => {
  const found = problems([...KAFKA, "--kafka-password", "thisisapassword"]);
  assert.deepEqual(found, [
    "--kafka-password would show a secret to all users of this machine: give it as " +
    "KAFKA_PROXY_KAFKA_PASSWORD, or in a file by --kafka-password-file",
  ]);
});

for (
  const [args, problem] of [
    [["--tls-cert", "/c"], /^--tls-cert needs --tls-key$/],
    [["--tls-key", "/k"], /^--tls-key needs --tls-cert$/],
    [["--kafka-tls", "on", "--kafka-cert", "/c"], /^--kafka-cert needs --kafka-key$/],
    [["--kafka-tls", "on", "--kafka-key", "/c"], /^--kafka-key needs --kafka-cert$/],
    [["--kafka-ca", "/c"], /^--kafka-ca is for connections by TLS: set --kafka-tls to on$/],
    [["--kafka-user", "me"], /^--kafka-user needs --kafka-sasl$/],
    [
      ["--kafka-sasl", "plain", "--kafka-user", "me"],
      /^--kafka-sasl needs KAFKA_PROXY_KAFKA_PASSWORD or --kafka-password-file$/,
    ],
    [["--kafka-sasl", "oauthbearer"], /^--kafka-sasl needs --kafka-oauth-token-file$/],
    [
      [...SASL, "--kafka-oauth-token-file", "/t"],
      /^--kafka-oauth-token-file is for oauthbearer: set --kafka-sasl to it$/,
    ],
  ] as const
) {
  Deno.test(`parseSettings() refuses what does not go together: ${args.join(" ")}`, () => {
    const found = problems([...KAFKA, ...args]);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0], problem);
  });
}

Deno.test("parseSettings() refuses a password from two places", () => {
  const [problem] = problems([...KAFKA, ...SASL], { KAFKA_PROXY_KAFKA_PASSWORD: "secret" });
  assert.match(problem, /^KAFKA_PROXY_KAFKA_PASSWORD and --kafka-password-file exclude each other/);
});
