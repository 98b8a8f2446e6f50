import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { History } from "../support/history.ts";
import { morePartitions, newTopic } from "../support/new_topic.ts";
import { type ClientRecord, RecordClient } from "../support/record_client.ts";
import { TcpRelay } from "../support/tcp_relay.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

const MILLION = 1_000_000;
const TOPIC = "million";

/** Written by the first test that asks, in 61 batches or more; read by all. */
let million: Promise<void> | undefined;

function writeMillion(): Promise<void> {
  return million ??= (async () => {
    const { helper } = await sharedKafka();
    await newTopic(helper, TOPIC);
    const { partitions } = await helper.produce({
      topic: TOPIC,
      count: MILLION,
      batchBytes: 2 ** 17,
    });
    assert.deepEqual(partitions, [
      { partition: 0, count: MILLION, firstOffset: 0, lastOffset: MILLION - 1 },
    ]);
  })();
}

/** The value of each record is its number, which is its offset too, padded to 100 bytes. */
function checkNumber({ message, offset }: ClientRecord): void {
  if (message?.length === 100 && BigInt(message.replace(/x*$/, "")) === offset) return;
  throw new Error(`Offset ${offset} holds ${message}`);
}

Deno.test("a million records to one client in order with no gap and no duplicate", async () => {
  const { kafka } = await sharedKafka();
  await writeMillion();
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const history = new History({ from: 0n });
  await using client = await proxy.read({ topic: TOPIC }, {
    history,
    keep: false,
    onRecord: checkNumber,
  });
  await client.until(MILLION, { timeoutMs: 60_000 });
  client.verify();
  assert.deepEqual([client.count, client.next], [MILLION, BigInt(MILLION)]);
});

Deno.test("a million records in order with no gap and no duplicate, the client cut and reconnecting by offset", async () => {
  const { kafka } = await sharedKafka();
  await writeMillion();
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using relay = new TcpRelay(proxy.url);
  const history = new History({ from: 0n });
  const cuts = 40;
  let connections = 0;
  let emptyConnections = 0;
  while (history.count < MILLION) {
    const offset = history.next() ?? 0n;
    const url = relay.through(proxy.at({ topic: TOPIC, consumerGroup: "", offset }));
    await using client = await RecordClient.open(url, {
      history,
      keep: false,
      onRecord: checkNumber,
    });
    connections++;
    // Some while the connection is new, most in the middle of things: after bytes, not records.
    const most = 2.5 * MILLION * 125 / cuts;
    const cutAt = relay.movedBytes + Math.floor(Math.random() ** 2 * most);
    const isLast = connections > cuts;
    await client.until(
      () => history.count >= MILLION || (!isLast && relay.movedBytes >= cutAt),
      { timeoutMs: 60_000, what: `all records or the place of cut ${connections}` },
    );
    relay.cut();
    assert.equal((await client.untilClosed()).code, 1006);
    client.verify();
    if (client.count === 0) emptyConnections++;
  }
  history.verify();
  assert.deepEqual([history.count, history.next()], [MILLION, BigInt(MILLION)]);
  assert.ok(connections > 10, `only ${connections} connections`);
  assert.ok(emptyConnections < connections / 2, `${emptyConnections} of ${connections} were empty`);
});

Deno.test("a reader of all of 12 partitions", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "twelve";
  const partitions = 12;
  const perPartition = 10_000;
  await newTopic(helper, topic, { partitions });
  // Number modulo 12 is the partition, number divided by 12 the offset.
  await helper.produce({ topic, count: partitions * perPartition });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const history = new History({ from: 0n });
  await using client = await proxy.read({ topic, partition: "all" }, {
    history,
    keep: false,
    onRecord({ message, offset, partition }) {
      const number = Number.parseInt(message ?? "", 10);
      if (number === Number(offset) * partitions + partition!) return;
      throw new Error(`Offset ${offset} of partition ${partition} holds ${message}`);
    },
  });
  await client.until(partitions * perPartition);
  assert.deepEqual(history.partitions, Array.from({ length: partitions }, (_, i) => i));
  for (const partition of history.partitions) {
    assert.equal(history.next(partition), BigInt(perPartition));
  }
  // And what is written from now on, to all of them.
  await helper.produce({ topic, count: 1_200, startNumber: partitions * perPartition });
  await client.until(partitions * perPartition + 1_200);
  client.verify();
});

Deno.test("a reader of all partitions reads those the topic gets meanwhile", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "growing";
  await newTopic(helper, topic, { partitions: 2 });
  await helper.produce({ topic, count: 20 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await proxy.read({ topic, partition: "all" }, {
    history: new History({ from: 0n }),
  });
  await client.until(20);
  await morePartitions(helper, topic, 4);
  // Written before the proxy can know of the partitions: they are read from their beginning.
  await helper.produce({ topic, partition: 2, count: 10, startNumber: 200 });
  await helper.produce({ topic, partition: 3, count: 10, startNumber: 300 });
  await helper.produce({ topic, partition: 0, count: 10, startNumber: 100 });
  await client.until(50);
  await helper.produce({ topic, partition: 3, count: 10, startNumber: 310 });
  await client.until(60);
  client.verify();
  const numbers = client.records.filter(({ partition }) => partition === 3)
    .map(({ message }) => Number.parseInt(message!, 10));
  assert.deepEqual(numbers, Array.from({ length: 20 }, (_, i) => 300 + i));
});

Deno.test("readers at many places share one log, each with a whole history", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "shared";
  const partitions = 3;
  const before = 60_000;
  await newTopic(helper, topic, { partitions });
  await helper.produce({ topic, count: before, batchBytes: 50_000 });
  const writing = { topic, startNumber: before, ratePerSecond: 20_000 };
  await using producer = await helper.backgroundProduce(writing);
  // A cache of one chunk: most readers fall out of it, and find their way back.
  await using proxy = await startProxy({ kafka: kafka.bootstrap, cacheBytes: 65_536 });
  await using stack = new AsyncDisposableStack();
  const clients = [];
  for (let i = 0; i < 20; i++) {
    const single = i % 2 === 0;
    const query = {
      topic,
      partition: single ? i % partitions : "all",
      offset: single ? i * before / partitions / 20 : ["earliest", "-5000", "latest"][i % 3],
      isolation: i % 5 === 0 ? "uncommitted" : "committed",
      maxBytes: [500_000, 3_000, 50_000][i % 3],
      fields: "partition",
    };
    const onRecord = ({ message, offset, partition }: ClientRecord) => {
      const number = Number.parseInt(message ?? "", 10);
      if (number === Number(offset) * partitions + partition!) return;
      throw new Error(`Offset ${offset} of partition ${partition} holds ${message}`);
    };
    clients.push(stack.use(await proxy.read(query, { keep: false, onRecord })));
  }
  for (const client of clients) await client.until(1);
  const { partitions: ends } = await producer.stop();
  for (const client of clients) {
    await client.until(
      ({ history }) =>
        history.partitions.every((partition) => {
          const end = ends.find((it) => it.partition === partition)!;
          return history.next(partition) === BigInt(end.lastOffset + 1);
        }),
      { what: "the end of all its partitions" },
    );
    client.verify();
  }
  assert.equal(clients[1].history.partitions.length, partitions);
});
