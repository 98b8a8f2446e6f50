import assert from "node:assert/strict";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { eventually } from "../support/eventually.ts";
import { newTopic } from "../support/new_topic.ts";
import { startProxy } from "../support/test_proxy.ts";
import { V2Client } from "../support/v2_client.ts";

/** The newest of the 3.x line; `deno task test:old-kafka` has all of this folder against it. */
const VERSION = "3.9.2";

let kafka: KafkaCluster;
let helper: KafkaHelper;

// Started here, because they outlive each test.
Deno.test.beforeAll(async () => {
  kafka = await KafkaCluster.start({ version: VERSION });
  helper = await KafkaHelper.start(kafka.bootstrap, { version: VERSION });
});
Deno.test.afterAll(async () => {
  await helper[Symbol.asyncDispose]();
  await kafka[Symbol.asyncDispose]();
});

Deno.test("Kafka 3.9.2: every compression is read, and a transaction that was aborted is not", async () => {
  assert.equal(kafka.version, VERSION);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    const topic = `old-${compression}`;
    await newTopic(helper, topic);
    await helper.produce({ topic, count: 500, compression });
    await using client = await proxy.read({ topic });
    await client.until(500);
    client.verify();
  }
  const topic = "old-aborted";
  await newTopic(helper, topic);
  const records = [{ topic, partition: 0, value: btoa("aborted") }];
  await helper.transaction({ id: "aborted", records, end: "abort" });
  await helper.produce({ topic, count: 1 });
  await using client = await proxy.read({ topic });
  await client.until(1);
  assert.notEqual(client.messages[0], "aborted");
});

Deno.test("Kafka 3.9.2: a pinned and a balanced group go on where they were committed", async () => {
  const topic = "old-groups";
  await newTopic(helper, topic, { partitions: 2 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
  for (
    const query of [{ consumerGroup: "pinned" }, { consumerGroup: "balanced", partition: "all" }]
  ) {
    const { consumerGroup } = query;
    for (let round = 1; round <= 2; round++) {
      await helper.produce({ topic, partition: 0, count: 100 });
      await using client = await proxy.connect({ topic, fields: "partition", ...query });
      await client.until(100);
      client.verify();
      await eventually(`the position of ${consumerGroup}`, async () => {
        const { latest } = await helper.listOffsets(topic, 0);
        const offsets = await helper.groupOffsets(consumerGroup);
        return offsets.some(({ partition, offset }) => partition === 0 && offset === latest);
      });
    }
  }
});

Deno.test("Kafka 3.9.2: v2 writes with offsets, reads, acknowledges, and is told that the topic is deleted", async () => {
  const topic = "old-v2";
  await newTopic(helper, topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await V2Client.open(proxy.url);
  const records = Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: `v${i}` }));
  const { results } = await client.ask<"produced">({ type: "produce", topic, records });
  assert.deepEqual(
    results.map((one) => "offset" in one && one.offset),
    records.map((_, i) => `${i}`),
  );
  const { subscription } = await client.ask<"subscribed">({
    type: "subscribe",
    topics: [topic],
    group: "old-v2",
    partitions: [0],
    ack: "client",
    credit: 1_000,
  });
  await client.untilRecords(50);
  const { next } = await client.ask<"committed">({
    type: "ack",
    subscription,
    topic,
    partition: 0,
    offset: "49",
  });
  assert.equal(next, "50");
  await helper.deleteTopic(topic);
  const { code } = await client.frame("ended");
  assert.equal(code, "topic_deleted");
});
