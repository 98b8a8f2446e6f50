import assert from "node:assert/strict";
import { SETTING_KEYS, SETTINGS_TABLE } from "../../src/config/settings_table.ts";
import { VERSION } from "../../src/core/version.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { type Ended, ProxyProcess } from "../support/proxy_process.ts";

/** What Deno itself says of named permission sets, and all it says. */
const DENO_WARNING = /^Warning Permissions in the config file is an experimental feature/;

/** Nobody listens on port 1. */
const AWAY = ["--kafka", "127.0.0.1:1"];

function ownLines({ otherLines }: Pick<Ended, "otherLines">): string[] {
  return otherLines.filter((line) => !DENO_WARNING.test(line));
}

Deno.test("main.ts reports all mistakes together and ends with 2", async () => {
  const ended = await ProxyProcess.run({
    args: ["--port", "70000", "--nonsense", "--max-bytes", "none"],
    env: { KAFKA_PROXY_HOST: "http://x", KAFKA_PROXY_PROT: "1" },
  });
  assert.equal(ended.code, 2);
  assert.equal(ended.stdout, "");
  assert.deepEqual(ended.log, [], "nothing was started");
  const lines = ownLines(ended);
  for (
    const mistake of [
      /--nonsense is not a flag/,
      /--kafka is missing/,
      /--port is "70000": it must be an integer from 0 to 65535/,
      /--max-bytes is "none": it must be an integer/,
      /KAFKA_PROXY_HOST is "http:\/\/x"/,
      /KAFKA_PROXY_PROT is not a setting \(did you mean KAFKA_PROXY_PORT\?\)/,
    ]
  ) {
    assert.equal(lines.filter((line) => mistake.test(line)).length, 1, `${mistake}\n${lines}`);
  }
  assert.equal(lines.at(-1), "kafka-proxy: --help shows all settings");
  assert.equal(lines.length, 7);
});

Deno.test("main.ts --help names every flag and variable, on standard output, and ends with 0", async () => {
  const ended = await ProxyProcess.run({ args: ["--help", "--nonsense"] });
  assert.equal(ended.code, 0);
  for (const key of SETTING_KEYS) {
    const { flag, env, notOnCommandLine } = SETTINGS_TABLE[key];
    const head = notOnCommandLine ? "" : `${flag} `;
    assert.match(ended.stdout, new RegExp(`^ {2}${head}.*${env}$`, "m"));
  }
  assert.deepEqual(ownLines(ended), []);
});

Deno.test("main.ts --version says it on standard output and ends with 0", async () => {
  const ended = await ProxyProcess.run({ args: ["--version"] });
  assert.deepEqual([ended.code, ended.stdout], [0, `kafka-proxy ${VERSION}\n`]);
});

Deno.test("main.ts says which port is taken and ends with 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const ended = await ProxyProcess.run({ args: [...AWAY, "--port", `${port}`] });
  assert.equal(ended.code, 1);
  assert.equal(ended.stdout, "");
  const lines = ownLines(ended);
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0], new RegExp(`^kafka-proxy: cannot listen on 127.0.0.1:${port}: .*in use`));
});

Deno.test("main.ts writes one listening record on standard error and nothing on standard output", async () => {
  await using proxy = await ProxyProcess.start({ args: AWAY });
  const healthy = await fetch(`${proxy.httpUrl}healthz`);
  assert.deepEqual([healthy.status, await healthy.json()], [200, { status: "ok" }]);
  await proxy.event("kafka_unreachable");
  proxy.signal("SIGTERM");
  const ended = await proxy.ended();
  assert.equal(ended.code, 0);
  assert.equal(ended.stdout, "");
  assert.deepEqual(ownLines(ended), []);
  const listening = ended.log.filter(({ event }) => event === "listening");
  assert.equal(listening.length, 1);
  assert.match(`${listening[0].address}`, /^ws:\/\/127\.0\.0\.1:\d+\/$/);
  assert.equal(listening[0].kafka, "127.0.0.1:1");
});

Deno.test("main.ts takes settings from the environment, and flags win over it", async () => {
  const env = {
    KAFKA_PROXY_KAFKA: "127.0.0.1:1,127.0.0.1:2/",
    KAFKA_PROXY_HOST: "localhost",
    KAFKA_PROXY_AUTH: "from-the-environment",
  };
  await using proxy = await ProxyProcess.start({ env, args: ["--host", "127.0.0.1"] });
  const [listening] = proxy.events("listening");
  assert.equal(listening.kafka, "127.0.0.1:1,127.0.0.1:2");
  assert.match(proxy.url, /^ws:\/\/127\.0\.0\.1:/);
  assert.deepEqual(proxy.events("open_to_network_without_auth"), []);
});

for (
  const { name, args, warnings } of [
    { name: "0.0.0.0 without --auth", args: ["--host", "0.0.0.0"], warnings: 1 },
    { name: ":: without --auth", args: ["--host", "::"], warnings: 1 },
    {
      name: "0.0.0.0 with --auth",
      args: ["--host", "0.0.0.0", "--auth", "thisisapassword"],
      warnings: 0,
    },
    { name: "localhost without --auth", args: ["--host", "localhost"], warnings: 0 },
  ]
) {
  Deno.test(`main.ts warns ${warnings} times, listening on ${name}`, async () => {
    await using proxy = await ProxyProcess.start({ args: [...AWAY, ...args] });
    await proxy.event("kafka_unreachable");
    proxy.signal("SIGINT");
    const { code, log } = await proxy.ended();
    assert.equal(code, 0);
    const found = log.filter(({ event }) => event === "open_to_network_without_auth");
    assert.equal(found.length, warnings);
    for (const { level, host } of found) assert.deepEqual([level, host], ["warning", args[1]]);
  });
}

Deno.test("main.ts reads the secret from --auth-file, where the permission is given", async () => {
  const path = await Deno.makeTempFile({ prefix: "kafka-proxy-secret-" });
  try {
    await Deno.writeTextFile(path, "thisisapassword\n");
    const args = [...AWAY, "--auth-file", path, "--host", "0.0.0.0"];
    const permissions = ["-P=server", `--allow-read=${path}`];
    await using proxy = await ProxyProcess.start({ args, permissions });
    assert.deepEqual(proxy.events("open_to_network_without_auth"), []);
    proxy.signal("SIGTERM");
    const { log } = await proxy.ended();
    assert.doesNotMatch(JSON.stringify(log), /thisisapassword/);

    const refused = await ProxyProcess.run({ args });
    assert.equal(refused.code, 2, "the server's own permissions read no files");
    assert.match(ownLines(refused)[0], /cannot be read: Requires read access/);
  } finally {
    await Deno.remove(path);
  }
});

/** Runs with a file of that text, which it may read and write; the file is gone afterwards. */
async function withFile(text: string, run: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "kafka-proxy-", suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, text);
    await run(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("main.ts reads the configuration file, where the permission is given", async () => {
  await withFile("kafka: 127.0.0.1:1\nclientId: of-the-file\nhost: '::1'\n", async (path) => {
    const env = { KAFKA_PROXY_CONFIG: path, KAFKA_PROXY_HOST: "127.0.0.1" };
    const permissions = ["-P=server", `--allow-read=${path}`];
    await using proxy = await ProxyProcess.start({ env, permissions });
    assert.equal(proxy.events("listening")[0].kafka, "127.0.0.1:1");
    assert.match(proxy.url, /^ws:\/\/127\.0\.0\.1:/);
    proxy.signal("SIGTERM");
    assert.equal((await proxy.ended()).code, 0);

    const refused = await ProxyProcess.run({ env });
    assert.equal(refused.code, 2, "the server's own permissions read no files");
    assert.match(
      ownLines(refused)[0],
      /configuration file .* cannot be read: Requires read access/,
    );
  });
});

Deno.test("main.ts config show says where each setting comes from and ends with 0", async () => {
  await withFile("kafka: 127.0.0.1:1\nauth: hunter2\n", async (path) => {
    const ended = await ProxyProcess.run({
      args: ["config", "show", "--config", path, "--max-bytes", "5"],
      env: { KAFKA_PROXY_RATE: "7" },
      permissions: ["-P=server", `--allow-read=${path}`],
    });
    assert.equal(ended.code, 0, ended.otherLines.join("\n"));
    for (
      const line of [
        `kafka: # file, ${path}: kafka`,
        `auth: "***" # file, ${path}: auth`,
        "maxBytes: 5 # flag, --max-bytes",
        "rate: 7 # environment, KAFKA_PROXY_RATE",
        "host: 127.0.0.1 # default",
      ]
    ) {
      assert.ok(ended.stdout.split("\n").includes(line), `${line} in\n${ended.stdout}`);
    }
    assert.doesNotMatch(ended.stdout, /hunter2/);
  });
});

Deno.test("main.ts takes what may change at SIGHUP, and says what may not", async () => {
  await withFile("kafka: 127.0.0.1:1\n", async (path) => {
    const permissions = ["-P=server", `--allow-read=${path}`];
    await using proxy = await ProxyProcess.start({ args: ["--config", path], permissions });
    const status = async () => {
      using answer = await httpUpgrade(`${proxy.url}?topic=t`);
      return answer.status;
    };
    assert.equal(await status(), 503, "nobody is asked for credentials, and Kafka is away");

    await Deno.writeTextFile(path, "kafka: 127.0.0.1:1\nauth: hunter22\nclientId: x\n");
    proxy.signal("SIGHUP");
    assert.deepEqual((await proxy.event("settings_reloaded")).changed, ["auth"]);
    assert.equal((await proxy.event("setting_needs_restart")).setting, "clientId");
    assert.equal(await status(), 401);

    await Deno.writeTextFile(path, "kafka: 127.0.0.1:1\nauht: hunter22\n");
    proxy.signal("SIGHUP");
    const { problems } = await proxy.event("settings_not_reloaded");
    assert.match(`${problems}`, /"auht" is not a setting \(did you mean auth\?\)/);
    assert.equal(await status(), 401, "nothing has changed");
    assert.doesNotMatch(JSON.stringify(proxy.log), /hunter22/);
  });
});
