import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { type Assign, Membership } from "../../src/kafka/membership.ts";
import { eventually } from "../support/eventually.ts";
import { FakeCoordinator } from "../support/fake_coordinator.ts";

const GROUP = "g1";

/** Everybody gets their own name as an assignment. */
const NAMES: Assign = (_protocol, members) =>
  Promise.resolve(
    members.map(({ memberId }) => ({ memberId, memberAssignment: Buffer.from(memberId) })),
  );

function member(fake: FakeCoordinator, clientId: string): Membership {
  return new Membership(fake.coordinators, {
    group: GROUP,
    clientId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 30_000,
    protocols: [{ name: "range", metadata: Buffer.from("orders") }],
  });
}

/** How a membership stands, by a look at the fake. */
function look(fake: FakeCoordinator, membership: { memberId: string } | undefined) {
  return {
    state: fake.state(GROUP),
    members: membership === undefined ? [] : [{
      memberId: membership.memberId,
      clientId: "one",
      clientHost: "/127.0.0.1",
    }],
  };
}

function state(fake: FakeCoordinator, what: string) {
  return eventually(`the group to be ${what}`, () => fake.state(GROUP) === what, { everyMs: 1 });
}

Deno.test("Membership.join() becomes the leader of an empty group, which divides", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  const joined = await one.join(NAMES);
  assert.equal(joined.isLeader, true);
  assert.equal(joined.generation, 1);
  assert.equal(joined.memberId, "one-1");
  assert.equal(`${joined.assignment}`, "one-1");
  assert.equal(fake.openLanes, 0, "the connection for the join is closed");
  await one.leave();
  assert.deepEqual(fake.members(GROUP), []);
});

Deno.test("Membership.join() waits for all members, and gets what the leader divides", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  const first = await one.join(NAMES);
  const two = member(fake, "two");
  const joining = two.join(NAMES);
  await state(fake, "PreparingRebalance");
  assert.equal(await one.stay(look(fake, first)), "rebalance");
  const [again, second] = await Promise.all([one.join(NAMES), joining]);
  assert.deepEqual([again.isLeader, second.isLeader], [true, false]);
  assert.deepEqual([again.generation, second.generation], [2, 2]);
  assert.equal(again.memberId, first.memberId);
  assert.equal(`${second.assignment}`, second.memberId);
  await Promise.all([one.leave(), two.leave()]);
});

Deno.test("Membership.join() has an empty assignment, left out by the leader", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  const { assignment } = await one.join(() => Promise.resolve([]));
  assert.equal(assignment.length, 0);
  await one.leave();
});

Deno.test("Membership.join() joins as a newcomer, forgotten by the coordinator", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  const first = await one.join(NAMES);
  fake.forget(GROUP);
  const again = await one.join(NAMES);
  assert.notEqual(again.memberId, first.memberId);
  await one.leave();
});

for (const api of ["JoinGroup", "SyncGroup"]) {
  Deno.test(`Membership.join() tries again, ${api} answered by a coordinator that moves`, async () => {
    const fake = new FakeCoordinator();
    fake.errors.set(api, [16, 15]);
    const one = member(fake, "one");
    const joined = await one.join(NAMES);
    assert.deepEqual(fake.members(GROUP), ["one"]);
    assert.ok(joined.generation >= 1);
    assert.equal(fake.openLanes, 0);
    await one.leave();
  });
}

Deno.test("Membership.join() joins again, the group rebalancing before it could sync", async () => {
  const fake = new FakeCoordinator();
  fake.errors.set("SyncGroup", [27]);
  const one = member(fake, "one");
  const { generation } = await one.join(NAMES);
  assert.equal(generation, 2);
  await one.leave();
});

for (
  const [errorCode, code, text] of [
    [23, "group_in_use", /no assignor in common/],
    [26, "group_in_use", /session time-out/],
    [81, "group_in_use", /as many members/],
    [30, "forbidden", /GROUP_AUTHORIZATION_FAILED/],
  ] as const
) {
  Deno.test(`Membership.join() throws ${code}, error code ${errorCode}`, async () => {
    const fake = new FakeCoordinator();
    fake.errors.set("JoinGroup", [errorCode]);
    const one = member(fake, "one");
    await assert.rejects(one.join(NAMES), (error) => {
      assert.ok(error instanceof ProxyError);
      assert.equal(error.code, code);
      assert.match(error.message, text);
      return true;
    });
    assert.equal(fake.openLanes, 0);
    await one.leave();
  });
}

Deno.test("Membership.join() throws what the leader cannot divide for good", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  const gone = new ProxyError("unknown_topic", "there is no such topic");
  await assert.rejects(one.join(() => Promise.reject(gone)), gone);
  await one.leave();
  assert.deepEqual(fake.members(GROUP), [], "nothing of it stays");
});

Deno.test("Membership.stay() asks nobody, shown in a stable group and heard of lately", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  const joined = await one.join(NAMES);
  assert.equal(await one.stay(look(fake, joined)), "ok");
  assert.equal(fake.count("Heartbeat"), 0);
  assert.equal(await one.heartbeat(), "ok");
  assert.equal(fake.count("Heartbeat"), 1);
  await one.leave();
});

Deno.test("Membership.stay() asks the coordinator, not shown by the look", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  await one.join(NAMES);
  assert.equal(await one.stay(look(fake, undefined)), "ok", "the look was wrong");
  fake.forget(GROUP);
  assert.equal(await one.stay(look(fake, undefined)), "lost");
  await one.leave();
});

for (const errorCode of [22, 25]) {
  Deno.test(`Membership.heartbeat() is lost, error code ${errorCode}`, async () => {
    const fake = new FakeCoordinator();
    const one = member(fake, "one");
    await one.join(NAMES);
    fake.errors.set("Heartbeat", [errorCode]);
    assert.equal(await one.heartbeat(), "lost");
    await one.leave();
  });
}

Deno.test("Membership.heartbeat() throws kafka_unavailable, nobody there", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  await one.join(NAMES);
  fake.isAway = true;
  await assert.rejects(one.heartbeat(), { code: "kafka_unavailable" });
  fake.isAway = false;
  await one.leave();
});

Deno.test("Membership.leave() ends a join that is held back, and nothing stays", async () => {
  const fake = new FakeCoordinator();
  fake.isDelayed = true;
  const one = member(fake, "one");
  const joining = assert.rejects(one.join(NAMES), { code: "leaving" });
  await state(fake, "PreparingRebalance");
  assert.deepEqual(fake.members(GROUP), ["one"]);
  await one.leave();
  await joining;
  assert.deepEqual(fake.members(GROUP), []);
  assert.equal(fake.openLanes, 0);
});

Deno.test("Membership.leave() ends a sync that is held back", async () => {
  const fake = new FakeCoordinator();
  const slow = Promise.withResolvers<never>();
  const leader = member(fake, "leader");
  const dividing = leader.join(() => slow.promise).catch(() => {});
  await state(fake, "CompletingRebalance");
  const two = member(fake, "two");
  const joining = assert.rejects(two.join(NAMES), { code: "leaving" });
  await state(fake, "PreparingRebalance");
  await two.leave();
  await joining;
  assert.deepEqual(fake.members(GROUP), ["leader"]);
  slow.reject(new ProxyError("leaving", "over"));
  await leader.leave();
  await dividing;
  assert.equal(fake.openLanes, 0);
});

// The connection was still being opened: the join went out after the goodbye, and was held back.
Deno.test("Membership.leave() is over at once, rejoining when the connection is not open yet", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  await one.join(NAMES);
  fake.isDelayed = true;
  const joining = assert.rejects(one.join(NAMES), { code: "leaving" });
  const leaving = one.leave(); // in the same turn: the lane is a promise still
  await Promise.all([joining, leaving]);
  assert.deepEqual(fake.members(GROUP), []);
  assert.equal(fake.count("JoinGroup"), 2, "the first join's two, and none for the second");
});

Deno.test("Membership.leave() takes out a newcomer that has a name and has not joined", async () => {
  const fake = new FakeCoordinator();
  const answer = fake.hold("JoinGroup");
  const one = member(fake, "one");
  const joining = assert.rejects(one.join(NAMES), { code: "leaving" });
  await eventually("the first request", () => fake.count("JoinGroup") === 1, { everyMs: 0 });
  const leaving = one.leave();
  answer();
  await Promise.all([leaving, joining]);
  assert.deepEqual(fake.members(GROUP), []);
  assert.equal(fake.count("LeaveGroup"), 1);
});

Deno.test("Membership.leave() is over at once, waiting to try again, and says nothing to nobody", async () => {
  const fake = new FakeCoordinator();
  fake.isAway = true;
  const one = member(fake, "one");
  const joining = assert.rejects(one.join(NAMES), { code: "leaving" });
  await one.leave();
  await joining;
  assert.equal(fake.count("LeaveGroup"), 0);
});

Deno.test("Membership.leave() does not reject, Kafka away", async () => {
  const fake = new FakeCoordinator();
  const one = member(fake, "one");
  await one.join(NAMES);
  fake.isAway = true;
  await one.leave();
});
