import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { NewRecord, Written } from "../../src/core/ports.ts";
import type { Compression } from "../../src/kafka/codecs/compress.ts";
import { segmentBatches } from "../kafka/segment_batches.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { openKafkaClient } from "../support/kafka_client.ts";
import { newTopic } from "../support/new_topic.ts";
import { WritingLoad } from "../support/writing_load.ts";

const sharedKafka = shareKafka({ properties: { "broker.session.timeout.ms": 2_000 } });

function record(value: string | null, rest: Partial<NewRecord> = {}): NewRecord {
  return { key: null, value: value === null ? null : Buffer.from(value), headers: [], ...rest };
}

/** `p:o` for what is stored, else outcome and code. */
function said(written: readonly Written[]): string[] {
  return written.map((one) =>
    "offset" in one ? `${one.partition}:${one.offset}` : `${one.outcome} ${one.error.code}`
  );
}

Deno.test("write() stores key, value, headers and time as they are", async () => {
  const { kafka, helper } = await sharedKafka();
  await using client = openKafkaClient(kafka.bootstrap);
  const topic = "contents";
  await newTopic(helper, topic, { partitions: 3 });
  const written = await client.writer.write(topic, [
    record("é😀", { key: Buffer.from([0, 255]), partition: 2, timestampMs: 1_234n }),
    record(null, {
      key: Buffer.alloc(0),
      partition: 2,
      headers: [["h", Buffer.from("1")], ["h", null], ["ü", Buffer.alloc(0)]],
    }),
    record("x".repeat(900_000), { partition: 2 }),
  ]);
  assert.deepEqual(said(written), ["2:0", "2:1", "2:2"]);
  const [first, second, third] = await helper.read({ topic, partition: 2 });
  assert.equal(first.timestampMs, 1_234);
  assert.equal(first.key, Buffer.from([0, 255]).toString("base64"));
  assert.equal(Buffer.from(first.value ?? "", "base64").toString(), "é😀");
  assert.deepEqual([second.key, second.value], ["", null]);
  assert.deepEqual(second.headers, [["h", btoa("1")], ["h", null], ["ü", ""]]);
  assert.ok("offset" in written[1] && Number(written[1].timestampMs) === second.timestampMs);
  assert.equal(third.value?.length, 1_200_000);
});

Deno.test("write() puts keys where Java's producer puts them", async () => {
  const { kafka, helper } = await sharedKafka();
  await using client = openKafkaClient(kafka.bootstrap);
  const topic = "keys";
  await newTopic(helper, topic, { partitions: 13 });
  const keys = Array.from({ length: 500 }, (_, i) => {
    const key = new Uint8Array(i % 40);
    crypto.getRandomValues(key);
    return Buffer.from(key);
  });
  const javas = await helper.send(
    keys.map((key) => ({ topic, key: key.toString("base64"), value: null })),
  );
  const ours = await client.writer.write(topic, keys.map((key) => record("x", { key })));
  assert.deepEqual(
    ours.map((one) => "offset" in one && one.partition),
    javas.map(({ partition }) => partition),
  );
});

for (const compression of ["gzip", "zstd"] satisfies Compression[]) {
  Deno.test(`write() compresses, ${compression}`, async () => {
    const { kafka, helper } = await sharedKafka();
    await using client = openKafkaClient(kafka.bootstrap, { writing: { compression } });
    const topic = `written-${compression}`;
    await newTopic(helper, topic);
    const values = Array.from({ length: 2_000 }, (_, i) => `value ${i}`);
    const written = await client.writer.write(topic, values.map((value) => record(value)));
    assert.deepEqual(said(written), values.map((_, i) => `0:${i}`));
    const batches = await segmentBatches(kafka.nodes[0].dataFolder, topic, 0);
    assert.deepEqual(new Set(batches.map((batch) => batch.compression)), new Set([compression]));
    const read = await helper.read({ topic, partition: 0 });
    assert.deepEqual(read.map(({ value }) => atob(value ?? "")), values);
  });
}

Deno.test("write() tells what a topic does not take, record by record", async () => {
  const { kafka, helper } = await sharedKafka();
  await using client = openKafkaClient(kafka.bootstrap);
  await newTopic(helper, "small", { configs: { "max.message.bytes": "2000" } });
  const sizes = [1_500, 3_000, 1_000, 1_800].map((size) => record("x".repeat(size)));
  const written = await client.writer.write("small", sizes);
  assert.deepEqual(said(written), ["0:0", "failed too_large", "0:1", "0:2"]);
  assert.ok("error" in written[1]);
  assert.match(written[1].error.message, /takes 2000 \(max\.message\.bytes\)/);

  await newTopic(helper, "compacted", { configs: { "cleanup.policy": "compact" } });
  const keyed = record("b", { key: Buffer.from("k") });
  assert.deepEqual(said(await client.writer.write("compacted", [record("a"), keyed])), [
    "failed invalid_record",
    "0:0",
  ]);

  await newTopic(helper, "stamped", { configs: { "message.timestamp.type": "LogAppendTime" } });
  const [stamped] = await client.writer.write("stamped", [record("a", { timestampMs: 5n })]);
  const [read] = await helper.read({ topic: "stamped", partition: 0 });
  assert.ok("offset" in stamped && Number(stamped.timestampMs) === read.timestampMs);
  assert.ok(read.timestampMs > 1_000_000);
});

Deno.test("write() creates no topic", async () => {
  const { kafka, helper } = await sharedKafka();
  await using client = openKafkaClient(kafka.bootstrap);
  assert.deepEqual(said(await client.writer.write("nowhere", [record("a")])), [
    "failed unknown_topic",
  ]);
  await assert.rejects(helper.describeTopic("nowhere"));
});

Deno.test("write() starts over in a topic that was deleted and created again", async () => {
  const { kafka, helper } = await sharedKafka();
  await using client = openKafkaClient(kafka.bootstrap);
  const topic = "again";
  await newTopic(helper, topic);
  const write = (value: string) => client.writer.write(topic, [record(value)]);
  for (const value of ["a", "b", "c"]) await write(value);
  await helper.deleteTopic(topic);
  assert.deepEqual(said(await write("d")), ["failed unknown_topic"]);
  await newTopic(helper, topic);
  assert.deepEqual(said(await write("e")), ["0:0"]);
  assert.deepEqual(said(await write("f")), ["0:1"]);
});

// Acknowledged by the broker before it was killed, or refused, or lost on the way: whatever a record
// met, what was said of it has to be true in the end.
for (const how of ["kill", "stop"] as const) {
  Deno.test(`write() tells the truth, broker restarted twice under load, ${how}`, async () => {
    const { kafka, helper } = await sharedKafka();
    const [node] = kafka.nodes;
    const topic = `restarted-${how}`;
    await newTopic(helper, topic, { partitions: 4 });
    await using client = openKafkaClient(kafka.bootstrap);
    const load = new WritingLoad({
      topic,
      partitions: 4,
      writers: 50,
      recordsEach: 4_000,
      recordsInCall: 20,
    });
    const total = 50 * 4_000;
    const running = load.run((name, records) => client.writer.write(name, records));
    for (const part of [0.2, 0.6]) {
      await eventually("enough records", () => load.reported > total * part, { timeoutMs: 60_000 });
      if (how === "kill") await node.kill();
      else await node.stop();
      await node.start();
    }
    await running;
    const sum = await load.check(helper);
    assert.equal(sum.stored + sum.failed + sum.unknown, total);
    assert.ok(sum.stored > total * 0.9, `only ${sum.stored} stored`);
    assert.equal(client.writer.inFlightBytes, 0);
  });
}
