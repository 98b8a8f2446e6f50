import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { TOPIC } from "../support/array_reader.ts";
import { isSettled } from "../support/event_loop.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { holdsFor } from "../support/holds_for.ts";
import { offsetsOf, pullTo, TestLog } from "../support/test_log.ts";

Deno.test("SharedLog.open() reads once from Kafka, many cursors from the beginning", async () => {
  await using test = new TestLog({ chunkBytes: 1 << 20 });
  test.reader.fill(50, 100);
  const cursors = Array.from({ length: 40 }, () => test.open());
  const histories = await Promise.all(
    cursors.map((cursor) => pullTo(cursor, 5000n, new History({ from: 0n }))),
  );
  for (const history of histories) {
    history.verify();
    assert.equal(history.count, 5000);
  }
  assert.equal(test.reader.fetches.length, 1);
  for (const cursor of cursors) cursor.close();
});

Deno.test("SharedLog.open() polls once for all, many cursors at the live end", async () => {
  await using test = new TestLog();
  const cursors = Array.from({ length: 40 }, () => test.open());
  const reading = cursors.map((cursor) => pullTo(cursor, 30n, new History({ from: 0n })));
  await test.atRest();
  for (let i = 0; i < 3; i++) {
    test.reader.fill(1, 10);
    await eventually("the poll to go on", () => test.reader.polls.length > i + 1, { everyMs: 1 });
  }
  for (const history of await Promise.all(reading)) {
    history.verify();
    assert.equal(history.count, 30);
  }
  assert.equal(test.reader.immediate.length, 1);
  for (const cursor of cursors) cursor.close();
});

Deno.test("SharedLog.open() fetches what is not cached any more, a cursor far behind", async () => {
  await using test = new TestLog({ chunkBytes: 2000, cacheBytes: 8000 });
  test.reader.fill(40, 10);
  const fast = test.open();
  await pullTo(fast, 400n);
  const before = test.reader.fetches.length;
  const late = test.open(0);
  const history = await pullTo(late, 400n, new History({ from: 0n }));
  history.verify();
  assert.equal(history.count, 400);
  assert.ok(test.reader.fetches.length > before);
  assert.ok(test.log.cache.bytes <= 8000, `${test.log.cache.bytes} bytes`);
  for (const cursor of [fast, late]) cursor.close();
});

Deno.test("SharedLog.open() loses nothing, a cache of one byte", async () => {
  await using test = new TestLog({ chunkBytes: 2000, cacheBytes: 1 });
  test.reader.fill(30, 10);
  const cursors = [0, 0, 105, 250].map((offset) => test.open(offset));
  const reading = cursors.map((cursor, i) =>
    pullTo(cursor, 330n, new History({ from: [0n, 0n, 105n, 250n][i] }))
  );
  await test.atRest();
  test.reader.fill(3, 10);
  for (const [i, history] of (await Promise.all(reading)).entries()) {
    history.verify();
    assert.equal(history.count, [330, 330, 225, 80][i]);
  }
  for (const cursor of cursors) cursor.close();
});

Deno.test("SharedLog.open() reads each record once, a cursor that stays behind while others are live", async () => {
  await using test = new TestLog({ chunkBytes: 2000, cacheBytes: 5000 });
  const fast = test.open();
  const slow = test.open();
  const fastHistory = new History({ from: 0n });
  const slowHistory = new History({ from: 0n });
  for (let round = 0n; round < 20n; round++) {
    const reading = pullTo(fast, (round + 1n) * 10n, fastHistory);
    test.reader.fill(1, 10);
    await reading;
    if (round % 5n === 4n) {
      for (const offset of await offsetsOf((await slow.next())!)) slowHistory.add(0, offset);
    }
  }
  await pullTo(slow, 200n, slowHistory);
  for (const history of [fastHistory, slowHistory]) {
    history.verify();
    assert.equal(history.count, 200);
  }
  fast.close();
  slow.close();
});

Deno.test("SharedLog.open() leaves the long poll, all cursors busy with what they have", async () => {
  await using test = new TestLog({ chunkBytes: 2000 });
  const slow = test.open();
  const pull = slow.next();
  await test.atRest();
  test.reader.fill(1, 10);
  await pull;
  // Nobody pulls: the poll may bring one chunk more, and then it ends.
  for (let i = 0; i < 10; i++) {
    test.reader.fill(1, 10);
    await eventually("the poll to be busy or over", () => test.reader.waitingPolls <= 1);
  }
  await eventually("the poll to end", () => test.reader.waitingPolls === 0, { everyMs: 1 });
  const { length } = test.reader.polls;
  test.reader.fill(5, 10);
  assert.equal(test.reader.polls.length, length);
  assert.ok(test.log.cache.bytes < 8000, `${test.log.cache.bytes} bytes`);
  const history = await pullTo(slow, 160n, new History({ from: 10n }));
  history.verify();
  slow.close();
});

Deno.test("SharedLog.open() meets the live end at its very offset, a cursor that catches up", async () => {
  await using test = new TestLog({ chunkBytes: 1000 });
  const live = test.open();
  const liveHistory = new History({ from: 0n });
  const liveReading = pullTo(live, 500n, liveHistory);
  await test.atRest();
  const late = test.open();
  const lateHistory = new History({ from: 0n });
  const lateReading = pullTo(late, 500n, lateHistory);
  for (let i = 0; i < 50; i++) {
    test.reader.fill(1, 10);
    await isSettled(lateReading);
  }
  await Promise.all([liveReading, lateReading]);
  for (const history of [liveHistory, lateHistory]) {
    history.verify();
    assert.equal(history.count, 500);
  }
  live.close();
  late.close();
});

Deno.test("SharedLog.open() waits, a cursor ahead of the live end", async () => {
  await using test = new TestLog();
  const first = test.open(0);
  const firstPull = first.next();
  await test.atRest();
  const release = test.reader.hold();
  test.reader.fill(1, 10);
  // The poll holds its answer back; meanwhile somebody begins where it will end.
  const ahead = test.open(10);
  const aheadPull = ahead.next();
  assert.equal(await isSettled(aheadPull), false);
  release();
  await firstPull;
  assert.equal(await isSettled(aheadPull), false);
  test.reader.fill(1, 10);
  const slice = await aheadPull;
  assert.deepEqual((await offsetsOf(slice!))[0], 10n);
  first.close();
  ahead.close();
});

Deno.test("SharedLog.open() goes on where it was, the leader moves while it waits", async () => {
  await using test = new TestLog({ nodes: 2 });
  const cursor = test.open();
  const reading = pullTo(cursor, 40n, new History({ from: 0n }));
  await test.atRest();
  for (const leader of [2, 1, 2]) {
    test.reader.at().leader = leader;
    test.reader.wake();
    test.reader.fill(1, 10);
    await eventually("a poll at the new leader", () => test.reader.polls.at(-1)?.nodeId === leader);
  }
  test.reader.fill(1, 10);
  const history = await reading;
  history.verify();
  assert.equal(history.count, 40);
  cursor.close();
});

Deno.test("SharedLog.open() goes on where it was, Kafka away while it waits", async () => {
  await using test = new TestLog();
  const cursor = test.open();
  const reading = pullTo(cursor, 10n, new History({ from: 0n }));
  await test.atRest();
  test.reader.unreachable.add(1);
  test.reader.wake();
  await eventually("a look at the topic", () => test.reader.looks.length > 3);
  test.reader.unreachable.clear();
  test.reader.fill(1, 10);
  const history = await reading;
  history.verify();
  assert.equal(history.count, 10);
  cursor.close();
});

Deno.test("SharedLog.open() asks now and then and not in a loop, every long poll refused", async () => {
  await using test = new TestLog();
  const { reader } = test;
  const { fetch } = reader;
  reader.fetch = (nodeId, targets, options) =>
    options.waitMs === 0
      ? fetch.call(reader, nodeId, targets, options)
      : Promise.reject(new ProxyError("kafka_unavailable", "refused"));
  const cursor = test.open();
  const pull = cursor.next();
  await holdsFor(300, "a few fetches", () => reader.immediate.length < 12);
  assert.ok(reader.immediate.length > 1);
  reader.append(["a"]);
  assert.deepEqual(await offsetsOf((await pull)!), [0n]);
  cursor.close();
});

Deno.test("SharedLog.open() throws topic_deleted, the topic deleted while it waits", async () => {
  await using test = new TestLog();
  const cursor = test.open();
  const pull = cursor.next();
  await test.atRest();
  test.reader.deleteTopic();
  await assert.rejects(pull, { name: "ProxyError", code: "topic_deleted" });
  cursor.close();
});

Deno.test("SharedLog.open() throws out_of_range, retention passes a slow cursor", async () => {
  await using test = new TestLog({ chunkBytes: 1000 });
  test.reader.fill(10, 10);
  const cursor = test.open();
  await cursor.next();
  await cursor.next();
  test.reader.at().start = 95n;
  await assert.rejects(async () => {
    for (let i = 0; i < 5; i++) await cursor.next();
  }, {
    name: "ProxyError",
    code: "out_of_range",
    details: { partition: 0, earliest: "95", end: "100" },
  });
  cursor.close();
});

Deno.test("SharedLog.open() keeps committed and uncommitted apart, one partition", async () => {
  await using test = new TestLog();
  test.reader.fill(2, 10);
  test.reader.at().lastStable = 10n;
  const committed = test.open(0, [0], "committed");
  const uncommitted = test.open(0, [0], "uncommitted");
  assert.equal((await committed.next())!.chunk.next, 10n);
  assert.equal((await uncommitted.next())!.chunk.next, 20n);
  const pull = committed.next();
  await test.atRest();
  assert.equal(await isSettled(pull), false);
  test.reader.at().lastStable = undefined;
  test.reader.wake();
  assert.equal((await offsetsOf((await pull)!))[0], 10n);
  committed.close();
  uncommitted.close();
});

Deno.test("SharedLog.open() polls each broker by itself, 12 partitions on three", async () => {
  await using test = new TestLog({ partitions: 12, nodes: 3 });
  const cursor = test.open(0, [...Array(12).keys()]);
  const pull = cursor.next();
  await eventually(
    "three polls for all partitions",
    () =>
      new Set(
        test.reader.polls.filter(({ targets }) => targets.length === 4)
          .map(({ nodeId }) => nodeId),
      ).size === 3,
  );
  for (const { nodeId, targets } of test.reader.polls) {
    for (const { partition } of targets) assert.equal(partition % 3 + 1, nodeId);
  }
  test.reader.append(["a"], 7);
  assert.equal((await pull)!.chunk.partition, 7);
  cursor.close();
});

Deno.test("SharedLog.size counts partitions, until a while after the last cursor", async () => {
  await using test = new TestLog({ partitions: 2 });
  test.reader.fill(1, 10);
  const cursor = test.open(0, [0, 1]);
  await cursor.next();
  const log = test.log.log(TOPIC, 0, "committed");
  assert.equal(test.log.size, 2);
  cursor.close();
  assert.equal(test.log.size, 2);
  // Somebody who comes right back finds what was there.
  const again = test.open();
  assert.equal(test.log.log(TOPIC, 0, "committed"), log);
  assert.equal((await again.next())!.from, 0n);
  again.close();
  await eventually("the logs to be forgotten", () => test.log.size === 0, { everyMs: 50 });
  assert.equal(test.log.cache.bytes, 0);
});

// Chunks of the topic that was deleted would be sent as records of the one that has its name now.
Deno.test("SharedLog.log() gives another log and an empty cache, the topic made anew", async () => {
  await using test = new TestLog();
  test.reader.fill(1, 10);
  const older = test.open();
  await older.next();
  const pull = older.next();
  await test.atRest();
  test.reader.addTopic(TOPIC, 1);
  test.reader.fill(2, 10);
  const { topicId } = await test.reader.topic(TOPIC);
  const log = test.log.log(TOPIC, 0, "committed", topicId);
  assert.equal(test.log.cache.bytes, 0);
  await assert.rejects(pull, {
    name: "ProxyError",
    code: "topic_deleted",
    details: { partition: 0, earliest: "0", end: "20" },
  });
  const newer = test.open();
  assert.equal(log.readers, 1);
  const history = await pullTo(newer, 20n, new History({ from: 0n }));
  assert.equal(history.count, 20);
  older.close();
  newer.close();
});

// At offset 10 the new topic has a record too, and nothing would say that it is another one.
Deno.test("SharedLog.open() tells a live cursor of a topic made anew, its offset there all the same", async () => {
  await using test = new TestLog();
  test.reader.fill(1, 10);
  const cursor = test.open();
  await cursor.next();
  const pull = cursor.next();
  await test.atRest();
  test.reader.addTopic(TOPIC, 1);
  test.reader.at(0).failures.push("gone");
  test.reader.fill(3, 10);
  await assert.rejects(pull, { code: "topic_deleted" });
  cursor.close();
});

Deno.test("SharedLog.open() forgets what is cached, the partition ends before it", async () => {
  await using test = new TestLog();
  test.reader.hasTopicIds = false;
  test.reader.fill(1, 10);
  const cursor = test.open();
  await cursor.next();
  test.reader.addTopic(TOPIC, 1);
  await assert.rejects(cursor.next(), { code: "out_of_range" });
  assert.equal(test.log.cache.bytes, 0);
  cursor.close();
});

Deno.test("SharedLog.close() gives an error to cursors that wait, in the poll", async () => {
  await using test = new TestLog();
  const cursor = test.open();
  const pull = cursor.next();
  await test.atRest();
  test.log.close();
  await assert.rejects(pull, { name: "ProxyError", code: "leaving" });
  cursor.close();
});

// Who fetched while the log was closed, and found nothing, waited for a poll that never began.
Deno.test("SharedLog.close() gives an error to cursors that wait, for a fetch that finds nothing", async () => {
  await using test = new TestLog();
  const release = test.reader.hold();
  const cursor = test.open();
  const pull = cursor.next();
  await eventually("the fetch", () => test.reader.fetches.length === 1, { everyMs: 1 });
  test.log.close();
  release();
  await assert.rejects(pull, { name: "ProxyError", code: "leaving" });
  cursor.close();
});

Deno.test("SharedLog.close() gives an error to cursors that wait, Kafka away", async () => {
  await using test = new TestLog();
  test.reader.unreachable.add(1);
  const cursor = test.open();
  const pull = cursor.next();
  await eventually("two looks", () => test.reader.looks.length > 1, { everyMs: 1 });
  test.log.close();
  await assert.rejects(pull, { name: "ProxyError", code: "leaving" });
  cursor.close();
});

Deno.test("SharedLog.close() gives an error to whoever comes later", async () => {
  await using test = new TestLog();
  test.reader.fill(1, 10);
  test.log.close();
  const cursor = test.open();
  await assert.rejects(() => cursor.next(), { name: "ProxyError", code: "leaving" });
  cursor.close();
});

Deno.test("SharedLog.close() lets go of all memory, and may be called again", async () => {
  await using test = new TestLog();
  test.reader.fill(5, 10);
  const cursor = test.open();
  await cursor.next();
  assert.ok(test.log.cache.bytes > 0);
  test.log.close();
  test.log.close();
  assert.equal(test.log.cache.bytes, 0);
  assert.equal(test.log.size, 0);
  cursor.close();
});
