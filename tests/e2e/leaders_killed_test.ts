import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { openKafkaClient } from "../support/kafka_client.ts";
import { newTopic } from "../support/new_topic.ts";
import { WritingLoad } from "../support/writing_load.ts";

const sharedKafka = shareKafka({ nodes: 3 });

// Other leaders take over with what the replicas have. What was acknowledged is there, and what was
// sent again after the change is known to the new leader by its numbers.
Deno.test("write() tells the truth, leaders killed one after the other under load", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "killed-leaders";
  await newTopic(helper, topic, {
    partitions: 6,
    replicationFactor: 3,
    configs: { "min.insync.replicas": "2" },
  });
  await using client = openKafkaClient(kafka.bootstrap, { requestTimeoutMs: 5_000 });
  const load = new WritingLoad({
    topic,
    partitions: 6,
    writers: 30,
    recordsEach: 2_000,
    recordsInCall: 10,
    pauseMs: 20,
  });
  let isOver = false;
  const running = load.run((name, records) => client.writer.write(name, records))
    .finally(() => isOver = true);
  for (const node of kafka.nodes) {
    const before = load.reported;
    await eventually("some records", () => isOver || load.reported > before + 1_000, {
      timeoutMs: 60_000,
    });
    await node.kill();
    await node.start();
    await eventually("all replicas in sync", async () => {
      const partitions = await helper.describeTopic(topic);
      return partitions.every(({ isr }) => isr.length === 3);
    }, { timeoutMs: 60_000, everyMs: 200 });
  }
  await running;
  const sum = await load.check(helper);
  assert.equal(sum.stored + sum.failed + sum.unknown, 60_000);
  assert.ok(sum.stored > 50_000, `only ${sum.stored} stored`);
});
