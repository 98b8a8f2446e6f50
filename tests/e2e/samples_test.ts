import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { freePorts } from "../kafka/free_ports.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { newTopic } from "../support/new_topic.ts";
import { RecordClient } from "../support/record_client.ts";
import { ShellCommand } from "../support/shell_command.ts";
import { startProxy } from "../support/test_proxy.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DENO = Deno.execPath();

const sharedKafka = shareKafka();

/** The values of a topic's partition 0, as Kafka's own consumer reads them. */
async function values(topic: string): Promise<{ key: string | null; value: string }[]> {
  const { helper } = await sharedKafka();
  const text = (base64: string) => new TextDecoder().decode(Uint8Array.fromBase64(base64));
  return (await helper.read({ topic, partition: 0 })).map(({ key, value }) => ({
    key: key === null ? null : text(key),
    value: text(value!),
  }));
}

Deno.test("producer.ts writes each line of standard input as a record", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("lines");
  const { code, stdout } = await ShellCommand.run(
    `${DENO} run -P=producer samples/producer.ts -t lines -k ${kafka.bootstrap}`,
    { cwd: ROOT, input: "one\nzwei ü 🍏\n\nlast without an end" },
  );
  assert.deepEqual([code, stdout], [0, "4 records written to lines\n"]);
  const written = (await values("lines")).map(({ value }) => value);
  assert.deepEqual(written, ["one", "zwei ü 🍏", "", "last without an end"]);
});

Deno.test("producer.ts --count writes so many orders, all of one customer in one partition", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("orders", { partitions: 3 });
  const { code, stdout } = await ShellCommand.run(
    `${DENO} run -P=producer samples/producer.ts -t orders -k ${kafka.bootstrap} --count 1200`,
    { cwd: ROOT },
  );
  assert.deepEqual([code, stdout], [0, "1200 records written to orders\n"]);
  const customers = new Map<string, number>();
  let count = 0;
  for (const partition of [0, 1, 2]) {
    for (const { key, value } of await helper.read({ topic: "orders", partition })) {
      const order = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(value!)));
      assert.match(order.order, /^A-\d+$/);
      assert.equal(customers.get(key!) ?? partition, partition);
      customers.set(key!, partition);
      count++;
    }
  }
  assert.equal(count, 1200);
});

Deno.test("producer.ts --rate takes its time, --partition decides where", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("slow", { partitions: 2 });
  const startMs = performance.now();
  const { code } = await ShellCommand.run(
    `${DENO} run -P=producer samples/producer.ts -t slow -k ${kafka.bootstrap} ` +
      "--count 21 --rate 20 -p 1",
    { cwd: ROOT },
  );
  assert.equal(code, 0);
  assert.ok(performance.now() - startMs >= 1_000);
  assert.deepEqual(await helper.listOffsets("slow", 1), { earliest: 0, latest: 21 });
});

Deno.test("producer.ts says in one line that a topic is missing, and ends with 1", async () => {
  const { kafka } = await sharedKafka();
  const { code, stdout, stderr } = await ShellCommand.run(
    `${DENO} run -q -P=producer samples/producer.ts -t nope -k ${kafka.bootstrap} --count 1`,
    { cwd: ROOT },
  );
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^(Warning .*\n)?Cannot write to nope at .*\n$/);
});

Deno.test("server.ts serves records, and ends with 0 at SIGINT", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("served");
  await helper.produce({ topic: "served", count: 100 });
  const [port] = freePorts(1);
  await using server = new ShellCommand(
    `exec ${DENO} run -P=server samples/server.ts ${kafka.bootstrap}/ ${port}`,
    { cwd: ROOT },
  );
  const [, address] = await server.shows(/Listening on (.+)/);
  const client = await RecordClient.open(`${address}?topic=served&consumerGroup=group1`);
  await client.until(100);
  client.verify();
  server.signal("SIGINT");
  assert.equal((await client.untilClosed()).code, 1001);
  assert.equal((await server.ended()).code, 0);
});

Deno.test("duplex.ts writes lines and prints what comes back, on one socket", async () => {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "duplex");
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const { code, stdout } = await ShellCommand.run(
    `${DENO} run -q -P=duplex samples/duplex.ts -t duplex -u ${proxy.url}`,
    { cwd: ROOT, input: "one\nzwei\ndrei" },
  );
  assert.deepEqual([code, stdout], [0, "0:0 one\n0:1 zwei\n0:2 drei\n"]);
});

Deno.test("request_reply.ts asks, and has its answers from a server that acknowledges", async () => {
  const { kafka, helper } = await sharedKafka();
  await Promise.all(["questions", "answers"].map((topic) => newTopic(helper, topic)));
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  const command = `${DENO} run -q -P=duplex samples/request_reply.ts`;
  await using server = new ShellCommand(`exec ${command} serve -u ${proxy.url}`, { cwd: ROOT });
  await server.shows(/answering questions/);
  const { code, stdout } = await ShellCommand.run(`${command} ask hello world -u ${proxy.url}`, {
    cwd: ROOT,
  });
  assert.deepEqual([code, stdout], [0, "HELLO\nWORLD\n"]);
  server.signal("SIGKILL");
});

Deno.test("work_queue.ts shares the work, and leaves the rest when it ends", async () => {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "work", { partitions: 2 });
  await helper.produce({ topic: "work", count: 40 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const command = `${DENO} run -q -P=duplex samples/work_queue.ts -t work -m 1 -u ${proxy.url}`;
  const first = await ShellCommand.run(`${command} -n 15`, { cwd: ROOT });
  const rest = await ShellCommand.run(`${command} -n 25`, { cwd: ROOT });
  assert.deepEqual([first.code, rest.code], [0, 0]);
  const done = (first.stdout + rest.stdout).match(/^done \S+/gm)!;
  assert.equal(new Set(done).size, 40, "each was done once");
  assert.equal(done.length, 40);
});
