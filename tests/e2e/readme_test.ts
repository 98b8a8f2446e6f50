import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { probeMetadata } from "../kafka/metadata_probe.ts";
import { eventually } from "../support/eventually.ts";
import { readmeBlocks, readmeCommands } from "../support/readme.ts";
import { RecordClient } from "../support/record_client.ts";
import { ShellCommand, type ShellResult } from "../support/shell_command.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The ports that README.md's commands name. */
const PORTS = [9092, 9999];

const KAFKA = "127.0.0.1:9092";
const PROXY = "http://127.0.0.1:9999/";

/** What is not run here, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  "deno task test": "this test is part of it; .ci/run calls it with npx",
  "npx -y deno@2.9.6 task test": "this test is part of it; .ci/run calls it",
  "deno task ok": ".ci/run calls it with npx",
  "apt-get update && apt-get install -y openjdk-17-jre-headless maven nodejs npm chromium kcat prometheus tmux faketime":
    "it changes the machine",
};

/** Runs README.md's commands, and knows which of them it has run. */
class Readme implements AsyncDisposable {
  readonly #left = new Set(readmeCommands());
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** With a `deno` on the PATH, which is the one that runs this. */
  static async open(): Promise<Readme> {
    const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-readme-" });
    await Deno.symlink(Deno.execPath(), `${folder}/deno`);
    return new Readme(folder);
  }

  /** Commands that were neither run nor passed over. */
  get left(): string[] {
    return [...this.#left];
  }

  /** Starts a command; `adjustment` is put after it, for how long it runs and which broker. */
  start(command: string, adjustment = "", input?: string): ShellCommand {
    this.#take(command);
    const env = { PATH: `${this.#folder}:${Deno.env.get("PATH")}`, CI: "" };
    return new ShellCommand(`${command} ${adjustment}`, {
      cwd: ROOT,
      env,
      ...(input === undefined ? {} : { input }),
    });
  }

  async run(command: string, adjustment = "", timeoutMs = 60_000): Promise<ShellResult> {
    await using running = this.start(command, adjustment);
    return await running.ended(timeoutMs);
  }

  /** Says that a command is not run. */
  passOver(command: string, reason: string): void {
    this.#take(command);
    console.log(`Not run: ${command}\n  ${reason}`);
  }

  #take(command: string): void {
    assert.ok(readmeCommands().includes(command), `README.md has no command ${command}`);
    this.#left.delete(command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function untilReady(): Promise<void> {
  await eventually("the proxy to be ready", async () => {
    const response = await fetch(`${PROXY}readyz`).catch(() => undefined);
    await response?.body?.cancel();
    return response?.ok;
  }, { timeoutMs: 20_000 });
}

/** Ends a server as Ctrl-C does. */
async function stop(server: ShellCommand): Promise<void> {
  server.signal("SIGINT");
  assert.equal((await server.ended()).code, 0);
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

const taken = PORTS.filter((port) => !isFree(port));
const isCi = Deno.env.get("CI") === "true";
if (taken.length > 0) console.log(`README.md's commands need port ${taken}, which is in use`);

Deno.test({
  name: "README.md's commands do what it says, each as it stands there",
  ignore: taken.length > 0 && !isCi,
  fn: async (t) => {
    await using readme = await Readme.open();
    await using stack = new AsyncDisposableStack();
    const step = (name: string, run: () => Promise<void>) => t.step(name, run);

    const kafka = readme.start("deno task kafka --port 9092 --topic test");
    stack.use(kafka);
    await kafka.shows(/^127\.0\.0\.1:9092$/m, 180_000);
    const helper = stack.use(await KafkaHelper.start(KAFKA));
    assert.equal((await helper.describeTopic("test")).length, 1);

    await step("the proxy, wscat, the producer, a page's script and the consumer", async () => {
      await using server = readme.start("deno task start --kafka localhost:9092");
      await server.shows(/"message":"Listening on ws:\/\/127\.0\.0\.1:9999\/"/);
      await untilReady();
      assert.equal(server.stdout, "");

      await using wscat = readme.start(
        'npx -y wscat@6.1.0 --connect "ws://127.0.0.1:9999/?topic=test&consumerGroup=group1"',
      );
      await server.shows(/"event":"session_opened"/);
      const { code, stdout } = await readme.run(
        "deno run -P=producer samples/producer.ts -t test --count 10",
      );
      assert.deepEqual([code, stdout], [0, "10 records written to test\n"]);
      await wscat.shows(/"offset":9\}\]\n/);

      const [script] = readmeBlocks("js");
      await using page = new ShellCommand(`'${Deno.execPath()}' run --allow-net -`, {
        input: script,
      });
      await page.shows(/^9 \{"order":"A-/m);
      assert.match(page.stdout, /^0 \{/);

      await using _ = await WithoutOffset.of("test");
      await using consumer = readme.start(
        "deno run -P=consumer samples/consumer.ts -t test -c group3",
      );
      await consumer.shows(/^\{"message":.*,"offset":9\}\n/m);
      assert.equal(consumer.stdout.split("\n").length, 11);
      consumer.signal("SIGINT");
      assert.equal((await consumer.ended()).code, 0);
      assert.equal(await Deno.readTextFile(`${ROOT}offsets/test_offset.txt`), "10\n");
      const [, both, library, worker] = readmeBlocks("js");
      const run = `'${Deno.execPath()}' run --no-lock --allow-net --allow-import=127.0.0.1:9999 -`;
      await using reading = new ShellCommand(run, { input: library });
      await reading.shows(/^0 10n k1 hello$/m);
      assert.equal((await reading.ended()).code, 0);
      await using working = new ShellCommand(run, { input: worker });
      await working.shows(/^done with hello$/m);
      await using duplex = new ShellCommand(run, { input: both });
      await duplex.shows(/type: "produced"[^]*offset: "11"/);
      await duplex.shows(/^test 0 \[[^]*value: "hello"/m);
      await stop(server);
      await page.shows(/^closed 1001 /m);
    });

    await step("the configuration file", async () => {
      await using server = readme.start(
        "KAFKA_PROXY_CONFIG=samples/kafka-proxy.yaml deno task start:config",
      );
      await untilReady();
      await stop(server);
    });

    await step("authentication", async () => {
      await using server = readme.start(
        "KAFKA_PROXY_AUTH=thisisapassword deno task start --kafka localhost:9092",
      );
      await untilReady();
      const line =
        'npx -y wscat@6.1.0 --connect "ws://127.0.0.1:9999/?topic=test&consumerGroup=group1"';
      await helper.produce({ topic: "test", count: 1 });
      await using wscat = readme.start(`${line} -H 'authorization: basic thisisapassword'`);
      await wscat.shows(/"offset":12\}\]\n/);
      const refused = await readme.run(line);
      assert.match(refused.stderr + refused.stdout, /Unexpected server response: 401/);
      await stop(server);
    });

    await step("the library", async () => {
      const [program] = readmeBlocks("ts");
      const line = `'${Deno.execPath()}' run -P=server -`;
      await using own = new ShellCommand(line, { cwd: ROOT, input: program });
      await untilReady();
      const client = await RecordClient.open(`${PROXY}?topic=test&consumerGroup=&offset=0`);
      await client.until(11);
      client.verify();
      await client.close();
      own.signal("SIGKILL");
      await eventually("the port to be free", () => isFree(9999));

      await using sample = readme.start("deno run -P=server samples/server.ts localhost:9092");
      await untilReady();
      const other = await RecordClient.open(`${PROXY}?topic=test&consumerGroup=&offset=0`);
      await other.until(11);
      await stop(sample);
      assert.equal((await other.untilClosed()).code, 1001);
    });

    for (const command of ["deno task demo", "npx -y deno@2.9.6 task demo"]) {
      await step(command, async () => {
        await using demo = readme.start(command);
        const [, broker] = await demo.shows(/^Connecting to Kafka at (.+)$/m, 180_000);
        await demo.shows(/(^ *\d+ {2}\{"order":"A-\d+".*\n){3}/m);
        demo.signal("SIGINT");
        await eventually(
          "the demo's broker to be gone",
          async () => await probeMetadata(broker) === undefined,
        );
        await eventually("the demo's port to be free", () => isFree(9999));
        await demo.ended();
        assert.match(demo.stdout, /\d+ records shown\n$/);
      });
    }

    await step("some tests", async () => {
      const { code, stdout } = await readme.run("deno task test tests/unit/suggest_test.ts");
      assert.equal(code, 0);
      assert.match(stdout, /\n[1-9]\d* passed, 0 failed\n$/);
    });

    await step("the benchmark", async () => {
      const small = `--records 20000 --rounds 1 --row proxy --row kafkajs --kafka ${KAFKA}`;
      const { code, stdout, stderr } = await readme.run("deno task bench:drain", small, 120_000);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^\| kafka-proxy, reader \| \d/m);
      assert.match(stdout, /^\| bare KafkaJS eachBatch loop in Deno \| \d/m);
    });

    await step("the binary", async () => {
      const compile = "deno task compile";
      const run = "./dist/kafka-proxy --kafka localhost:9092";
      const { code, stderr } = await readme.run(compile, "", 180_000);
      if (code !== 0 && /denort|base binary/.test(stderr)) {
        readme.passOver(compile, "denort, Deno's runtime stub, cannot be downloaded here");
        readme.passOver(run, "there is no binary");
        return;
      }
      assert.equal(code, 0, stderr);
      await using server = readme.start(run);
      await untilReady();
      await stop(server);
    });

    for (const [command, reason] of Object.entries(NOT_RUN)) readme.passOver(command, reason);
    assert.deepEqual(readme.left, [], "every command was run");
  },
});

/** Puts a place of somebody's own away for as long as the sample runs in the repository. */
class WithoutOffset implements AsyncDisposable {
  readonly #path: string;
  readonly #saved: string | undefined;

  private constructor(path: string, saved: string | undefined) {
    this.#path = path;
    this.#saved = saved;
  }

  static async of(topic: string): Promise<WithoutOffset> {
    const path = `${ROOT}offsets/${topic}_offset.txt`;
    const saved = await Deno.readTextFile(path).catch(() => undefined);
    if (saved !== undefined) await Deno.remove(path);
    return new WithoutOffset(path, saved);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#saved !== undefined) await Deno.writeTextFile(this.#path, this.#saved);
    else await Deno.remove(this.#path).catch(() => {});
  }
}
