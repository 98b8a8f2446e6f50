import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { TOPIC } from "../support/array_reader.ts";
import { isSettled } from "../support/event_loop.ts";
import { eventually } from "../support/eventually.ts";
import { holdsFor } from "../support/holds_for.ts";
import type { ManualSink } from "../support/manual_sink.ts";
import { TestSessions } from "../support/test_sessions.ts";

/** Numbers from one up to, and not including, another. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Waits until a client has so many records. */
async function records(sink: ManualSink, count: number): Promise<void> {
  await eventually(`${count} records`, () => sink.offsets.length >= count, { everyMs: 1 });
}

Deno.test("V1Session.run() sends a reader everything, then what is appended", async () => {
  await using test = new TestSessions();
  test.reader.fill(5, 100);
  const { sink } = await test.start("consumerGroup=&offset=0");
  await records(sink, 500);
  test.reader.fill(1, 10);
  await records(sink, 510);
  assert.deepEqual(sink.offsets, range(0, 510));
});

Deno.test("V1Session.run() writes no position, a reader", async () => {
  await using test = new TestSessions({ commitIntervalMs: 1 });
  test.reader.fill(1, 10);
  const { sink, session } = await test.start("consumerGroup=&offset=0");
  await records(sink, 10);
  await session.stop(1001, "leaving", 0);
  assert.equal(test.groups.tries, 0);
  assert.equal(test.leases.given.length, 0);
});

Deno.test("V1Session.run() begins where the group was and commits the next offset", async () => {
  await using test = new TestSessions();
  test.reader.fill(3, 10);
  test.groups.set("g1", TOPIC, 0, 12n);
  const { sink, session } = await test.start("consumerGroup=g1");
  await records(sink, 18);
  await session.stop(1001, "leaving", 0);
  assert.deepEqual(sink.offsets, range(12, 30));
  assert.equal(test.groups.get("g1", TOPIC, 0), 30n);
});

Deno.test("V1Session.run() commits while it runs, every interval", async () => {
  await using test = new TestSessions({ commitIntervalMs: 2 });
  test.reader.fill(1, 10);
  const { sink } = await test.start("consumerGroup=g1");
  await eventually("a commit", () => test.groups.get("g1", TOPIC, 0) === 10n, { everyMs: 1 });
  test.reader.fill(1, 5);
  await eventually("another", () => test.groups.get("g1", TOPIC, 0) === 15n, { everyMs: 1 });
  assert.equal(sink.isClosed, false);
});

Deno.test("V1Session.run() commits past records that nobody sees, at the end of the partition", async () => {
  await using test = new TestSessions();
  test.reader.append(["a"]);
  test.reader.appendBatch({ records: [], lastOffsetDelta: 4 });
  const { sink, session } = await test.start("consumerGroup=g1");
  await records(sink, 1);
  await eventually("the poll", () => test.reader.waitingPolls > 0, { everyMs: 1 });
  await session.stop(1001, "leaving", 0);
  assert.equal(test.groups.get("g1", TOPIC, 0), 6n);
});

Deno.test("V1Session.run() commits what the client's system took, the client gone", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const { sink, over } = await test.start("consumerGroup=g1&maxBytes=90", {
    prepare: (sink) => sink.holdBytes(),
  });
  await records(sink, 10);
  sink.take(sink.frames[0].length * 3);
  sink.closeByPeer(1006);
  await over;
  assert.equal(test.groups.get("g1", TOPIC, 0), 3n);
  assert.equal(test.events.of("session_closed")[0].code, 1006);
});

Deno.test("V1Session.run() reads a list of partitions, each where the group was", async () => {
  await using test = new TestSessions({ partitions: 3 });
  for (const partition of [0, 1, 2]) test.reader.fill(1, 10, partition);
  test.groups.set("g1", TOPIC, 2, 7n);
  const { sink, session } = await test.start("consumerGroup=g1&partition=0,2");
  await records(sink, 13);
  await session.stop(1001, "leaving", 0);
  const seen = sink.frames.flatMap((frame) => JSON.parse(frame))
    .map(({ partition, offset }) => `${partition}:${offset}`);
  const wanted = [...range(0, 10).map((at) => `0:${at}`), ...range(7, 10).map((at) => `2:${at}`)];
  assert.deepEqual(seen.sort(), wanted.sort());
  assert.deepEqual([0, 1, 2].map((at) => test.groups.get("g1", TOPIC, at)), [10n, undefined, 10n]);
  assert.deepEqual(test.leases.given.map(({ pin }) => pin.partition), [0, 2]);
});

Deno.test("V1Session.run() pulls nothing more, the sink full", async () => {
  await using test = new TestSessions();
  test.reader.fill(200, 10);
  const { sink } = await test.start("consumerGroup=&offset=0", {
    prepare: (sink) => {
      sink.holdBytes();
      sink.highBytes = 10_000;
    },
  });
  await eventually("a full sink", () => !sink.hasRoom, { everyMs: 1 });
  const { length } = sink.frames;
  const fetches = test.reader.fetches.length;
  await holdsFor(
    20,
    "nothing sent or fetched",
    () => sink.frames.length === length && test.reader.fetches.length <= fetches + 1,
  );
  // One chunk ahead, and what is in the sink: far from everything.
  assert.ok(sink.offsets.length < 300, `${sink.offsets.length} records`);
  while (sink.offsets.length < 2000) {
    sink.take();
    await eventually(
      "the next frames",
      () => sink.bufferedBytes > 0 || sink.offsets.length >= 2000,
      {
        everyMs: 1,
      },
    );
  }
  assert.deepEqual(sink.offsets, range(0, 2000));
});

Deno.test("V1Session.run() makes a frame once for all, readers side by side", async () => {
  await using test = new TestSessions();
  const clients = [];
  for (let i = 0; i < 3; i++) clients.push(await test.start("consumerGroup=&offset=latest"));
  await eventually("the poll", () => test.reader.waitingPolls > 0, { everyMs: 1 });
  await eventually(
    "three cursors",
    () => test.services.log.log(TOPIC, 0, "committed").readers === 3,
  );
  test.reader.fill(1, 10);
  for (const { sink } of clients) await records(sink, 10);
  assert.equal(new Set(clients.map(({ sink }) => sink.frames[0])).size, 1);
  const [{ bytes }] = test.reader.at().batches;
  assert.equal(test.services.log.cache.bytes, bytes.length + clients[0].sink.frames[0].length);
});

Deno.test("V1Session.run() sends a record over maxBytes alone and reports it", async () => {
  await using test = new TestSessions();
  test.reader.append(["a", "b".repeat(500), "c"]);
  const { sink } = await test.start("consumerGroup=&offset=0&maxBytes=100");
  await records(sink, 3);
  assert.deepEqual(sink.frames.map((frame) => JSON.parse(frame).length), [1, 1, 1]);
  assert.deepEqual(test.events.of("oversize_record"), [{
    event: "oversize_record",
    topic: TOPIC,
    partition: 0,
    offset: 1n,
    bytes: 500,
    maxBytes: 100,
    session: "session 1",
  }]);
});

Deno.test("V1Session.run() keeps to the rate, in frames of a tenth of a second", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 400);
  const startMs = performance.now();
  const { sink } = await test.start("consumerGroup=&offset=0&rate=200");
  await records(sink, 260);
  assert.ok(performance.now() - startMs >= 150, "260 records of 200 a second, 200 of them ahead");
  for (const frame of sink.frames) assert.equal(JSON.parse(frame).length, 20);
});

Deno.test("V1Session.run() pauses between frames, idleTimeout", async () => {
  await using test = new TestSessions();
  test.reader.append(["a", "b", "c"]);
  const startMs = performance.now();
  const { sink } = await test.start("consumerGroup=&offset=0&maxBytes=1&idleTimeout=30");
  await records(sink, 3);
  assert.ok(performance.now() - startMs >= 58);
});

for (
  const [what, error, code, reason] of [
    ["corrupt_batch", new ProxyError("corrupt_batch", "Cannot read offset 0"), 1011, /offset 0/],
    ["old_format", new ProxyError("old_format", "Cannot read offset 0"), 1011, /offset 0/],
    ["forbidden", new ProxyError("forbidden", "Cannot read"), 4403, /Cannot read/],
  ] as const
) {
  Deno.test(`V1Session.run() closes with ${code}, ${what}`, async () => {
    await using test = new TestSessions();
    test.reader.at().failures.push(error);
    const { sink, over } = await test.start("consumerGroup=&offset=0");
    await over;
    const closed = await sink.closed;
    assert.equal(closed.code, code);
    assert.match(closed.reason, reason);
  });
}

Deno.test("V1Session.run() sends what is readable and closes with 1011, a batch that is cut short", async () => {
  await using test = new TestSessions();
  test.reader.append(["a", "b"]);
  test.reader.append(["c"]);
  const bytes = test.reader.at().batches[1].bytes;
  bytes.writeInt32BE(2, 57);
  const { sink, over, session } = await test.start("consumerGroup=g1");
  await over;
  assert.equal((await sink.closed).code, 1011);
  assert.deepEqual(sink.messages, ["a", "b", "c"]);
  // What came before is committed, and the bad batch is not passed over.
  assert.equal(test.groups.get("g1", TOPIC, 0), 3n);
  assert.equal(session.plan.partitions[0], 0);
});

Deno.test("V1Session.run() closes with 1011 and tells the log, a mistake of ours", async () => {
  await using test = new TestSessions();
  test.reader.append(["a"]);
  const { sink, over } = await test.start("consumerGroup=&offset=0", {
    prepare: (sink) => {
      sink.send = () => {
        throw new TypeError("a bug");
      };
    },
  });
  await over;
  assert.equal((await sink.closed).code, 1011);
  assert.equal((test.events.of("session_failed")[0].error as Error).message, "a bug");
});

Deno.test("V1Session.run() closes with 4404, the topic deleted under a reader", async () => {
  await using test = new TestSessions();
  const { sink, over } = await test.start("consumerGroup=");
  await eventually("the poll", () => test.reader.waitingPolls > 0, { everyMs: 1 });
  test.reader.deleteTopic();
  await over;
  assert.equal((await sink.closed).code, 4404);
});

Deno.test("V1Session.onMessage() closes with 1008", async () => {
  await using test = new TestSessions();
  const { sink, session, over } = await test.start("consumerGroup=");
  session.onMessage();
  await over;
  assert.deepEqual(await sink.closed, { code: 1008, reason: "v1 clients send nothing" });
});

Deno.test("V1Session.stop() closes once with the first reason, called twice", async () => {
  await using test = new TestSessions();
  const { sink, session } = await test.start("consumerGroup=");
  await Promise.all([session.stop(1001, "leaving", 0), session.stop(4409, "taken over", 0)]);
  assert.deepEqual(await sink.closed, { code: 1001, reason: "leaving" });
  assert.equal(test.history.filter((entry) => entry.startsWith("close")).length, 1);
});

Deno.test("V1Session.stop() waits for the client to take what is under way, then commits, then closes", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const { sink, session } = await test.start("consumerGroup=g1", {
    prepare: (sink) => sink.holdBytes(),
  });
  await records(sink, 10);
  const stopping = session.stop(1001, "leaving", 60_000);
  assert.equal(await isSettled(stopping), false);
  assert.equal(sink.isClosed, false);
  sink.take();
  await stopping;
  assert.deepEqual(test.history, ["send", "commit 0:10", "close 1001"]);
});

Deno.test("V1Session.stop() commits nothing that was not taken, a client that takes nothing", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const { sink, session } = await test.start("consumerGroup=g1", {
    prepare: (sink) => sink.holdBytes(),
  });
  await records(sink, 10);
  await session.stop(1001, "leaving", 20);
  assert.equal(test.groups.tries, 0);
  assert.equal((await sink.closed).code, 1001);
});

Deno.test("V1Session.stop() sends nothing more, a frame half way through a chunk", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const { sink, session } = await test.start("consumerGroup=g1&maxBytes=90&idleTimeout=60000");
  await records(sink, 1);
  await session.stop(1001, "leaving", 0);
  assert.deepEqual(sink.offsets, [0]);
  assert.equal(test.groups.get("g1", TOPIC, 0), 1n);
});

Deno.test("V1Session.stop() ends it before it begins, not open yet", async () => {
  await using test = new TestSessions();
  const opened = Promise.withResolvers<void>();
  const { sink, session } = await test.start("consumerGroup=g1", { opened: opened.promise });
  const stopping = session.stop(1001, "leaving", 0);
  opened.resolve();
  await stopping;
  assert.equal((await sink.closed).code, 1001);
  assert.equal(test.leases.given.length, 0);
  assert.deepEqual(sink.frames, []);
});

Deno.test("V1Session.stop() ends it, waiting for a lease", async () => {
  await using test = new TestSessions();
  const release = test.leases.hold();
  const { sink, session } = await test.start("consumerGroup=g1");
  const stopping = session.stop(1001, "leaving", 0);
  release();
  await stopping;
  assert.equal((await sink.closed).code, 1001);
  assert.deepEqual(test.leases.given.map(({ isReleased }) => isReleased), [true]);
});

Deno.test("V1Session.stop() ends it, waiting for the committed position", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  let release = () => {};
  const { sink, session } = await test.start("consumerGroup=g1", {
    prepare: () => release = test.groups.hold(),
  });
  await eventually("the lease", () => test.leases.given.length === 1, { everyMs: 1 });
  const stopping = session.stop(1001, "leaving", 0);
  release();
  await stopping;
  assert.deepEqual(sink.frames, []);
  assert.equal((await sink.closed).code, 1001);
  // Nor is a partition kept for it that nobody reads.
  assert.equal(test.services.log.size, 0);
});

Deno.test("V1Session.stop() ends it, waiting for room", async () => {
  await using test = new TestSessions();
  test.reader.fill(10, 100);
  const { sink, session } = await test.start("consumerGroup=&offset=0", {
    prepare: (sink) => {
      sink.holdBytes();
      sink.highBytes = 1;
    },
  });
  await records(sink, 1);
  await session.stop(1001, "leaving", 0);
  assert.equal(sink.frames.length, 1);
});

Deno.test("V1Session.stop() ends it, waiting in the long poll", async () => {
  await using test = new TestSessions();
  const { session } = await test.start("consumerGroup=");
  await eventually("the poll", () => test.reader.waitingPolls > 0, { everyMs: 1 });
  await session.stop(1001, "leaving", 0);
});

Deno.test("V1Session.stop() ends it, Kafka away", async () => {
  await using test = new TestSessions();
  const { session, sink } = await test.start("consumerGroup=", {
    prepare: () => void test.reader.unreachable.add(1),
  });
  await eventually("two looks", () => test.reader.looks.length > 2, { everyMs: 1 });
  await session.stop(1001, "leaving", 0);
  assert.equal((await sink.closed).code, 1001);
});

Deno.test("V1Session.run() reads nothing and evicts nobody, the client gone before it was open", async () => {
  await using test = new TestSessions();
  const older = await test.start("consumerGroup=g1");
  const opened = Promise.withResolvers<void>();
  const gone = await test.start("consumerGroup=g1", { opened: opened.promise });
  gone.sink.closeByPeer(1006);
  opened.resolve();
  await gone.over;
  assert.equal(older.sink.isClosed, false);
  assert.deepEqual(gone.sink.frames, []);
});

Deno.test("V1Session.evict() commits and closes the older one before the newer's first frame", async () => {
  await using test = new TestSessions();
  test.reader.fill(3, 10);
  const older = await test.start("consumerGroup=g1", { name: "older " });
  await records(older.sink, 30);
  const newer = await test.start("consumerGroup=g1", { name: "newer " });
  test.reader.fill(1, 10);
  await records(newer.sink, 10);
  await newer.session.stop(1001, "leaving", 0);
  assert.deepEqual([...older.sink.offsets, ...newer.sink.offsets], range(0, 40));
  const events = test.history.filter((entry) => entry !== "older send");
  assert.deepEqual(events, [
    "commit 0:30",
    "older close 4409",
    "newer send",
    "commit 0:40",
    "newer close 1001",
  ]);
  assert.match((await older.sink.closed).reason, /^taken over: a newer client reads "orders"/);
});

Deno.test("V1Session.evict() repeats what was not taken and loses nothing, an older client that is slow", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const older = await test.start("consumerGroup=g1&maxBytes=90", {
    prepare: (sink) => sink.holdBytes(),
  });
  await records(older.sink, 10);
  older.sink.take(older.sink.frames[0].length * 4);
  const newer = await test.start("consumerGroup=g1");
  await records(newer.sink, 6);
  assert.deepEqual(newer.sink.offsets, range(4, 10));
  assert.equal((await older.sink.closed).code, 4409);
});

Deno.test("V1Session.evict() hands on through all of them, four clients at a time", async () => {
  await using test = new TestSessions();
  test.reader.fill(2, 10);
  const clients = [];
  for (const name of ["1 ", "2 ", "3 ", "4 "]) {
    clients.push(await test.start("consumerGroup=g1", { name }));
  }
  const last = clients[3];
  test.reader.fill(1, 10);
  await eventually("the last one to have the end", () => last.sink.offsets.at(-1) === 29, {
    everyMs: 1,
  });
  const all = clients.flatMap(({ sink }) => sink.offsets);
  assert.deepEqual(all, range(0, 30));
  for (const { sink } of clients.slice(0, 3)) assert.equal((await sink.closed).code, 4409);
  assert.equal(last.sink.isClosed, false);
});

Deno.test("V1Session.evict() ends the older whole, lists that overlap in one partition", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const older = await test.start("consumerGroup=g1&partition=0,1");
  const other = await test.start("consumerGroup=g2&partition=0,1");
  await test.start("consumerGroup=g1&partition=1,2");
  assert.equal((await older.sink.closed).code, 4409);
  assert.equal(other.sink.isClosed, false);
});

Deno.test("V1Session.run() lets readers be, any number on one partition", async () => {
  await using test = new TestSessions();
  const clients = [];
  for (let i = 0; i < 5; i++) clients.push(await test.start("consumerGroup="));
  await eventually("the poll", () => test.reader.waitingPolls > 0, { everyMs: 1 });
  assert.ok(clients.every(({ sink }) => !sink.isClosed));
});

Deno.test("V1Session.run() closes with 4409, the group got members of its own", async () => {
  await using test = new TestSessions({ commitIntervalMs: 2 });
  test.reader.fill(1, 10);
  test.groups.failures.push(new ProxyError("group_in_use", "the group has got members"));
  const { sink, over } = await test.start("consumerGroup=g1");
  await over;
  assert.deepEqual(await sink.closed, { code: 4409, reason: "the group has got members" });
});

Deno.test("V1Session.run() goes on, Kafka away for a commit", async () => {
  await using test = new TestSessions({ commitIntervalMs: 2 });
  test.reader.fill(1, 10);
  test.groups.failures.push(new ProxyError("kafka_unavailable", "away"));
  const { sink } = await test.start("consumerGroup=g1");
  await eventually("a commit", () => test.groups.get("g1", TOPIC, 0) === 10n, { everyMs: 1 });
  assert.equal(sink.isClosed, false);
});

Deno.test("V1Session.run() closes with the reason of the lease, one that is lost", async () => {
  await using test = new TestSessions();
  const { sink, over } = await test.start("consumerGroup=g1");
  await eventually("the lease", () => test.leases.given.length === 1, { everyMs: 1 });
  test.leases.given[0].lose();
  await over;
  assert.deepEqual(await sink.closed, {
    code: 4409,
    reason: "taken over: a newer client on another server",
  });
  assert.equal(test.leases.given[0].isReleased, true);
});

Deno.test("V1Session.run() closes and gives back what it has, the second lease refused", async () => {
  await using test = new TestSessions({ partitions: 2 });
  const refusal = new ProxyError("forbidden", "the lease's group may not be used");
  const { sink, over } = await test.start("consumerGroup=g1&partition=0,1", {
    prepare: () => {
      const { acquire } = test.leases;
      test.leases.acquire = (pin, ...rest) =>
        pin.partition === 1 ? Promise.reject(refusal) : acquire.call(test.leases, pin, ...rest);
    },
  });
  await over;
  assert.equal((await sink.closed).code, 4403);
  assert.deepEqual(test.leases.given.map(({ isReleased }) => isReleased), [true]);
});

Deno.test("V1Session.run() sends and commits nothing, while the lease is in doubt", async () => {
  await using test = new TestSessions({ commitIntervalMs: 1 });
  test.reader.fill(1, 10);
  const { sink } = await test.start("consumerGroup=g1");
  await records(sink, 10);
  await eventually("a commit", () => test.groups.get("g1", TOPIC, 0) === 10n, { everyMs: 1 });
  const [lease] = test.leases.given;
  lease.doubt();
  test.reader.fill(1, 10);
  await holdsFor(
    20,
    "nothing sent or committed",
    () => sink.offsets.length === 10 && test.groups.get("g1", TOPIC, 0) === 10n,
  );
  lease.makeSure();
  await records(sink, 20);
  await eventually("a commit", () => test.groups.get("g1", TOPIC, 0) === 20n, { everyMs: 1 });
  assert.deepEqual(sink.offsets, range(0, 20));
});

Deno.test("V1Session.run() tells the log how it ended, with what went out", async () => {
  await using test = new TestSessions();
  test.reader.append(["hello"]);
  const { sink, session, over } = await test.start("consumerGroup=g1");
  await records(sink, 1);
  await session.stop(1001, "leaving", 0);
  await over;
  const [{ durationMs, ...closed }] = test.events.of("session_closed");
  assert.ok(typeof durationMs === "number" && durationMs >= 0);
  assert.deepEqual(closed, {
    event: "session_closed",
    session: "session 1",
    code: 1001,
    reason: "leaving",
    records: 1,
    bytes: sink.frames[0].length,
    topic: TOPIC,
    group: "g1",
  });
});

Deno.test("V1Session.run() tells the log of a client that stalled", async () => {
  await using test = new TestSessions();
  test.reader.append(["hello"]);
  const { sink, over } = await test.start("consumerGroup=&offset=0", {
    prepare: (sink) => sink.holdBytes(),
  });
  await records(sink, 1);
  sink.close(4408, "stalled: no byte taken for 60 s");
  await over;
  assert.equal(test.events.of("stalled")[0].bufferedBytes, sink.frames[0].length);
});
