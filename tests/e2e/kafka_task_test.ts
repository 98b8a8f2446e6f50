import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { probeMetadata } from "../kafka/metadata_probe.ts";
import { eventually } from "../support/eventually.ts";

const MAIN = fileURLToPath(new URL("../kafka/main.ts", import.meta.url));

Deno.test("main() prints the address of a broker, and ends it at SIGINT", async () => {
  await using task = await KafkaTask.start(["--topic", "plain", "--topic", "wide:3"]);
  assert.match(task.address, /^127\.0\.0\.1:\d+$/);
  await using helper = await KafkaHelper.start(task.address);
  assert.equal((await helper.describeTopic("plain")).length, 1);
  assert.equal((await helper.describeTopic("wide")).length, 3);

  const { code, rest } = await task.end("SIGINT");
  assert.equal(code, 0);
  assert.equal(rest, "");
  assert.equal(await probeMetadata(task.address), undefined);
});

Deno.test("main() leaves no broker behind, when it is killed", async () => {
  await using task = await KafkaTask.start([]);
  await task.end("SIGKILL");
  await eventually(
    "the broker to be gone",
    async () => await probeMetadata(task.address) === undefined,
  );
});

for (
  const [args, message] of [
    [["--nodes", "2"], /^Cannot start 2 nodes: --nodes takes 1 or 3\n$/],
    [["--port", "x"], /^Cannot listen on x: --port takes a number from 1 to 65535\n$/],
    [["--topic", "a:0"], /^Cannot create topic a:0: --topic takes NAME or NAME:PARTITIONS\n/],
    [["--nonsense"], /--nonsense[^]*Usage: /],
  ] as const
) {
  Deno.test(`main() refuses ${args.join(" ")}`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", MAIN, ...args],
    }).output();
    assert.equal(code, 2);
    assert.equal(stdout.length, 0);
    assert.match(new TextDecoder().decode(stderr), message);
  });
}

class KafkaTask implements AsyncDisposable {
  readonly address: string;
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;

  private constructor(
    address: string,
    child: Deno.ChildProcess,
    output: ReadableStreamDefaultReader<string>,
  ) {
    this.address = address;
    this.#child = child;
    this.#output = output;
  }

  static async start(args: string[]): Promise<KafkaTask> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", MAIN, ...args],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value = "" } = await output.read();
    return new KafkaTask(value.trim(), child, output);
  }

  async end(signal: Deno.Signal): Promise<{ code: number; rest: string }> {
    this.#child.kill(signal);
    let rest = "";
    for (let part; !(part = await this.#output.read()).done;) rest += part.value;
    return { code: (await this.#child.status).code, rest };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended.
    }
    await this.#output.cancel();
    await this.#child.status;
  }
}
