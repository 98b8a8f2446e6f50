import assert from "node:assert/strict";
import type { Lease } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { TOPIC } from "../support/array_reader.ts";
import { eventually } from "../support/eventually.ts";
import { holdsFor } from "../support/holds_for.ts";
import { TestSessions } from "../support/test_sessions.ts";

/** A pinned client that has everything and has committed it. */
async function settled(test: TestSessions, query = "consumerGroup=g1") {
  test.reader.fill(1, 10);
  const client = await test.start(query);
  await eventually("a commit", () => test.groups.get("g1", TOPIC, 0) === 10n, { everyMs: 1 });
  return { ...client, lease: test.leases.given.at(-1)! };
}

// Given back in between, the lease could be won by another process.
Deno.test("PinnedHolding.begin() asks for its leases before the older session of the process ends", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const order: string[] = [];
  const { acquire } = test.leases;
  test.leases.acquire = async (...args): Promise<Lease> => {
    order.push("asked");
    const lease = await acquire.apply(test.leases, args);
    const release = lease.release.bind(lease);
    lease.release = () => (order.push("released"), release());
    return lease;
  };
  const older = await test.start("consumerGroup=g1");
  await eventually("a record", () => older.sink.frames.length > 0, { everyMs: 1 });
  await test.start("consumerGroup=g1");
  await older.over;
  assert.deepEqual(order, ["asked", "asked", "released"]);
});

Deno.test("PinnedHolding.begin() asks for one lease a partition, topic and group in it", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { sink } = await test.start("consumerGroup=g1&partition=0,2");
  await eventually("two leases", () => test.leases.given.length === 2, { everyMs: 1 });
  assert.deepEqual(test.leases.given.map(({ pin }) => pin), [
    { group: "g1", topic: TOPIC, partition: 0 },
    { group: "g1", topic: TOPIC, partition: 2 },
  ]);
  assert.equal(sink.isClosed, false);
});

Deno.test("PinnedHolding.begin() reads the committed position when the lease is there, and not before", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const release = test.leases.hold();
  const { sink } = await test.start("consumerGroup=g1");
  // What an older client on another server commits at the very end.
  test.groups.set("g1", TOPIC, 0, 7n);
  release();
  await eventually("records", () => sink.offsets.length > 0, { everyMs: 1 });
  assert.deepEqual(sink.offsets, [7, 8, 9]);
});

Deno.test("PinnedHolding.release() gives back every lease, after the socket was closed", async () => {
  await using test = new TestSessions({ partitions: 2 });
  const { session, sink } = await test.start("consumerGroup=g1&partition=0,1");
  await eventually("two leases", () => test.leases.given.length === 2, { everyMs: 1 });
  await session.stop(1001, "leaving", 0);
  assert.equal(sink.isClosed, true);
  assert.deepEqual(test.leases.given.map(({ isReleased }) => isReleased), [true, true]);
});

Deno.test("PinnedHolding.mayGo() goes on after a doubt, nobody has committed meanwhile", async () => {
  await using test = new TestSessions({ commitIntervalMs: 2 });
  const { sink, lease } = await settled(test);
  lease.doubt();
  lease.makeSure();
  test.reader.fill(1, 10);
  await eventually("a commit", () => test.groups.get("g1", TOPIC, 0) === 20n, { everyMs: 1 });
  assert.deepEqual(sink.offsets, [...Array(20).keys()]);
});

Deno.test("PinnedHolding.mayGo() ends with 4409 after a doubt, somebody has committed meanwhile", async () => {
  await using test = new TestSessions({ commitIntervalMs: 2 });
  const { sink, lease, over } = await settled(test);
  lease.doubt();
  test.groups.set("g1", TOPIC, 0, 15n);
  lease.makeSure();
  test.reader.fill(1, 10);
  await over;
  const { code, reason } = await sink.closed;
  assert.equal(code, 4409);
  assert.match(reason, /"g1" was read on by somebody else/);
  assert.equal(sink.offsets.length, 10);
  assert.equal(test.groups.get("g1", TOPIC, 0), 15n);
});

Deno.test("PinnedHolding.mayGo() goes on after a doubt, its own commit had arrived unanswered", async () => {
  await using test = new TestSessions({ commitIntervalMs: 2 });
  const { sink, lease } = await settled(test);
  const { commit } = test.groups;
  test.groups.commit = async (...args) => {
    await commit.apply(test.groups, args);
    test.groups.commit = commit;
    lease.doubt();
    throw new ProxyError("kafka_unavailable", "the connection was lost before the answer");
  };
  test.reader.fill(1, 10);
  await eventually("the commit", () => test.groups.get("g1", TOPIC, 0) === 20n, { everyMs: 1 });
  lease.makeSure();
  test.reader.fill(1, 10);
  await eventually("the next", () => test.groups.get("g1", TOPIC, 0) === 30n, { everyMs: 1 });
  assert.equal(sink.isClosed, false);
});

// A client came back while its last commit was on its way to a coordinator that had just been killed.
Deno.test("PinnedHolding.mayGo() goes on after a doubt, a commit of the older session arrived late", async () => {
  await using test = new TestSessions({ commitIntervalMs: 2 });
  const older = await settled(test);
  const { commit } = test.groups;
  let tries = 0;
  test.groups.commit = (_group, _topic, _next, guard) => {
    tries++;
    guard!();
    return Promise.reject(new ProxyError("kafka_unavailable", "the connection was lost"));
  };
  test.reader.fill(1, 10);
  await eventually("a commit to be lost", () => tries > 0, { everyMs: 1 });
  await eventually("the records", () => older.sink.offsets.length === 20, { everyMs: 1 });
  const newer = await test.start("consumerGroup=g1");
  await older.over;
  await eventually("the records again", () => newer.sink.offsets.length === 10, { everyMs: 1 });
  test.groups.commit = commit;
  const lease = test.leases.given.at(-1)!;
  lease.doubt();
  test.groups.set("g1", TOPIC, 0, 20n);
  lease.makeSure();
  test.reader.fill(1, 10);
  await eventually("a commit", () => test.groups.get("g1", TOPIC, 0) === 30n, { everyMs: 1 });
  assert.equal(newer.sink.isClosed, false);
});

// The same position is tried twice within one commit; the first try arrives after the next commit.
Deno.test("PinnedHolding.mayGo() goes on after a doubt, an earlier try of an answered commit arrived late", async () => {
  await using test = new TestSessions({ commitIntervalMs: 2 });
  const { sink, lease } = await settled(test);
  const { commit } = test.groups;
  test.groups.commit = async (group, topic, next, guard) => {
    guard!(); // its connection breaks
    test.groups.commit = commit;
    await commit.call(test.groups, group, topic, next, guard);
  };
  test.reader.fill(1, 10);
  await eventually("the commit", () => test.groups.get("g1", TOPIC, 0) === 20n, { everyMs: 1 });
  test.reader.fill(1, 10);
  await eventually("the next", () => test.groups.get("g1", TOPIC, 0) === 30n, { everyMs: 1 });
  lease.doubt();
  test.groups.set("g1", TOPIC, 0, 20n);
  lease.makeSure();
  test.reader.fill(1, 10);
  await eventually("one more", () => test.groups.get("g1", TOPIC, 0) === 40n, { everyMs: 1 });
  assert.equal(sink.isClosed, false);
});

Deno.test("PinnedHolding.finish() commits nothing, the lease in doubt", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const { sink, session } = await test.start("consumerGroup=g1");
  await eventually("all records", () => sink.offsets.length === 10, { everyMs: 1 });
  test.leases.given[0].doubt();
  await session.stop(1001, "leaving", 0);
  assert.equal(test.groups.get("g1", TOPIC, 0), undefined);
});

// A busy machine's beat came late just when a newer client came, which got the records again.
Deno.test("PinnedHolding.finish() waits for a doubt to pass, and commits", async () => {
  await using test = new TestSessions({ commitIntervalMs: 600_000 });
  test.reader.fill(1, 10);
  const { sink, session } = await test.start("consumerGroup=g1");
  await eventually("the records", () => sink.offsets.length === 10, { everyMs: 1 });
  const [lease] = test.leases.given;
  lease.doubt();
  const stopped = session.stop(1001, "leaving", 0);
  await holdsFor(10, "nothing committed", () => test.groups.get("g1", TOPIC, 0) === undefined);
  lease.makeSure();
  await stopped;
  assert.equal(test.groups.get("g1", TOPIC, 0), 10n);
});

Deno.test("PinnedHolding.mayGo() holds back all partitions of a list, one lease in doubt", async () => {
  await using test = new TestSessions({ partitions: 2 });
  const { sink } = await test.start("consumerGroup=g1&partition=0,1");
  await eventually("two leases", () => test.leases.given.length === 2, { everyMs: 1 });
  test.leases.given[1].doubt();
  test.reader.fill(1, 10, 0);
  await holdsFor(20, "nothing sent", () => sink.frames.length === 0);
  test.leases.given[1].makeSure();
  await eventually("the records", () => sink.offsets.length === 10, { everyMs: 1 });
});
