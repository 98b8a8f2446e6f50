import assert from "node:assert/strict";
import { GroupLooks } from "../../src/kafka/group_looks.ts";
import { KafkaGroupPositions } from "../../src/kafka/group_positions.ts";
import { FakeCoordinator } from "../support/fake_coordinator.ts";

function positionsOf({ coordinators }: FakeCoordinator): KafkaGroupPositions {
  return new KafkaGroupPositions(coordinators, new GroupLooks(coordinators));
}

const NEXT = new Map([[0, 12n], [3, 7n]]);

Deno.test("KafkaGroupPositions.commit() commits as a standalone consumer, a group without members", async () => {
  const fake = new FakeCoordinator();
  await positionsOf(fake).commit("g1", "orders", NEXT);
  assert.deepEqual(fake.commits, ["0:12", "3:7"]);
});

Deno.test("KafkaGroupPositions.commit() throws group_in_use, a group with members", async () => {
  const fake = new FakeCoordinator();
  await fake.join("g1", "java");
  const committing = positionsOf(fake).commit("g1", "orders", NEXT);
  await assert.rejects(committing, { code: "group_in_use" });
  assert.deepEqual(fake.commits, []);
});

// A broker that had just started closed its clients with 4404.
Deno.test("KafkaGroupPositions.commit() throws kafka_unavailable after one try, a topic the broker does not know", async () => {
  const fake = new FakeCoordinator();
  fake.errors.set("OffsetCommit", [3]);
  const positions = positionsOf(fake);
  await assert.rejects(positions.commit("g1", "orders", NEXT), { code: "kafka_unavailable" });
  assert.equal(fake.count("OffsetCommit"), 1);
  await positions.commit("g1", "orders", NEXT);
  assert.deepEqual(fake.commits, ["0:12", "3:7"]);
});

Deno.test("KafkaGroupPositions.commit() sends nothing and throws what its guard does, at once", async () => {
  const fake = new FakeCoordinator();
  const reason = new Error("not ours any more");
  const committing = positionsOf(fake).commit("g1", "orders", NEXT, () => {
    throw reason;
  });
  await assert.rejects(committing, reason);
  assert.equal(fake.count("OffsetCommit"), 0);
});
