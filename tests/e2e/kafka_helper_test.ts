import assert from "node:assert/strict";
import { HelperError } from "../kafka/helper_process.ts";
import type { ReadRecord } from "../kafka/helper_requests.ts";
import { runKafkaTool } from "../kafka/kafka_tool.ts";
import { segmentBatches } from "../kafka/segment_batches.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";

const sharedKafka = shareKafka();

Deno.test("KafkaHelper.produce() writes numbered records that Kafka's consumer reads back", async () => {
  const { helper } = await sharedKafka();
  await helper.createTopic("numbered");
  const request = { topic: "numbered", valueBytes: 8, keyed: true };
  await helper.produce({ ...request, count: 9 });
  const produced = await helper.produce({
    ...request,
    count: 2,
    startNumber: 9,
    headers: [["h", btoa("1")], ["h", null]],
    timestamps: { startMs: 1_000, stepMs: 10 },
  });

  assert.deepEqual(produced, {
    count: 2,
    partitions: [{ partition: 0, count: 2, firstOffset: 9, lastOffset: 10 }],
  });
  const records = await helper.read({ topic: "numbered", partition: 0, fromOffset: 8 });
  assert.deepEqual(records.map(valueText), ["8xxxxxxx", "9xxxxxxx", "10xxxxxx"]);
  const headers = [["h", btoa("1")], ["h", null]];
  assert.deepEqual(
    { ...records[2] },
    {
      partition: 0,
      offset: 10,
      timestampMs: 1_010,
      key: btoa("10"),
      value: btoa("10xxxxxx"),
      headers,
    },
  );
});

for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
  Deno.test(`KafkaHelper.produce() compresses, ${compression}`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `codec-${compression}`;
    await helper.createTopic(topic);
    await helper.produce({ topic, count: 1_000, compression });
    const batches = await segmentBatches(kafka.nodes[0].dataFolder, topic, 0);
    assert.deepEqual(new Set(batches.map((batch) => batch.compression)), new Set([compression]));
    const records = await helper.read({ topic, partition: 0, fromOffset: 999 });
    assert.equal(valueText(records[0]), "999".padEnd(100, "x"));
  });
}

Deno.test("KafkaHelper.produce() is fast, a million records", async () => {
  const { helper } = await sharedKafka();
  await helper.createTopic("million", { partitions: 4 });
  const startedAt = performance.now();
  const { count } = await helper.produce({
    topic: "million",
    count: 1_000_000,
    batchBytes: 2 ** 18,
  });
  const perSecond = count / (performance.now() - startedAt) * 1_000;
  console.log(`${Math.round(perSecond / 1_000)},000 records/s`);
  assert.ok(perSecond > 50_000, `${perSecond} records/s`);
});

Deno.test("KafkaHelper.send() writes exact records, in order", async () => {
  const { helper } = await sharedKafka();
  await helper.createTopic("exact", { partitions: 2 });
  const records = [
    { topic: "exact", partition: 1, key: null, value: null, timestampMs: 5 },
    { topic: "exact", partition: 1, key: btoa("k"), value: "", headers: [["a", btoa("\xff")]] },
    { topic: "exact", partition: 0, value: btoa("v") },
  ] as const;
  assert.deepEqual(await helper.send(records, { compression: "lz4" }), [
    { topic: "exact", partition: 1, offset: 0 },
    { topic: "exact", partition: 1, offset: 1 },
    { topic: "exact", partition: 0, offset: 0 },
  ]);
  const [first, second] = await helper.read({ topic: "exact", partition: 1 });
  assert.deepEqual([first.key, first.value, first.timestampMs], [null, null, 5]);
  assert.deepEqual([second.key, second.value, second.headers], [btoa("k"), "", [["a", "/w=="]]]);
});

Deno.test("KafkaHelper.bigBatch() puts 500,000 records into one batch", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("big", { configs: { "max.message.bytes": "100000000" } });
  for (const compression of ["none", "zstd"] as const) {
    await helper.bigBatch({ topic: "big", count: 500_000, compression });
  }
  const batches = await segmentBatches(kafka.nodes[0].dataFolder, "big", 0);
  assert.deepEqual(
    batches.map((batch) => [batch.recordCount, batch.compression]),
    [[500_000, "none"], [500_000, "zstd"]],
  );
});

Deno.test("KafkaHelper.transaction() overlaps others, and is committed or aborted", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("transactions");
  const record = (text: string) => ({ topic: "transactions", partition: 0, value: btoa(text) });
  await helper.transaction({ id: "one", records: [record("a")], end: "open" });
  const places = await helper.transaction({ id: "two", records: [record("b")], end: "open" });
  await helper.transaction({ id: "one", records: [record("c")], end: "commit" });
  await helper.endTransaction("two", "abort");
  await helper.transaction({ id: "two", records: [record("d")], end: "commit" });

  assert.deepEqual(places, [{ topic: "transactions", partition: 0, offset: 1 }]);
  const read = async (isolation: "committed" | "uncommitted") =>
    (await helper.read({ topic: "transactions", partition: 0, isolation })).map(valueText);
  assert.deepEqual(await read("committed"), ["a", "c", "d"]);
  assert.deepEqual(await read("uncommitted"), ["a", "b", "c", "d"]);
  const batches = await segmentBatches(kafka.nodes[0].dataFolder, "transactions", 0);
  assert.equal(batches.filter((batch) => batch.isControl).length, 3);
});

Deno.test("KafkaHelper.backgroundProduce() goes on until stopped", async () => {
  const { helper } = await sharedKafka();
  await helper.createTopic("endless");
  const producer = await helper.backgroundProduce({ topic: "endless", ratePerSecond: 2_000 });
  await eventually(
    "100 records",
    async () => (await helper.listOffsets("endless", 0)).latest > 100,
  );
  const { count, lastNumber } = await producer.stop();
  assert.equal(count, lastNumber + 1);
  assert.equal((await helper.listOffsets("endless", 0)).latest, count);
});

Deno.test("KafkaHelper.joinGroup() is a live member, until leaveGroup()", async () => {
  const { helper } = await sharedKafka();
  await helper.createTopic("shared", { partitions: 2 });
  await helper.produce({ topic: "shared", count: 10 });
  const member = await helper.joinGroup({
    group: "team",
    topic: "shared",
    id: "me",
    commits: true,
  });
  assert.equal(member.partitions.length, 2);
  const { state, members } = await helper.describeGroup("team");
  assert.equal(state, "Stable");
  assert.deepEqual(members.map((it) => [it.memberId, it.clientId]), [[member.memberId, "me"]]);
  await eventually("offsets to be committed", async () => {
    const offsets = await helper.groupOffsets("team");
    return offsets.length === 2 && offsets.every((it) => it.offset === 5);
  });
  assert.deepEqual(await helper.leaveGroup("me"), { received: 10 });
  assert.equal((await helper.describeGroup("team")).state, "Empty");

  await helper.setGroupOffset("team", { topic: "shared", partition: 1, offset: 2 });
  const offsets = await helper.groupOffsets("team");
  assert.deepEqual(offsets.find((it) => it.partition === 1)?.offset, 2);
  await helper.deleteGroup("team");
  assert.equal((await helper.describeGroup("team")).state, "Dead");
});

Deno.test("KafkaHelper changes topics, and every node shows it at once", async () => {
  const { helper } = await sharedKafka();
  await helper.createTopic("changing", { configs: { "cleanup.policy": "compact" } });
  await helper.alterTopicConfig("changing", { "cleanup.policy": "delete" });
  await helper.produce({ topic: "changing", count: 10 });
  await helper.deleteRecords("changing", 0, 4);
  assert.deepEqual(await helper.listOffsets("changing", 0), { earliest: 4, latest: 10 });
  await helper.addPartitions("changing", 3);
  assert.equal((await helper.describeTopic("changing")).length, 3);
  await helper.deleteTopic("changing");
  await assert.rejects(helper.describeTopic("changing"), (error: unknown) => {
    assert.ok(error instanceof HelperError);
    assert.equal(error.kind, "UnknownTopicOrPartitionException");
    return true;
  });
});

Deno.test("runKafkaTool() gives what the tool printed", async () => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("measured");
  await helper.produce({ topic: "measured", count: 1_000 });
  const offsets = await runKafkaTool(
    "org.apache.kafka.tools.GetOffsetShell",
    ["--topic", "measured"],
    { bootstrap: kafka.bootstrap },
  );
  assert.equal(offsets, "measured:0:1000\n");
  const performance = await runKafkaTool(
    "org.apache.kafka.tools.ConsumerPerformance",
    ["--topic", "measured", "--messages", "1000"],
    { bootstrap: kafka.bootstrap },
  );
  assert.match(performance, /fetch.nMsg.sec/);
});

Deno.test("runKafkaTool() throws what the tool complained of", async () => {
  const { kafka } = await sharedKafka();
  const { bootstrap } = kafka;
  await assert.rejects(
    runKafkaTool("org.apache.kafka.tools.GetOffsetShell", ["--nonsense"], { bootstrap }),
    /Cannot run org\.apache\.kafka\.tools\.GetOffsetShell: code 1\n[^]*nonsense/,
  );
  await assert.rejects(
    runKafkaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", ["--topic", "measured"], {
      bootstrap,
      timeoutMs: 1_000,
    }),
    /Cannot run .*ConsoleConsumer: no end within 1000 ms/,
  );
});

function valueText(record: ReadRecord): string {
  return atob(record.value!);
}
