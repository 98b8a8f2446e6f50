import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { GroupLooks } from "../../src/kafka/group_looks.ts";
import { Membership } from "../../src/kafka/membership.ts";
import { FakeCoordinator } from "../support/fake_coordinator.ts";

async function join(fake: FakeCoordinator, group: string): Promise<Membership> {
  const member = new Membership(fake.coordinators, {
    group,
    clientId: `client-${group}`,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocols: [{ name: "range", metadata: Buffer.alloc(0) }],
  });
  await member.join(() => Promise.resolve([]));
  return member;
}

Deno.test("GroupLooks.look() shows the members and the state, one group", async () => {
  const fake = new FakeCoordinator();
  await join(fake, "g1");
  const { state, members } = await new GroupLooks(fake.coordinators).look("g1");
  assert.equal(state, "Stable");
  assert.deepEqual(members.map(({ clientId }) => clientId), ["client-g1"]);
});

Deno.test("GroupLooks.look() shows an unused group as dead, without members", async () => {
  const { state, members } = await new GroupLooks(new FakeCoordinator().coordinators).look("g1");
  assert.equal(state, "Dead");
  assert.deepEqual(members, []);
});

Deno.test("GroupLooks.look() asks once, all that is asked for in one turn", async () => {
  const fake = new FakeCoordinator();
  await Promise.all([join(fake, "g1"), join(fake, "g2")]);
  const looks = new GroupLooks(fake.coordinators);
  const names = ["g1", "g2", "g3", "g1"];
  const found = await Promise.all(names.map((name) => looks.look(name)));
  assert.deepEqual(found.map(({ members }) => members.length), [1, 1, 0, 1]);
  assert.equal(fake.count("DescribeGroups"), 1);
  await looks.look("g1");
  assert.equal(fake.count("DescribeGroups"), 2, "a later turn asks anew");
});

Deno.test("GroupLooks.look() asks for a hundred groups at a time", async () => {
  const fake = new FakeCoordinator();
  const looks = new GroupLooks(fake.coordinators);
  await Promise.all(Array.from({ length: 250 }, (_, i) => looks.look(`g${i}`)));
  const asked = fake.requests.map(({ args }) => (args.groupIds as string[]).length);
  assert.deepEqual(asked, [100, 100, 50]);
});

Deno.test("GroupLooks.look() asks for each group alone, the request for all of them failed", async () => {
  const fake = new FakeCoordinator();
  await join(fake, "g1");
  fake.errors.set("DescribeGroups", [16]);
  const looks = new GroupLooks(fake.coordinators);
  const found = await Promise.all(["g1", "g2"].map((name) => looks.look(name)));
  assert.deepEqual(found.map(({ members }) => members.length), [1, 0]);
  assert.equal(fake.count("DescribeGroups"), 3);
});

Deno.test("GroupLooks.look() throws kafka_unavailable for each, Kafka away", async () => {
  const fake = new FakeCoordinator();
  fake.isAway = true;
  const looks = new GroupLooks(fake.coordinators);
  const settled = await Promise.allSettled(["g1", "g2"].map((name) => looks.look(name)));
  for (const look of settled) {
    assert.equal(look.status, "rejected");
    assert.equal(look.reason.code, "kafka_unavailable");
  }
});
