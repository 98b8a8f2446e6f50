import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { openKafkaClient } from "../support/kafka_client.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { RecordClient } from "../support/record_client.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

/** So long that only a close commits. */
const NO_INTERVAL = { commitIntervalMs: 600_000 };

async function position(group: string): Promise<number | undefined> {
  const { helper } = await sharedKafka();
  return (await helper.groupOffsets(group))[0]?.offset;
}

async function untilPosition(group: string, next: number): Promise<void> {
  await eventually(
    `group ${group} to stand at ${next}`,
    async () => await position(group) === next,
  );
}

async function untilClosed(proxy: TestProxy, sessions: number): Promise<void> {
  await eventually(
    `${sessions} sessions to be closed`,
    () => proxy.events.count("session_closed") === sessions,
  );
}

Deno.test("committed positions: the next connection goes on after the last record of the one before", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "goes-on";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 1_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, ...NO_INTERVAL });
  const query = { topic, consumerGroup: "goes-on" };
  const history = new History({ from: 0n });
  for (let round = 1; round <= 3; round++) {
    const client = await proxy.connect(query, { history });
    await client.until(1_000);
    await client.close();
    await untilClosed(proxy, round);
    assert.equal(await position("goes-on"), round * 1_000, "the next offset, not the last");
    await helper.produce({ topic, count: 1_000, startNumber: round * 1_000 });
  }
  history.verify();
  assert.equal(history.next(), 3_000n);
});

Deno.test("committed positions: a close at full speed repeats little and loses nothing", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "mid-stream";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 300_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, ...NO_INTERVAL });
  const query = { topic, consumerGroup: "mid-stream" };
  const first = await proxy.connect(query, { keep: false });
  await first.until(20_000);
  await first.close();
  await untilClosed(proxy, 1);
  const committed = await position("mid-stream");
  const received = Number(first.next);
  assert.ok(committed! > 0);
  // The client got more between its close and the server's; who had not would have got it again.
  const repeatedBytes = (received - committed!) * 130;
  assert.ok(repeatedBytes >= 0, `${committed} is committed, ${received} came in: a loss`);
  assert.ok(repeatedBytes < 2 << 20, `${committed} is committed, ${received} came in`);

  await using second = await proxy.connect(query, { keep: false });
  await second.until(1);
  assert.equal(second.history.next()! - BigInt(second.count), BigInt(committed!));
  await second.until(({ next }) => next === 300_000n);
  second.verify();
});

Deno.test("committed positions: every interval, and the next offset", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "interval";
  await helper.createTopic(topic, { partitions: 3 });
  await helper.produce({ topic, count: 30 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  await using client = await proxy.connect({
    topic,
    consumerGroup: "interval",
    partition: "0,2",
  });
  await client.until(20);
  await eventually("both positions to be committed", async () => {
    const places = await helper.groupOffsets("interval");
    return places.length === 2 && places.every(({ offset }) => offset === 10);
  });
  await helper.produce({ topic, count: 30, startNumber: 30 });
  await eventually("both positions to move", async () => {
    const places = await helper.groupOffsets("interval");
    return places.length === 2 && places.every(({ offset }) => offset === 20);
  });
  assert.deepEqual(
    (await helper.groupOffsets("interval")).map(({ partition }) => partition).sort(),
    [0, 2],
    "a partition that is not read has no position",
  );
  assert.equal((await helper.describeGroup("interval")).members.length, 0, "and no members");
});

Deno.test("committed positions: another client's position is honoured, a passed one begins at earliest", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "honoured";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 100 });
  await helper.setGroupOffset("honoured", { topic, partition: 0, offset: 42 });
  await helper.setGroupOffset("passed", { topic, partition: 0, offset: 10 });
  await helper.deleteRecords(topic, 0, 40);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });

  await using honoured = await proxy.connect({ topic, consumerGroup: "honoured" });
  await honoured.until(58);
  assert.equal(honoured.records[0].offset, 42n);
  assert.equal(proxy.events.count("position_reset"), 0);

  await using passed = await proxy.connect({ topic, consumerGroup: "passed" });
  await passed.until(60);
  assert.equal(passed.records[0].offset, 40n);
  assert.equal(proxy.events.count("position_reset"), 1, "and that is logged and counted");
});

// Kafka takes what is no offset without an error, and the group's position is gone.
for (const nonsense of [-1n, -2n]) {
  Deno.test(`committed positions: a group that somebody has put at ${nonsense} begins at earliest`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `nonsense${nonsense}`;
    const group = topic;
    await helper.createTopic(topic);
    await helper.produce({ topic, count: 10 });
    await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
    await using other = openKafkaClient(kafka.bootstrap);
    await other.groups.commit(group, topic, new Map([[0, 5n]]));
    assert.equal(await position(group), 5);
    await other.groups.commit(group, topic, new Map([[0, nonsense]]));
    assert.equal(await position(group), undefined, "it was taken");
    await using client = await proxy.connect({ topic, consumerGroup: group });
    await client.until(10);
    client.verify();
    assert.equal(client.records[0].offset, 0n);
    await untilPosition(group, 10);
  });
}

Deno.test("offset= overrides the committed position, and commits go on as usual", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "override";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 100 });
  await helper.setGroupOffset("override", { topic, partition: 0, offset: 90 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  const starts = [[0, 0n], [50, 50n], ["earliest", 0n], ["-5", 95n], [99, 99n]] as const;
  for (const [index, [offset, first]] of starts.entries()) {
    const client = await proxy.connect({ topic, consumerGroup: "override", offset });
    await client.until(Number(100n - first));
    assert.equal(client.records[0].offset, first, `offset=${offset}`);
    await untilPosition("override", 100);
    await client.close();
    await untilClosed(proxy, index + 1);
    await helper.setGroupOffset("override", { topic, partition: 0, offset: 90 });
  }
  for (const offset of [100, "latest"]) {
    await using atEnd = await proxy.connect({ topic, consumerGroup: `end-${offset}`, offset });
    await helper.send([{ topic, partition: 0, value: btoa("late") }]);
    await atEnd.until(1);
    const expected = offset === 100 ? 100n : 101n;
    assert.equal(atEnd.records[0].offset, expected, `offset=${offset}`);
    await untilPosition(`end-${offset}`, Number(expected) + 1);
  }
});

Deno.test("committed positions: after kill -9 of the proxy nothing is lost and little is repeated", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "killed";
  const commitIntervalMs = 200;
  // Its commits lag by the interval and the time a commit takes; the machine may be busy.
  const lagMs = commitIntervalMs + 400;
  await helper.createTopic(topic);
  await using producer = await helper.backgroundProduce({ topic, ratePerSecond: 20_000 });
  const args = ["--kafka", kafka.bootstrap, "--commit-interval-ms", `${commitIntervalMs}`];
  const query = `?topic=${topic}&consumerGroup=killed`;

  let next = 0n;
  let leastFirst = 0n;
  for (let life = 1; life <= 2; life++) {
    await using proxy = await ProxyProcess.start({ args });
    await proxy.event("kafka_connected");
    const came: { atMs: number; next: bigint }[] = [];
    await using client = await RecordClient.open(`${proxy.url}${query}`, {
      keep: false,
      onFrame: (_, records) => {
        came.push({ atMs: performance.now(), next: records.at(-1)!.offset + 1n });
      },
    });
    await client.until(1);
    const first = client.next! - BigInt(client.count);
    assert.ok(first <= next, `life ${life} begins at ${first} where ${next} was due: a gap`);
    assert.ok(
      first >= leastFirst,
      `life ${life} repeats from ${first} on what was there ${lagMs} ms before: ${leastFirst}`,
    );
    const startMs = performance.now();
    await client.until(() => performance.now() - startMs > 2 * lagMs);
    const killedMs = performance.now();
    proxy.signal("SIGKILL");
    assert.equal((await proxy.ended()).signal, "SIGKILL");
    await client.closed;
    client.verify();
    next = client.next!;
    leastFirst = came.findLast(({ atMs }) => atMs < killedMs - lagMs)!.next;
  }
  const { count } = await producer.stop();
  await using proxy = await ProxyProcess.start({ args });
  await proxy.event("kafka_connected");
  await using last = await RecordClient.open(`${proxy.url}${query}`, { keep: false });
  await last.until((it) => it.next === BigInt(count));
  const first = last.next! - BigInt(last.count);
  assert.ok(leastFirst <= first && first <= next, `${leastFirst} to ${next}: ${first}`);
  last.verify();
  await untilPosition("killed", count);
});
