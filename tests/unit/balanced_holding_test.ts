import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { isSettled } from "../support/event_loop.ts";
import { eventually } from "../support/eventually.ts";
import type { FakeMember } from "../support/fake_members.ts";
import { holdsFor } from "../support/holds_for.ts";
import type { ManualSink } from "../support/manual_sink.ts";
import { type RunningSession, TestSessions } from "../support/test_sessions.ts";

/** A member of g1 over three partitions of ten records, which has joined and has nothing yet. */
async function joined(
  test: TestSessions,
  { query = "", prepare }: { query?: string; prepare?: (sink: ManualSink) => void } = {},
): Promise<RunningSession & { member: FakeMember }> {
  for (const partition of [0, 1, 2]) test.reader.fill(1, 10, partition);
  const client = await test.start(`consumerGroup=g1&partition=all${query}`, { prepare });
  const member = await eventually("the join", () => test.members.joined.at(-1), { everyMs: 1 });
  return { ...client, member };
}

/** Gives the member these partitions, none others. */
function assign(member: FakeMember, partitions: readonly number[]): Promise<void> {
  return member.events.assigned(new Map([["orders", partitions]]));
}

/** What was sent, as partition and offset, sorted. */
function sent(sink: ManualSink): string[] {
  return sink.frames.flatMap((frame) => JSON.parse(frame))
    .map(({ partition, offset }) => `${partition}:${offset}`).sort();
}

function offsetsOf(partition: number, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `${partition}:${from + i}`);
}

async function records(sink: ManualSink, count: number): Promise<void> {
  await eventually(`${count} records`, () => sink.offsets.length >= count, { everyMs: 1 });
}

Deno.test("BalancedHolding.begin() joins the client's own group and sends nothing yet", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink } = await joined(test);
  assert.equal(member.group, "g1");
  assert.deepEqual(member.topics, ["orders"]);
  await holdsFor(10, "nothing sent", () => sink.frames.length === 0);
  assert.equal(test.leases.given.length, 0);
});

Deno.test("BalancedHolding.begin() sends what is assigned, where the group was", async () => {
  await using test = new TestSessions({ partitions: 3 });
  test.groups.set("g1", "orders", 2, 8n);
  const { member, sink } = await joined(test);
  await assign(member, [0, 2]);
  await records(sink, 12);
  assert.deepEqual(sent(sink), [...offsetsOf(0, 0, 10), ...offsetsOf(2, 8, 10)]);
  const [{ partitions }] = test.events.of("assigned");
  assert.deepEqual(partitions, [0, 2]);
});

Deno.test("BalancedHolding.begin() starts at the offset that was asked for, the first time only", async () => {
  await using test = new TestSessions({ partitions: 3 });
  test.groups.set("g1", "orders", 1, 9n);
  const { member, sink } = await joined(test, { query: "&offset=-2" });
  await assign(member, [0]);
  await records(sink, 2);
  await member.events.revoking();
  await assign(member, [0, 1]);
  await records(sink, 3);
  assert.deepEqual(sent(sink), ["0:8", "0:9", "1:9"]);
});

Deno.test("BalancedHolding.begin() has no partitions, its topic left out of the assignment", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink } = await joined(test);
  await member.events.assigned(new Map());
  const [{ partitions }] = test.events.of("assigned");
  assert.deepEqual(partitions, []);
  await holdsFor(10, "nothing sent", () => sink.frames.length === 0);
});

Deno.test("BalancedHolding.begin() commits as the member, what was taken", async () => {
  await using test = new TestSessions({ partitions: 3, commitIntervalMs: 2 });
  const { member, sink } = await joined(test);
  await assign(member, [1]);
  await records(sink, 10);
  await eventually("a commit", () => member.commits.length > 0, { everyMs: 1 });
  assert.deepEqual(member.commits.at(-1), new Map([[1, 10n]]));
  assert.equal(test.groups.tries, 0);
});

// The new owner would repeat what this client's system has already taken.
Deno.test("BalancedHolding.begin() stops, waits for the client and commits, before a rebalance", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink } = await joined(test, { prepare: (sink) => sink.holdBytes() });
  await assign(member, [0]);
  await records(sink, 10);
  const revoking = member.events.revoking();
  test.reader.fill(1, 10, 0);
  assert.equal(await isSettled(revoking), false);
  assert.deepEqual(member.commits, []);
  sink.take();
  await revoking;
  assert.deepEqual(member.commits, [new Map([[0, 10n]])]);
  await holdsFor(10, "nothing sent", () => sink.offsets.length === 10);
});

Deno.test("BalancedHolding.begin() waits half a second and no more, a client that takes nothing", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink } = await joined(test, { prepare: (sink) => sink.holdBytes() });
  await assign(member, [0]);
  await records(sink, 10);
  const startMs = performance.now();
  await member.events.revoking();
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= 499 && tookMs < 2_000, `${tookMs} ms`);
  assert.deepEqual(member.commits, []);
});

Deno.test("BalancedHolding.begin() goes on exactly with what it keeps, after a rebalance", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink } = await joined(test, { prepare: (sink) => sink.holdBytes() });
  await assign(member, [0, 1]);
  await records(sink, 20);
  // Nothing was taken, so nothing is committed; what is kept does not go back for that.
  await member.events.revoking();
  test.reader.fill(1, 5, 0);
  await assign(member, [0]);
  await records(sink, 25);
  assert.deepEqual(sent(sink), [...offsetsOf(0, 0, 15), ...offsetsOf(1, 0, 10)].sort());
});

Deno.test("BalancedHolding.begin() keeps no position of a topic that was made anew", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink } = await joined(test);
  await assign(member, [0, 1]);
  await records(sink, 20);
  await member.events.revoking();
  test.reader.addTopic("orders", 3);
  test.reader.fill(1, 15, 0);
  await assert.rejects(() => assign(member, [0, 1, 2]), {
    code: "topic_deleted",
    message: '"orders" was deleted, and another topic has its name',
  });
  assert.equal(sink.offsets.length, 20);
});

Deno.test("BalancedHolding.begin() says that the topic was deleted, in a rebalance", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink } = await joined(test);
  await assign(member, [0, 1]);
  await records(sink, 20);
  await member.events.revoking();
  test.reader.deleteTopic();
  await assert.rejects(() => assign(member, [0, 1, 2]), {
    code: "topic_deleted",
    message: '"orders" does not exist any more',
  });
});

Deno.test("BalancedHolding.begin() commits nothing of a partition that has gone", async () => {
  await using test = new TestSessions({ partitions: 3, commitIntervalMs: 2 });
  const { member, sink } = await joined(test, { prepare: (sink) => sink.holdBytes() });
  await assign(member, [0, 1]);
  await records(sink, 20);
  await member.events.revoking();
  await assign(member, [0]);
  sink.take();
  await eventually("a commit", () => member.commits.length > 0, { everyMs: 1 });
  assert.ok(member.commits.every((commit) => !commit.has(1)));
});

Deno.test("BalancedHolding.begin() starts from the committed position, a membership that was lost", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink } = await joined(test);
  await assign(member, [0]);
  await records(sink, 10);
  test.groups.set("g1", "orders", 0, 4n);
  await member.events.lost();
  await assign(member, [0]);
  await records(sink, 16);
  assert.deepEqual(sink.offsets.slice(10), [4, 5, 6, 7, 8, 9]);
});

Deno.test("BalancedHolding.begin() drops a commit that is refused, and goes on", async () => {
  await using test = new TestSessions({ partitions: 3, commitIntervalMs: 2 });
  const { member, sink } = await joined(test);
  member.failures.push(new ProxyError("group_in_use", "the generation is over"));
  await assign(member, [0]);
  await eventually("the refusal", () => member.failures.length === 0, { everyMs: 1 });
  await holdsFor(10, "open and quiet", () => !sink.isClosed && member.commits.length === 0);
  await member.events.revoking();
  await assign(member, [0]);
  await eventually("a commit", () => member.commits.length > 0, { everyMs: 1 });
});

Deno.test("BalancedHolding.begin() ends the session, the group does not take it", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink, over } = await joined(test);
  member.events.failed(new ProxyError("forbidden", "the group may not be used"));
  await over;
  assert.deepEqual(await sink.closed, { code: 4403, reason: "the group may not be used" });
  assert.equal(member.hasLeft, true);
});

Deno.test("BalancedHolding.finish() commits and release() leaves, the session stopped", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink, session } = await joined(test);
  await assign(member, [0, 1, 2]);
  await records(sink, 30);
  await session.stop(1001, "leaving", 0);
  assert.deepEqual(member.commits, [new Map([[0, 10n], [1, 10n], [2, 10n]])]);
  assert.equal(member.hasLeft, true);
});

Deno.test("BalancedHolding.begin() takes over from nobody, two members in one process", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const first = await joined(test);
  const second = await joined(test);
  assert.equal(test.members.joined.length, 2);
  assert.equal(first.sink.isClosed, false);
  assert.equal(second.sink.isClosed, false);
});

Deno.test("BalancedHolding.begin() reads nothing, assigned after the end", async () => {
  await using test = new TestSessions({ partitions: 3 });
  const { member, sink, session } = await joined(test);
  await session.stop(1001, "leaving", 0);
  await assign(member, [0]);
  assert.deepEqual(sink.frames, []);
  assert.equal(test.services.log.size, 0);
});
