import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { newTopic } from "../support/new_topic.ts";
import { parseFrame } from "../support/record_client.ts";
import { type PeerClose, StuckPeer } from "../support/stuck_peer.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

const COUNT = 4_000;

/** 40 MB: far more than what kernel, socket and cache hold for a client that does not read. */
async function fortyMegabytes(topic: string): Promise<void> {
  const { helper } = await sharedKafka();
  await newTopic(helper, topic);
  await helper.produce({ topic, count: COUNT, valueBytes: 10_000, batchBytes: 500_000 });
}

/** Reads one message, lets `meanwhile` happen while it does not read, then reads to the end. */
async function readSlowly(
  url: string,
  meanwhile: () => Promise<void>,
): Promise<{ history: History; close: PeerClose | undefined }> {
  using peer = await StuckPeer.connect(url);
  const history = new History({ from: 0n });
  const take = (text: string) => {
    for (const { message, offset } of parseFrame(text)) {
      history.add(0, offset);
      assert.equal(Number.parseInt(message!, 10), Number(offset));
    }
  };
  const first = await peer.read();
  assert.ok(typeof first === "string", `closed with ${JSON.stringify(first)}`);
  take(first);
  await meanwhile();
  const close = await peer.readToEnd(take);
  return { history, close };
}

Deno.test("retention passing under a slow reader closes it, without a gap before", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "overtaken";
  await fortyMegabytes(topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap, cacheBytes: 65_536 });
  const url = proxy.at({ topic, consumerGroup: "", offset: 0 });
  const { history, close } = await readSlowly(url, async () => {
    await helper.deleteRecords(topic, 0, COUNT - 10);
  });
  history.verify();
  assert.ok(history.count < COUNT - 10, `${history.count} records before the end`);
  assert.equal(close?.code, 4416);
  const at = history.next();
  assert.equal(
    close.reason,
    `Offset ${at} of "${topic}" partition 0 does not exist: it holds ${COUNT - 10} to ${COUNT}`,
  );
  // It would be refused there now, and can go on where something is.
  using refused = await proxy.upgrade({ topic, consumerGroup: "", offset: `${at}` });
  assert.deepEqual([refused.status, refused.error?.earliest], [416, `${COUNT - 10}`]);
  await using next = await proxy.read({ topic });
  await next.until(10);
});

Deno.test("retention passing under a slow group closes it, and it comes back at earliest", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "overtaken-group";
  await fortyMegabytes(topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap, cacheBytes: 65_536 });
  const query = { topic, consumerGroup: "slow" };
  const { history, close } = await readSlowly(proxy.at(query), async () => {
    await helper.deleteRecords(topic, 0, COUNT - 10);
  });
  history.verify();
  assert.equal(close?.code, 4416);
  await eventually("what it took to be committed", async () => {
    const [position] = await helper.groupOffsets("slow");
    return position !== undefined && position.offset <= Number(history.next());
  });
  await using next = await proxy.connect(query);
  await next.until(10);
  assert.equal(next.records[0].offset, BigInt(COUNT - 10));
  assert.equal(proxy.events.count("position_reset"), 1);
});

Deno.test("retention up to the end leaves alone who has read it all", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "swept";
  await newTopic(helper, topic);
  await helper.produce({ topic, count: 10 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await proxy.read({ topic });
  await client.until(10);
  await helper.deleteRecords(topic, 0, 10);
  await helper.produce({ topic, count: 10, startNumber: 10 });
  await client.until(20);
  client.verify();
});

Deno.test("a topic deleted under its readers closes them, and no others", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "deleted";
  const other = "kept";
  await newTopic(helper, topic, { partitions: 3 });
  await newTopic(helper, other);
  await helper.produce({ topic, count: 30 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using bystander = await proxy.read({ topic: other });
  await using one = await proxy.read({ topic, partition: 1 });
  await using all = await proxy.read({ topic, partition: "all" });
  await using group = await proxy.connect({ topic, consumerGroup: "bereft", partition: 2 });
  await using uncommitted = await proxy.read({ topic, isolation: "uncommitted" });
  const readers = [one, all, group, uncommitted];
  await all.until(30);
  for (const reader of readers) await reader.until(10);
  await helper.deleteTopic(topic);
  for (const reader of readers) {
    const { code, reason } = await reader.untilClosed();
    assert.equal(code, 4404);
    // A group may hear of it first from the commit of its position.
    const mayCommit = reader === group ? '|for group "bereft": .*UNKNOWN_TOPIC_OR_PARTITION' : "";
    assert.match(
      reason,
      new RegExp(`^"deleted" partition \\d does not exist any more${mayCommit}`),
    );
    reader.verify();
  }
  await helper.produce({ topic: other, count: 10 });
  await bystander.until(10);
  assert.equal(bystander.closeInfo, undefined);
  using refused = await proxy.upgrade({ topic, consumerGroup: "" });
  assert.deepEqual([refused.status, refused.error?.code], [404, "unknown_topic"]);
});

Deno.test("a topic deleted under a slow reader closes it, without a gap before", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "deleted-slowly";
  await fortyMegabytes(topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap, cacheBytes: 65_536 });
  const url = proxy.at({ topic, consumerGroup: "", offset: 0 });
  const { history, close } = await readSlowly(url, () => helper.deleteTopic(topic));
  history.verify();
  assert.ok(history.count < COUNT, `${history.count} records`);
  assert.equal(close?.code, 4404);
});

Deno.test("a topic deleted and made anew is not read on as if it were the same", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "recreated";
  await newTopic(helper, topic);
  await helper.produce({ topic, count: 100 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await proxy.read({ topic });
  await client.until(100);
  await helper.deleteTopic(topic);
  await newTopic(helper, topic);
  await helper.produce({ topic, count: 10 });
  const { code } = await client.untilClosed();
  assert.ok(code === 4404 || code === 4416, `closed with ${code}`);
  assert.equal(client.count, 100);
});
