import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { GroupCommitter } from "../../src/session/group_committer.ts";
import { PositionLedger } from "../../src/session/position_ledger.ts";
import { eventLoopTurns } from "../support/event_loop.ts";
import { EventRecorder } from "../support/event_recorder.ts";
import { eventually } from "../support/eventually.ts";
import { FakeGroups } from "../support/fake_groups.ts";
import { holdsFor } from "../support/holds_for.ts";
import { ManualSink } from "../support/manual_sink.ts";

const GROUP = "g1";
const TOPIC = "orders";

/** A committer with a short interval, and all it works with. */
function open(intervalMs = 5) {
  const [ledger, sink, groups, events] = [
    new PositionLedger(),
    new ManualSink(),
    new FakeGroups(),
    new EventRecorder(),
  ];
  const refused: ProxyError[] = [];
  const committer = new GroupCommitter({
    group: GROUP,
    topic: TOPIC,
    session: "s1",
    ledger,
    sink,
    groups,
    intervalMs,
    events,
    onRefused: (error) => void refused.push(error),
  });
  return {
    ledger,
    sink,
    groups,
    events,
    refused,
    committer,
    /** Sends a frame that takes the client past an offset. */
    send(next: bigint, partition = 0) {
      sink.send("0123456789", 10);
      ledger.reached(partition, next, sink.sentBytes);
    },
    /** Offsets of partition 0 as they were committed. */
    get committed() {
      return groups.commits.map(({ next }) => next.get(0));
    },
  };
}

const away = () => new ProxyError("kafka_unavailable", "Cannot reach the coordinator");
const inUse = () => new ProxyError("group_in_use", "the group has got members of its own");

Deno.test("GroupCommitter.start() commits what was taken, every interval, when it has moved", async () => {
  const test = open();
  test.committer.start();
  test.send(10n);
  await eventually("the first commit", () => test.committed.length === 1, { everyMs: 1 });
  test.send(20n);
  await eventually("the second commit", () => test.committed.length === 2, { everyMs: 1 });
  await test.committer.finish();
  assert.deepEqual(test.committed, [10n, 20n]);
  assert.deepEqual(test.groups.commits[0], {
    group: GROUP,
    topic: TOPIC,
    next: new Map([[0, 10n]]),
  });
});

Deno.test("GroupCommitter.finish() commits what was taken and nothing else", async () => {
  const test = open(60_000);
  test.committer.start();
  test.send(10n);
  test.sink.holdBytes();
  test.send(20n);
  await test.committer.finish();
  assert.deepEqual(test.committed, [10n]);
});

Deno.test("GroupCommitter.finish() commits nothing, nothing was sent", async () => {
  const test = open(60_000);
  test.committer.start();
  await test.committer.finish();
  assert.equal(test.groups.tries, 0);
});

Deno.test("GroupCommitter.finish() works without start()", async () => {
  const test = open();
  test.send(10n);
  await test.committer.finish();
  assert.deepEqual(test.committed, [10n]);
});

Deno.test("GroupCommitter.finish() commits what the socket took before it was closed", async () => {
  const test = open(60_000);
  test.sink.holdBytes();
  test.send(10n);
  test.send(20n);
  test.sink.take(10);
  test.sink.closeByPeer();
  test.send(30n);
  await test.committer.finish();
  assert.deepEqual(test.committed, [10n]);
});

Deno.test("GroupCommitter.finish() waits for a commit under way, and commits what came since", async () => {
  const test = open();
  const release = test.groups.hold();
  test.send(10n);
  test.committer.start();
  await eventually("the first commit", () => test.groups.tries === 1, { everyMs: 1 });
  test.send(20n);
  const finishing = test.committer.finish();
  await eventLoopTurns();
  assert.equal(test.groups.tries, 1);
  release();
  await finishing;
  assert.deepEqual(test.committed, [10n, 20n]);
});

Deno.test("GroupCommitter.start() has one commit under way at a time, a slow coordinator", async () => {
  const test = open(1);
  const release = test.groups.hold();
  test.send(10n);
  test.committer.start();
  await eventually("the first commit", () => test.groups.tries === 1, { everyMs: 1 });
  test.send(20n);
  await holdsFor(20, "one commit", () => test.groups.tries === 1);
  release();
  await test.committer.finish();
  assert.deepEqual(test.committed, [10n, 20n]);
});

Deno.test("GroupCommitter.start() tries again with the next one, a passing failure", async () => {
  const test = open();
  test.groups.failures.push(away());
  test.send(10n);
  test.committer.start();
  await eventually("the second try", () => test.committed.length === 1, { everyMs: 1 });
  await test.committer.finish();
  assert.deepEqual(test.committed, [10n]);
  assert.equal(test.groups.tries, 2);
  assert.deepEqual(test.refused, []);
  const [{ group, topic, session, error }] = test.events.of("commit_failed");
  assert.deepEqual([group, topic, session], [GROUP, TOPIC, "s1"]);
  assert.equal((error as ProxyError).code, "kafka_unavailable");
});

Deno.test("GroupCommitter.start() never commits backwards, failures between", async () => {
  const test = open(1);
  for (let i = 0; i < 5; i++) test.groups.failures.push(away());
  test.committer.start();
  let next = 0n;
  await holdsFor(40, "moving forwards", () => (test.send(++next), true));
  await test.committer.finish();
  assert.equal(test.committed.at(-1), next);
  const sorted = test.committed.toSorted((a, b) => Number(a! - b!));
  assert.deepEqual(test.committed, sorted);
});

Deno.test("GroupCommitter.start() tells once and commits no more, refused", async () => {
  const test = open();
  test.groups.failures.push(inUse());
  test.send(10n);
  test.committer.start();
  await eventually("the refusal", () => test.refused.length === 1, { everyMs: 1 });
  test.send(20n);
  await test.committer.finish();
  assert.deepEqual(test.refused.map(({ code }) => code), ["group_in_use"]);
  assert.deepEqual(test.committed, []);
  assert.equal(test.groups.tries, 1);
});

Deno.test("GroupCommitter.finish() tells of a refusal at the very end, and does not reject", async () => {
  const test = open(60_000);
  test.groups.failures.push(inUse());
  test.send(10n);
  await test.committer.finish();
  assert.deepEqual(test.refused.map(({ code }) => code), ["group_in_use"]);
});

Deno.test("GroupCommitter.pause() commits and stops, start() goes on", async () => {
  const test = open(2);
  test.committer.start();
  test.send(10n);
  await test.committer.pause();
  assert.deepEqual(test.committed, [10n]);
  test.send(20n);
  await holdsFor(10, "one commit", () => test.committed.length === 1);
  test.committer.start();
  await eventually("the commit", () => test.committed.length === 2, { everyMs: 1 });
  await test.committer.finish();
});

Deno.test("GroupCommitter.start() commits again, refused before", async () => {
  const test = open(60_000);
  test.groups.failures.push(inUse());
  test.send(10n);
  await test.committer.pause();
  test.committer.start();
  await test.committer.finish();
  assert.deepEqual(test.committed, [10n]);
});
