import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import type { ClientRecord } from "../support/record_client.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka({ nodes: 3, heapMb: 384 });

const PARTITIONS = 4;
const LONG = { timeoutMs: 60_000 };

/** Number n goes to partition n modulo 4, so that the number follows from partition and offset. */
function checkNumber({ message, offset, partition }: ClientRecord): void {
  const number = /^\d+/.exec(message!)![0];
  if (number !== `${Number(offset) * PARTITIONS + partition!}`) {
    throw new Error(`Offset ${offset} of partition ${partition} has the record ${number}`);
  }
}

function streaming() {
  return { keep: false, onRecord: checkNumber, history: new History({ from: 0n }) };
}

Deno.test("broker frozen on a cluster of three: what any broker can answer does not wait for it", async () => {
  const { kafka, helper } = await sharedKafka();
  const apart = (frozen: number) => `apart-from-${frozen}`;
  for (const { id } of kafka.nodes) {
    await helper.createTopic(apart(id), { replicaAssignment: [[id % 3 + 1]] });
    await helper.produce({ topic: apart(id), count: 10 });
  }
  for (const node of kafka.nodes) {
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    node.pause();
    try {
      const startMs = performance.now();
      await using client = await proxy.read({ topic: apart(node.id) });
      await client.until(10);
      using answer = await proxy.upgrade({ topic: "unknown" });
      assert.equal(answer.status, 404);
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs < 5_000, `with node ${node.id} frozen it took ${tookMs} ms`);
    } finally {
      node.resume();
    }
    await node.ready(kafka.nodes.map(({ id }) => id));
  }
});

Deno.test("leader moved on a cluster of three: no gap, no duplicate, also when one is killed", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "moved";
  await helper.createTopic(topic, {
    replicaAssignment: [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 3, 2]],
    configs: { "min.insync.replicas": "2" },
  });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
  await using reader = await proxy.read({ topic, partition: "all" }, streaming());
  await using grouped = await proxy.connect(
    { topic, partition: "0,1,2,3", consumerGroup: "moved" },
    streaming(),
  );
  const clients = [reader, grouped];
  await using producer = await helper.backgroundProduce({
    topic,
    ratePerSecond: 20_000,
    acks: "all",
  });
  const more = async (records: number) => {
    await Promise.all(clients.map((client) => client.until(client.count + records, LONG)));
  };

  await more(20_000);
  for (const toNode of [2, 1, 3, 1]) {
    await helper.moveLeader(topic, 0, toNode);
    await more(5_000);
  }
  await Promise.all([
    helper.moveLeader(topic, 1, 3),
    helper.moveLeader(topic, 2, 1),
    helper.moveLeader(topic, 3, 3),
  ]);
  await more(20_000);

  const [{ leader }] = await helper.describeTopic(topic);
  assert.equal(leader, 1);
  await kafka.node(1).kill();
  await eventually(
    "another leader of every partition",
    async () =>
      (await helper.describeTopic(topic)).every((it) => it.leader === 2 || it.leader === 3),
    LONG,
  );
  await more(20_000);

  const { count, partitions } = await producer.stop();
  await Promise.all(clients.map((client) => client.until(count, LONG)));
  for (const client of clients) {
    client.verify();
    assert.equal(client.count, count);
    assert.deepEqual(client.history.partitions, [0, 1, 2, 3]);
    for (const { partition, lastOffset } of partitions) {
      assert.equal(client.history.next(partition), BigInt(lastOffset) + 1n);
    }
    assert.equal(client.closeInfo, undefined, "the socket stayed open");
  }
  await grouped.close();
  await eventually(
    "the end of the group's session",
    () => proxy.events.count("session_closed") === 1,
  );
  const committed = await helper.groupOffsets("moved");
  assert.deepEqual(
    committed.map(({ partition, offset }) => [partition, offset]).sort(),
    partitions.map(({ partition, lastOffset }) => [partition, lastOffset + 1]),
  );
});
