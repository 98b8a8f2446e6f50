import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { BrokerLink } from "../../src/kafka/broker_link.ts";
import type { ClusterClient } from "../../src/kafka/cluster_client.ts";
import { GroupCoordinators } from "../../src/kafka/group_coordinators.ts";
import { GroupLooks } from "../../src/kafka/group_looks.ts";
import { KafkaGroupPositions } from "../../src/kafka/group_positions.ts";
import { FakeCoordinator } from "../support/fake_coordinator.ts";

function positionsOf({ coordinators }: FakeCoordinator): KafkaGroupPositions {
  return new KafkaGroupPositions(coordinators, new GroupLooks(coordinators));
}

// A coordinator that had just taken over showed a position that was older than an answered commit.
Deno.test("KafkaGroupPositions.committed() asks for what is stable, and again when it is not yet", async () => {
  const answers = [88, 0].map((errorCode) => {
    const code = errorCode.toString(16).padStart(4, "0");
    const partition = `00000000000000000000000cffffffff01${code}00`;
    return Buffer.from(`000000000002026102${partition}00000000`, "hex");
  });
  const asked: string[] = [];
  const link = {
    versions: () => ({ minVersion: 1, maxVersion: 10 }),
    raw: (api: string, version: number) => {
      asked.push(`${api} ${version}`);
      return Promise.resolve(answers[asked.length - 1]);
    },
  } as unknown as BrokerLink;
  const cluster = {
    any: () => Promise.resolve({ errorCode: 0, coordinator: { nodeId: 1, host: "", port: 0 } }),
    learn: () => {},
    node: () => Promise.resolve(link),
    closing: new AbortController().signal,
  } as unknown as ClusterClient;
  const coordinators = new GroupCoordinators(cluster);
  const positions = new KafkaGroupPositions(coordinators, new GroupLooks(coordinators));
  assert.deepEqual(await positions.committed("g1", "a", [0]), new Map([[0, 12n]]));
  assert.deepEqual(asked, ["OffsetFetch 7", "OffsetFetch 7"]);
});

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
