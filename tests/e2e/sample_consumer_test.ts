import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { ShellCommand } from "../support/shell_command.ts";
import { startProxy } from "../support/test_proxy.ts";

const CONSUMER = fileURLToPath(new URL("../../samples/consumer.ts", import.meta.url));
const PERMISSIONS =
  "--allow-net --allow-env=KAFKA_AUTH --ignore-env --allow-read=offsets --allow-write=offsets";

const sharedKafka = shareKafka();

/** The sample in a folder of its own. */
class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<Folder> {
    return new Folder(await Deno.makeTempDir({ prefix: "kafka-proxy-consumer-" }));
  }

  /** The shell's line for it, which the sample's process takes the place of. */
  line(args: string): string {
    return `exec '${Deno.execPath()}' run -q ${PERMISSIONS} '${CONSUMER}' ${args}`;
  }

  start(args: string, env: Record<string, string> = {}): ShellCommand {
    return new ShellCommand(this.line(args), { cwd: this.path, env });
  }

  async run(args: string, env: Record<string, string> = {}) {
    return await ShellCommand.run(this.line(args), { cwd: this.path, env });
  }

  async read(path: string): Promise<string> {
    return await Deno.readTextFile(join(this.path, path));
  }

  /** The stored offset; undefined while there is none. */
  async offset(name: string): Promise<number | undefined> {
    const text = await this.read(`offsets/${name}`).catch(() => undefined);
    if (text === undefined) return undefined;
    assert.match(text, /^\d+\n$/, "the file is never half written");
    return Number(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** The offsets of the records printed; a last line without its end was cut by the kill. */
function offsets(output: string): number[] {
  return output.split("\n").slice(0, -1).map((line) => JSON.parse(line).offset);
}

Deno.test("consumer.ts goes on exactly where its file says, killed by SIGKILL three times", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("killed");
  const count = 60_000;
  await helper.produce({ topic: "killed", count });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using folder = await Folder.create();
  // Ten frames a second, so that a kill comes in the middle of the topic.
  const args = `-t killed -c exact -u '${proxy.url}?rate=20000'`;

  let next = 0;
  for (const round of [1, 2, 3]) {
    const output = `out-${round}`;
    await using consumer = new ShellCommand(`${folder.line(args)} >${output}`, {
      cwd: folder.path,
    });
    await eventually(
      "some frames to be read",
      async () => (await folder.offset("killed_offset.txt") ?? 0) >= next + 5_000,
      { everyMs: 1 },
    );
    consumer.signal("SIGKILL");
    assert.equal((await consumer.ended()).code, 137);

    const printed = offsets(await folder.read(output));
    const stored = await folder.offset("killed_offset.txt");
    assert.equal(printed[0], next, `round ${round} begins where the file said`);
    printed.forEach((offset, i) => assert.equal(offset, next + i));
    const end = printed.at(-1)! + 1;
    assert.ok(stored! <= end, "nothing is stored that was not printed");
    assert.ok(end - stored! <= 2_000, `at most a frame is printed again, not ${end - stored!}`);
    next = stored!;
  }

  const { code, stdout } = await folder.run(`${args} -n ${count - next}`);
  assert.equal(code, 0);
  const rest = offsets(stdout);
  assert.equal(rest.length, count - next);
  rest.forEach((offset, i) => assert.equal(offset, next + i));
  assert.equal(await folder.offset("killed_offset.txt"), count);
});

Deno.test("consumer.ts prints a record a line, from earliest, and from -o where it is given", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("lines", { partitions: 2 });
  const values = ["one", "two\nlines", "drei Äpfel 🍏", null];
  await helper.send(values.map((value) => ({
    topic: "lines",
    partition: 1,
    value: value === null ? null : new TextEncoder().encode(value).toBase64(),
  })));
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using folder = await Folder.create();

  const all = await folder.run(`-t lines -c g -p 1 -u ${proxy.url} -n 4`);
  assert.equal(all.code, 0);
  const printed = all.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(printed, values.map((message, offset) => ({ message, offset })));
  assert.equal(await folder.offset("lines@1_offset.txt"), 4);
  assert.equal(await folder.offset("lines_offset.txt"), undefined, "that is partition 0's");

  const two = await folder.run(`-t lines -c g -p 1 -u ${proxy.url} --offset=-2 -n 1`);
  assert.deepEqual(offsets(two.stdout), [2]);
  assert.equal(await folder.offset("lines@1_offset.txt"), 3, "in the middle of a frame");
});

Deno.test("consumer.ts -x relies on the group's committed offset and keeps no file", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("committed");
  await helper.produce({ topic: "committed", count: 10 });
  await helper.setGroupOffset("x", { topic: "committed", partition: 0, offset: 7 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using folder = await Folder.create();
  const { code, stdout } = await folder.run(`-t committed -c x -x -u ${proxy.url} -n 3`);
  assert.equal(code, 0);
  assert.deepEqual(offsets(stdout), [7, 8, 9]);
  assert.equal(await folder.offset("committed_offset.txt"), undefined);
});

Deno.test("consumer.ts sends KAFKA_AUTH, and ends with 1 without it", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("guarded");
  await helper.produce({ topic: "guarded", count: 1 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, auth: "thisisapassword" });
  await using folder = await Folder.create();
  const args = `-t guarded -c g -u ${proxy.url} -n 1`;
  const [right, wrong] = await Promise.all([
    folder.run(args, { KAFKA_AUTH: "basic thisisapassword" }),
    folder.run(args, { KAFKA_AUTH: "basic guess" }),
  ]);
  assert.deepEqual([right.code, offsets(right.stdout)], [0, [0]]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /^Refused with 401: .* This is final\.$/m);
});

Deno.test("consumer.ts comes back by offset when the proxy was restarted", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("restarted");
  await helper.produce({ topic: "restarted", count: 5 });
  await using folder = await Folder.create();
  let port: number;
  let consumer: ShellCommand;
  {
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    port = Number(new URL(proxy.url).port);
    consumer = folder.start(`-t restarted -c g -u ${proxy.url} -n 9`);
    await consumer.shows(/"offset":4/);
  }
  await using _ = consumer;
  await consumer.shows(/^Closed with 1001/m);
  await helper.produce({ topic: "restarted", count: 4, startNumber: 5 });
  await using _again = await startProxy({ kafka: kafka.bootstrap, wsPort: port });
  const { code, stdout } = await consumer.ended();
  assert.equal(code, 0);
  assert.deepEqual(offsets(stdout), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

/** A server that ends each connection as its topic's name says: `close-4409`, `status-404`. */
class EndingServer implements AsyncDisposable {
  readonly requests = new Map<string, URL[]>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
      const url = new URL(request.url);
      const topic = url.searchParams.get("topic")!;
      const [kind, number] = topic.split("-");
      this.requests.set(topic, [...this.requests.get(topic) ?? [], url]);
      if (kind === "status") {
        const error = { code: "some_code", message: 'Cannot read "it"' };
        const headers = { "retry-after": "1" };
        return Response.json({ error }, { status: Number(number), headers });
      }
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => {
        socket.send('[{"message":"m","offset":9007199254740993}]');
        socket.close(Number(number), "because");
      };
      return response;
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  count(topic: string): number {
    return this.requests.get(topic)?.length ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

Deno.test("consumer.ts never comes back after a final close code or status", async () => {
  await using server = new EndingServer();
  const codes = [1003, 1007, 1008, 1009, 4400, 4401, 4403, 4404, 4409, 4416];
  const statuses = [400, 401, 403, 404, 405, 409, 416, 426, 501];
  const topics = [...codes.map((it) => `close-${it}`), ...statuses.map((it) => `status-${it}`)];
  await using folder = await Folder.create();
  const waiting = topics.slice();
  const one = async () => {
    for (let topic; (topic = waiting.shift()) !== undefined;) {
      const { code, stderr } = await folder.run(`-t ${topic} -c g -u ${server.address}`);
      const [kind, number] = topic.split("-");
      assert.equal(code, 1, `${topic}: ${stderr}`);
      const text = kind === "close" ? `Closed with ${number}: because` : `Refused with ${number}: `;
      assert.ok(stderr.includes(text), stderr);
      assert.match(stderr, /This is final\.\n$/);
      assert.equal(server.count(topic), 1, topic);
    }
  };
  await Promise.all([one(), one()]);
});

Deno.test("consumer.ts comes back after passing close codes and statuses, by exact offset", async () => {
  await using server = new EndingServer();
  const codes = [1001, 1011, 1012, 1013, 4408, 4429, 4999];
  const topics = [...codes.map((code) => `close-${code}`), "status-503", "status-429"];
  await using folder = await Folder.create();
  await using stack = new AsyncDisposableStack();
  for (const topic of topics) stack.use(folder.start(`-t ${topic} -c g -u ${server.address}`));
  await eventually("all to come back", () => topics.every((topic) => server.count(topic) >= 2), {
    timeoutMs: 20_000,
  });
  for (const topic of topics) {
    const [first, second] = server.requests.get(topic)!.map((url) =>
      url.searchParams.get("offset")
    );
    assert.equal(first, "earliest", topic);
    assert.equal(second, topic.startsWith("close") ? "9007199254740994" : "earliest", topic);
  }
});

for (
  const [args, problem] of [
    ["-c g", "-t TOPIC and -c GROUP are needed"],
    ["-t a", "-t TOPIC and -c GROUP are needed"],
    ["-t a -c g -p x", "-p is x"],
    ["-t a -c g -n 0", "-n is 0"],
    ["-t a -c g -x -o 4", "-o and -x contradict"],
    ["-t a -c g --nonsense", "--nonsense"],
  ]
) {
  Deno.test(`consumer.ts refuses ${args}`, async () => {
    await using folder = await Folder.create();
    const { code, stderr } = await folder.run(args);
    assert.equal(code, 2);
    assert.ok(stderr.includes(problem), stderr);
    assert.match(stderr, /Usage: /);
  });
}

Deno.test("consumer.ts refuses a file that holds no offset", async () => {
  await using folder = await Folder.create();
  await Deno.mkdir(join(folder.path, "offsets"));
  await Deno.writeTextFile(join(folder.path, "offsets/t_offset.txt"), "NaN");
  const { code, stderr } = await folder.run("-t t -c g");
  assert.equal(code, 1);
  assert.match(stderr, /Cannot read \.\/offsets\/t_offset\.txt: it holds "NaN", wanted an offset/);
});
