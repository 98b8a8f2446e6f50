import assert from "node:assert/strict";
import { probeMetadata } from "../kafka/metadata_probe.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { openKafkaClient } from "../support/kafka_client.ts";
import { newTopic } from "../support/new_topic.ts";

const sharedKafka = shareKafka();

Deno.test("clusterId() is the id that the broker was formatted with", async () => {
  const { kafka } = await sharedKafka();
  await using client = openKafkaClient(kafka.bootstrap);
  const view = await probeMetadata(kafka.bootstrap);
  assert.ok(view?.clusterId);
  assert.equal(await client.reader.clusterId(), view.clusterId);
});

Deno.test("topic() shows an id that stays, and another one after the topic was created again", async () => {
  const { kafka, helper } = await sharedKafka();
  await using client = openKafkaClient(kafka.bootstrap);
  await newTopic(helper, "ids", { partitions: 2 });
  const { topicId, leaders } = await client.reader.topic("ids", { fresh: true });
  assert.match(topicId ?? "none", /^[\w-]{22}$/);
  assert.deepEqual([...leaders], [[0, 1], [1, 1]]);
  await helper.deleteTopic("ids");
  await newTopic(helper, "ids");
  const later = await eventually("the new topic", async () => {
    const info = await client.reader.topic("ids", { fresh: true });
    return info.leaders.size === 1 && info;
  });
  assert.match(later.topicId ?? "none", /^[\w-]{22}$/);
  assert.notEqual(later.topicId, topicId);
});
