import assert from "node:assert/strict";
import type { Lease } from "../../src/core/ports.ts";
import { GroupLooks } from "../../src/kafka/group_looks.ts";
import { leaseGroup } from "../../src/kafka/pin_lease.ts";
import { PinLeases } from "../../src/kafka/pin_leases.ts";
import { isSettled } from "../support/event_loop.ts";
import { eventually } from "../support/eventually.ts";
import { FakeCoordinator } from "../support/fake_coordinator.ts";
import { holdsFor } from "../support/holds_for.ts";

const PIN = { group: "g1", topic: "orders", partition: 0 };
const PREFIX = "pins.";
const GROUP = leaseGroup(PIN, PREFIX);
const NEVER = new AbortController().signal;

/** The leases of one process. */
function processOf(fake: FakeCoordinator): PinLeases {
  const { coordinators } = fake;
  return new PinLeases(coordinators, new GroupLooks(coordinators), {
    prefix: PREFIX,
    clientId: "proxy",
  });
}

async function lossOf(lease: Lease): Promise<string> {
  return (await lease.lost).code;
}

Deno.test("PinLeases.acquire() gives a pin nobody holds, and release() leaves nothing behind", async () => {
  const fake = new FakeCoordinator();
  const lease = await processOf(fake).acquire(PIN, NEVER);
  assert.equal(lease.isSure, true);
  assert.equal(lease.doubts, 0);
  assert.equal(fake.members(GROUP).length, 1);
  await lease.release();
  assert.deepEqual(fake.members(GROUP), []);
  assert.equal(fake.openLanes, 0);
});

Deno.test("PinLeases.acquire() does not wait for the broker's delay of a first rebalance", async () => {
  const fake = new FakeCoordinator();
  fake.isDelayed = true;
  const lease = await processOf(fake).acquire(PIN, NEVER);
  assert.equal(fake.state(GROUP), "PreparingRebalance");
  assert.equal(lease.isSure, true);
  fake.endDelay(GROUP);
  await lease.release();
});

// Two that came at once both held the pin until one was shown.
Deno.test("PinLeases.acquire() holds nothing, not shown by the coordinator yet", async () => {
  const fake = new FakeCoordinator();
  const join = fake.hold("JoinGroup");
  const acquiring = processOf(fake).acquire(PIN, NEVER);
  await eventually("some looks", () => fake.count("DescribeGroups") > 3, { everyMs: 1 });
  assert.equal(await isSettled(acquiring), false);
  join();
  await (await acquiring).release();
});

Deno.test("PinLeases.acquire() gives the pin to exactly one of two that come at once", async () => {
  const fake = new FakeCoordinator();
  const both = await Promise.allSettled(
    [processOf(fake), processOf(fake)].map((it) => it.acquire(PIN, NEVER)),
  );
  const given = both.filter((one) => one.status === "fulfilled").map(({ value }) => value);
  const refused = both.filter((one) => one.status === "rejected").map(({ reason }) => reason.code);
  const lost: string[] = [];
  for (const lease of given.slice(0, -1)) lost.push(await lossOf(lease));
  assert.deepEqual([...refused, ...lost], ["taken_over"]);
  for (const lease of given) await lease.release();
});

Deno.test("PinLeases.acquire() takes the pin from a holder that lives, once it has handed over", async () => {
  const fake = new FakeCoordinator();
  const older = await processOf(fake).acquire(PIN, NEVER);
  const acquiring = processOf(fake).acquire(PIN, NEVER);
  assert.equal(await lossOf(older), "taken_over");
  assert.equal(older.isSure, true, "time to commit");
  assert.equal(await isSettled(acquiring), false, "not before the older one has gone");
  await older.release();
  const newer = await acquiring;
  assert.equal(newer.isSure, true);
  await newer.release();
});

Deno.test("PinLeases.acquire() takes a dead holder out, after longer than it was sure", async () => {
  const fake = new FakeCoordinator();
  await fake.join(GROUP, "proxy.claim.0000000000001.00000001");
  const startMs = performance.now();
  const lease = await processOf(fake).acquire(PIN, NEVER);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs > 1_550 && tookMs < 2_600, `${tookMs} ms`);
  assert.equal(fake.members(GROUP).length, 1);
  await lease.release();
});

Deno.test("PinLeases.acquire() throws leaving and leaves nothing behind, ended while it waits", async () => {
  const fake = new FakeCoordinator();
  await fake.join(GROUP, "proxy.claim.0000000000001.00000001");
  const ending = new AbortController();
  const acquiring = assert.rejects(processOf(fake).acquire(PIN, ending.signal), {
    code: "leaving",
  });
  await eventually("it to be shown", () => fake.members(GROUP).length === 2, { everyMs: 1 });
  ending.abort();
  await acquiring;
  assert.equal(fake.members(GROUP).length, 1);
  assert.equal(fake.openLanes, 0);
});

Deno.test("PinLeases.acquire() shares a lease within the process, which lasts until the last user", async () => {
  const fake = new FakeCoordinator();
  const leases = processOf(fake);
  const one = await leases.acquire(PIN, NEVER);
  const two = await leases.acquire(PIN, NEVER);
  assert.equal(fake.members(GROUP).length, 1);
  await one.release();
  await one.release();
  assert.equal(fake.members(GROUP).length, 1);
  await two.release();
  assert.deepEqual(fake.members(GROUP), []);
});

// Its next beat would have been too late: it would have been given a pin that was taken already.
Deno.test("PinLeases.acquire() claims anew, the lease of its process taken since the last beat", async () => {
  const fake = new FakeCoordinator();
  const [mine, other] = [processOf(fake), processOf(fake)];
  const first = await mine.acquire(PIN, NEVER);
  const second = other.acquire(PIN, NEVER);
  await eventually("the other one to be shown", () => fake.members(GROUP).length === 2, {
    everyMs: 1,
  });
  const third = mine.acquire(PIN, NEVER);
  await first.lost;
  await first.release();
  await assert.rejects(second, { code: "taken_over" });
  const lease = await third;
  assert.equal(lease.isSure, true);
  await lease.release();
});

Deno.test("Lease.isSure is false while Kafka does not answer, and a doubt is told when it does", async () => {
  const fake = new FakeCoordinator();
  let told = 0;
  const lease = await processOf(fake).acquire(PIN, NEVER, () => told++);
  fake.isAway = true;
  await eventually("it to be in doubt", () => !lease.isSure, { timeoutMs: 3_000, everyMs: 10 });
  const ending = new AbortController();
  const sure = lease.sure(NEVER);
  const ended = lease.sure(ending.signal);
  ending.abort();
  await ended;
  await holdsFor(20, "in doubt", () => lease.doubts === 0 && told === 0);
  fake.isAway = false;
  await sure;
  assert.equal(lease.isSure, true);
  assert.equal(lease.doubts, 1);
  assert.equal(told, 1);
  await lease.release();
});

Deno.test("Lease.doubts counts that it was taken out and came back, however short that was", async () => {
  const fake = new FakeCoordinator();
  const lease = await processOf(fake).acquire(PIN, NEVER);
  await eventually("it to be in", () => fake.state(GROUP) === "Stable", { everyMs: 1 });
  fake.forget(GROUP);
  await eventually("it to be sure again", () => lease.doubts === 1 && lease.isSure);
  assert.equal(fake.members(GROUP).length, 1);
  await lease.release();
});
