import assert from "node:assert/strict";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { newTopic } from "../support/new_topic.ts";
import type { RecordClient } from "../support/record_client.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

/** A minute apart, the last one an hour ago. */
const STEP_MS = 60_000;
const COUNT = 100;
const START_MS = Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000 - COUNT * STEP_MS;

function timeOf(offset: number): number {
  return START_MS + offset * STEP_MS;
}

async function hundredRecords(helper: KafkaHelper, topic: string): Promise<void> {
  await newTopic(helper, topic);
  const timestamps = { startMs: START_MS, stepMs: STEP_MS };
  await helper.produce({ topic, count: COUNT, valueBytes: 10, timestamps });
}

/**
 * Opens a reader at each of these positions; once one more record is written, all must have begun
 * at the offset named and come to the end.
 */
async function assertStarts(
  { helper, proxy, topic, end }: {
    helper: KafkaHelper;
    proxy: TestProxy;
    topic: string;
    end: number;
  },
  starts: readonly (readonly [offset: string | number, first: number])[],
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const clients: RecordClient[] = [];
  for (const [offset] of starts) clients.push(stack.use(await proxy.read({ topic, offset })));
  await helper.produce({ topic, count: 1, startNumber: end, valueBytes: 10 });
  const found: [string | number, number][] = [];
  for (const [i, client] of clients.entries()) {
    const name = `offset=${starts[i][0]}`;
    await client.until(({ next }) => next === BigInt(end + 1), { what: `${name} to reach ${end}` });
    client.verify();
    found.push([starts[i][0], Number(client.records[0].offset)]);
  }
  assert.deepEqual(found, starts);
}

Deno.test("a reader starts where it says", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "starts";
  await hundredRecords(helper, topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const iso = (offset: number) => new Date(timeOf(offset)).toISOString();
  const inBerlin = `${new Date(timeOf(50) + 3_600_000).toISOString().slice(0, -1)}+01:00`;
  await assertStarts({ helper, proxy, topic, end: COUNT }, [
    [0, 0],
    [37, 37],
    [COUNT - 1, 99],
    ["earliest", 0],
    // The end itself is valid, and waits.
    ["latest", COUNT],
    [COUNT, COUNT],
    // -N counts offsets, and stops at earliest.
    ["-1", 99],
    ["-10", 90],
    ["-100", 0],
    ["-101", 0],
    ["-9223372036854775807", 0],
    // The first record at or after a time.
    [`ts:${timeOf(30)}`, 30],
    [`ts:${timeOf(30) - 1}`, 30],
    [`ts:${timeOf(30) + 1}`, 31],
    [`ts:${iso(40)}`, 40],
    [`ts:${iso(40).slice(0, -5)}Z`, 40],
    [`ts:${inBerlin}`, 50],
    ["ts:0", 0],
    // After the last record it is the end.
    [`ts:${timeOf(COUNT - 1) + 1}`, COUNT],
    [`ts:${Date.now() + 86_400_000}`, COUNT],
  ]);
});

Deno.test("a start that does not exist is refused with the valid range", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "ranges";
  await hundredRecords(helper, topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const refusal = async (offset: number | bigint, consumerGroup = "") => {
    using answer = await proxy.upgrade({ topic, consumerGroup, offset });
    const { code, partition, earliest, end, message } = answer.error!;
    assert.match(message, new RegExp(`offset ${offset}\\b.* ${earliest} to ${end}`));
    return [answer.status, code, partition, earliest, end];
  };
  const range = (earliest: number) => [416, "out_of_range", 0, `${earliest}`, "100"];
  assert.deepEqual(await refusal(101), range(0));
  assert.deepEqual(await refusal(2n ** 63n - 1n), range(0));
  assert.deepEqual(await refusal(101, "some-group"), range(0));

  await helper.deleteRecords(topic, 0, 40);
  assert.deepEqual(await refusal(0), range(40));
  assert.deepEqual(await refusal(39), range(40));
  assert.deepEqual(await refusal(101), range(40));
  await assertStarts({ helper, proxy, topic, end: COUNT }, [
    [40, 40],
    [COUNT, COUNT],
    ["earliest", 40],
    ["-60", 40],
    ["-61", 40],
    ["-5", 95],
    [`ts:${timeOf(10)}`, 40],
    [`ts:${timeOf(45)}`, 45],
  ]);

  // Nothing is left: the one valid offset is the end.
  await helper.deleteRecords(topic, 0, 101);
  assert.deepEqual(await refusal(100), [416, "out_of_range", 0, "101", "101"]);
  await assertStarts({ helper, proxy, topic, end: 101 }, [
    [101, 101],
    ["earliest", 101],
    ["latest", 101],
    ["-5", 101],
    [`ts:${timeOf(10)}`, 101],
  ]);
});

Deno.test("an empty topic is read from wherever its first record comes", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "empty";
  await newTopic(helper, topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  using refused = await proxy.upgrade({ topic, consumerGroup: "", offset: 1 });
  assert.deepEqual([refused.status, refused.error?.earliest, refused.error?.end], [416, "0", "0"]);
  const starts = [0, "earliest", "latest", "-5", "ts:0", `ts:${Date.now()}`] as const;
  await assertStarts(
    { helper, proxy, topic, end: 0 },
    starts.map((offset): [string | number, number] => [offset, 0]),
  );
});

Deno.test("a start position counts in each of several partitions", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "several";
  await newTopic(helper, topic, { partitions: 3 });
  const timestamps = { startMs: START_MS, stepMs: STEP_MS };
  // 10, 20 and 0 records.
  await helper.produce({ topic, partition: 0, count: 10, timestamps });
  await helper.produce({ topic, partition: 1, count: 20, timestamps });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const firsts: [query: Record<string, string | number>, firsts: number[]][] = [
    [{ partition: "all", offset: "earliest" }, [0, 0, 0]],
    [{ partition: "all", offset: "latest" }, [10, 20, 0]],
    [{ partition: "all", offset: "-15" }, [0, 5, 0]],
    [{ partition: "all", offset: "-3" }, [7, 17, 0]],
    [{ partition: "all", offset: `ts:${timeOf(8)}` }, [8, 8, 0]],
    [{ partition: "all", offset: `ts:${timeOf(15)}` }, [10, 15, 0]],
    [{ partition: "1,2", offset: "-3" }, [-1, 17, 0]],
    [{ partition: "0,2", offset: "latest" }, [10, -1, 0]],
  ];
  await using stack = new AsyncDisposableStack();
  const clients: RecordClient[] = [];
  for (const [query] of firsts) clients.push(stack.use(await proxy.read({ topic, ...query })));
  const ends = [11n, 21n, 1n];
  for (const partition of [0, 1, 2]) await helper.produce({ topic, partition, count: 1 });
  for (const [i, client] of clients.entries()) {
    const [query, expected] = firsts[i];
    await client.until(
      ({ history }) => expected.every((first, p) => first < 0 || history.next(p) === ends[p]),
      { what: `${JSON.stringify(query)} to reach the end` },
    );
    client.verify();
    const found = [0, 1, 2].map((partition) => {
      const first = client.records.find((record) => record.partition === partition);
      return first === undefined ? -1 : Number(first.offset);
    });
    assert.deepEqual(found, expected, JSON.stringify(query));
  }
  using refused = await proxy.upgrade({ topic, consumerGroup: "", partition: "all", offset: 5 });
  assert.deepEqual([refused.status, refused.error?.code], [400, "bad_parameter"]);
});

Deno.test("without offset a reader starts at latest, a group at its position, else at earliest", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "defaults";
  await hundredRecords(helper, topic);
  await helper.setGroupOffset("seasoned", { topic, partition: 0, offset: 70 });
  await helper.setGroupOffset("caught-up", { topic, partition: 0, offset: COUNT });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using reader = await proxy.connect({ topic, consumerGroup: "" });
  await using fresh = await proxy.connect({ topic, consumerGroup: "fresh" });
  await using unnamed = await proxy.connect({ topic });
  await using seasoned = await proxy.connect({ topic, consumerGroup: "seasoned" });
  await using caughtUp = await proxy.connect({ topic, consumerGroup: "caught-up" });
  // The sessions of groups read their position after the upgrade.
  await seasoned.until(30);
  await fresh.until(COUNT);
  await unnamed.until(COUNT);
  await helper.produce({ topic, count: 1, startNumber: COUNT });
  const firsts: [RecordClient, bigint][] = [
    [reader, 100n],
    [fresh, 0n],
    [unnamed, 0n],
    [seasoned, 70n],
    [caughtUp, 100n],
  ];
  for (const [client, first] of firsts) {
    await client.until(({ next }) => next === 101n);
    assert.equal(client.records[0].offset, first);
    client.verify();
  }
  assert.equal(proxy.events.count("position_reset"), 0);
  const groups = ["fresh", "default", "seasoned", "caught-up"];
  await eventually("the next offset to be committed for all groups", async () => {
    const all = await Promise.all(groups.map((group) => helper.groupOffsets(group)));
    return all.every(([position]) => position?.offset === 101);
  });
});

Deno.test("offset= in a group overrides its position, and commits go on from there", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "overridden";
  await hundredRecords(helper, topic);
  const group = "overriding";
  await helper.setGroupOffset(group, { topic, partition: 0, offset: 70 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  const query = { topic, consumerGroup: group };
  await using first = await proxy.connect({ ...query, offset: 10, rate: 20 });
  await first.until(1);
  assert.equal(first.records[0].offset, 10n);
  await eventually("an earlier position to be committed", async () => {
    const [position] = await helper.groupOffsets(group);
    return position.offset > 10 && position.offset < 70;
  });
  await first.close();
  // It goes on where that one was left.
  await using second = await proxy.connect(query);
  await second.until(({ next }) => next === 100n);
  assert.ok(second.records[0].offset <= first.next!, `${second.records[0].offset}`);
  assert.ok(second.records[0].offset > 10n);
  second.verify();
});

Deno.test("a position that retention has passed starts at earliest, and is counted", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "passed";
  await hundredRecords(helper, topic);
  const group = "left-behind";
  await helper.setGroupOffset(group, { topic, partition: 0, offset: 10 });
  await helper.deleteRecords(topic, 0, 40);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await proxy.connect({ topic, consumerGroup: group });
  await client.until(60);
  assert.equal(client.records[0].offset, 40n);
  client.verify();
  assert.equal(proxy.events.count("position_reset"), 1);
});
