import assert from "node:assert/strict";
import { loadSettings } from "../../src/config/load_settings.ts";
import type { ParsedSettings } from "../../src/config/parse_settings.ts";

const KAFKA = ["--kafka", "localhost:9092"];

/** Loads with these files and no others. */
async function load(
  args: string[],
  files: Record<string, string> = {},
  env: Record<string, string> = {},
): Promise<ParsedSettings> {
  return await loadSettings({ args, env }, (path) => {
    const text = files[path];
    return text === undefined ? Promise.reject(new Error("No such file")) : Promise.resolve(text);
  });
}

async function loaded(...given: Parameters<typeof load>) {
  const parsed = await load(...given);
  assert.equal(parsed.kind, "run", JSON.stringify(parsed));
  return parsed as Extract<ParsedSettings, { kind: "run" }>;
}

async function problems(...given: Parameters<typeof load>): Promise<readonly string[]> {
  const parsed = await load(...given);
  assert.equal(parsed.kind, "problems", JSON.stringify(parsed));
  return (parsed as Extract<ParsedSettings, { kind: "problems" }>).problems;
}

Deno.test("loadSettings() prefers flags to the environment, the environment to the file", async () => {
  const file = "kafka: [a:1, b:1]\nwsPort: 1\nhost: '::'\nclientId: of-the-file\n";
  const { settings, origins } = await loaded(
    ["--config", "c.yaml", "--port", "3"],
    { "c.yaml": file },
    { KAFKA_PROXY_PORT: "2", KAFKA_PROXY_HOST: "localhost" },
  );
  assert.deepEqual(
    [settings.kafka, settings.port, settings.host, settings.clientId, settings.maxBytes],
    [["a:1", "b:1"], 3, "localhost", "of-the-file", 500_000],
  );
  assert.deepEqual(
    (["kafka", "port", "host", "maxBytes"] as const).map((key) => origins.get(key)),
    [
      { origin: "file", source: "c.yaml: kafka" },
      { origin: "flag", source: "--port" },
      { origin: "environment", source: "KAFKA_PROXY_HOST" },
      { origin: "default", source: "default" },
    ],
  );
});

Deno.test("loadSettings() finds the file by the environment, a flag winning", async () => {
  const files = { a: "kafka: a:1", b: "kafka: b:1" };
  const env = { KAFKA_PROXY_CONFIG: "a" };
  assert.deepEqual((await loaded([], files, env)).settings.kafka, ["a:1"]);
  assert.deepEqual((await loaded(["--config", "b"], files, env)).settings.kafka, ["b:1"]);
});

Deno.test("loadSettings() reads no file, none named", async () => {
  assert.equal((await loaded(KAFKA)).settings.config, undefined);
});

Deno.test("loadSettings() reads no file for the help text and the version", async () => {
  assert.equal((await load(["--help", "--config", "missing"])).kind, "help");
  assert.equal((await load(["--version", "--config", "missing"])).kind, "version");
});

Deno.test("loadSettings() names a file that cannot be read", async () => {
  assert.deepEqual(await problems([...KAFKA, "--config", "missing"]), [
    'The configuration file "missing" cannot be read: No such file',
  ]);
});

Deno.test("loadSettings() reports mistakes of flags, environment and file together", async () => {
  const found = await problems(
    ["--config", "c.yaml", "--prot", "1"],
    { "c.yaml": "kafak: a:1\nrate: fast\n" },
    { KAFKA_PROXY_HOTS: "x" },
  );
  assert.deepEqual(found, [
    "--prot is not a flag (did you mean --port?); --help shows all",
    "KAFKA_PROXY_HOTS is not a setting (did you mean KAFKA_PROXY_HOST?); --help shows all",
    'c.yaml: "kafak" is not a setting (did you mean kafka?)',
    "c.yaml: rate is of type string: it must be an integer from 0 to 1000000000 records/s (0 sets no limit)",
    "--kafka is missing: name a broker, such as --kafka localhost:9092, or in the environment " +
    "KAFKA_PROXY_KAFKA=localhost:9092",
  ]);
});

for (const end of ["", "\n", "\r\n"]) {
  Deno.test(`loadSettings() reads the secret's file, ${JSON.stringify(end)} at its end`, async () => {
    const { settings } = await loaded([...KAFKA, "--auth-file", "/f"], { "/f": `secret${end}` });
    assert.equal(settings.auth, "secret");
  });
}

Deno.test("loadSettings() names a secret's file that is no use, and not the secret", async () => {
  const cases: [string | undefined, RegExp][] = [
    [undefined, /^The file "\/f" \(authFile\) cannot be read: No such file/],
    ["", /"\/f" \(authFile\) is empty/],
    ["\n", /"\/f" \(authFile\) is empty/],
    ["hunter2\n\n", /"\/f" \(authFile\) is not usable/],
    ["one\nhunter2", /"\/f" \(authFile\) is not usable/],
  ];
  for (const [text, expected] of cases) {
    const files: Record<string, string> = text === undefined ? {} : { "/f": text };
    const found = await problems([...KAFKA, "--auth-file", "/f"], files);
    assert.match(found.join("\n"), expected);
    assert.doesNotMatch(found.join("\n"), /hunter2/);
  }
});

Deno.test("loadSettings() lets the environment override the other secret of the file", async () => {
  const files = { c: "kafka: a:1\nauthFile: /f\n", "/f": "of the file" };
  const { settings } = await loaded(["--config", "c"], files, { KAFKA_PROXY_AUTH: "s" });
  assert.deepEqual([settings.auth, settings.authFile], ["s", undefined]);
});

Deno.test("loadSettings() refuses a file that gives the secret twice", async () => {
  const files = { c: "kafka: a:1\nauth: hunter2\nauthFile: /f\n" };
  assert.deepEqual(await problems(["--config", "c"], files), [
    "c: auth and c: authFile both give the secret: leave one out",
  ]);
});
