import assert from "node:assert/strict";
import type { GroupMember, GroupMemberEvents, LogReader } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { KafkaGroupMembers } from "../../src/kafka/balanced_member.ts";
import { GroupLooks } from "../../src/kafka/group_looks.ts";
import { eventually } from "../support/eventually.ts";
import { FakeCoordinator } from "../support/fake_coordinator.ts";

const GROUP = "g1";

/** A cluster of topics with so many partitions each, and members that join its groups. */
class Cluster {
  readonly fake = new FakeCoordinator();
  readonly topics: Map<string, number>;

  constructor(topics: Record<string, number>) {
    this.topics = new Map(Object.entries(topics));
  }

  join(clientId: string, topics: readonly string[]): JoinedClient {
    const { coordinators } = this.fake;
    const reader: Pick<LogReader, "topic"> = {
      topic: (topic) => {
        const count = this.topics.get(topic);
        if (count === undefined) return Promise.reject(new ProxyError("unknown_topic", topic));
        return Promise.resolve({ topic, leaders: new Map(partitions(count).map((it) => [it, 1])) });
      },
    };
    const looks = new GroupLooks(coordinators);
    const members = new KafkaGroupMembers({ coordinators, looks, reader, clientId });
    return new JoinedClient((events) => members.join(GROUP, topics, events));
  }
}

/** What a member was told, in order. */
class JoinedClient implements GroupMemberEvents {
  readonly told: unknown[] = [];
  readonly member: GroupMember;
  /** What the next assignment ends with. */
  trouble: ProxyError | undefined;

  constructor(join: (events: GroupMemberEvents) => GroupMember) {
    this.member = join(this);
  }

  assigned(partitions: ReadonlyMap<string, readonly number[]>): Promise<void> {
    this.told.push(Object.fromEntries(partitions));
    const { trouble } = this;
    this.trouble = undefined;
    return trouble === undefined ? Promise.resolve() : Promise.reject(trouble);
  }

  revoking(): Promise<void> {
    this.told.push("revoking");
    return Promise.resolve();
  }

  lost(): Promise<void> {
    this.told.push("lost");
    return Promise.resolve();
  }

  failed(error: ProxyError): void {
    this.told.push(error.code);
  }

  async toldOf(count: number): Promise<unknown> {
    await eventually(`${count} events`, () => this.told.length >= count, { everyMs: 1 });
    return this.told[count - 1];
  }
}

function partitions(count: number): number[] {
  return Array.from({ length: count }, (_, partition) => partition);
}

Deno.test("KafkaGroupMembers.join() has all partitions of all its topics, alone", async () => {
  const cluster = new Cluster({ orders: 3, events: 1 });
  const one = cluster.join("one", ["orders", "events"]);
  assert.deepEqual(await one.toldOf(1), { orders: [0, 1, 2], events: [0] });
  await one.member.leave();
  assert.deepEqual(cluster.fake.members(GROUP), []);
});

Deno.test("KafkaGroupMembers.join() shares each topic with those who want it too", async () => {
  const cluster = new Cluster({ orders: 2, events: 1, audit: 1 });
  const one = cluster.join("one", ["orders", "events"]);
  await one.toldOf(1);
  const two = cluster.join("two", ["orders", "events", "audit"]);
  assert.deepEqual(await two.toldOf(1), { orders: [1], audit: [0] }, "no events: left out");
  assert.equal(await one.toldOf(2), "revoking");
  assert.deepEqual(await one.toldOf(3), { orders: [0], events: [0] });
  await Promise.all([one.member.leave(), two.member.leave()]);
});

Deno.test("KafkaGroupMembers.join() goes on, a topic of another member not there", async () => {
  const cluster = new Cluster({ orders: 2 });
  const one = cluster.join("one", ["orders"]);
  await one.toldOf(1);
  const two = cluster.join("two", ["gone"]);
  assert.deepEqual(await two.toldOf(1), {});
  assert.deepEqual(await one.toldOf(3), { orders: [0, 1] });
  await Promise.all([one.member.leave(), two.member.leave()]);
});

Deno.test("KafkaGroupMembers.join() fails, one of its own topics not there", async () => {
  const cluster = new Cluster({ orders: 2 });
  const one = cluster.join("one", ["orders", "gone"]);
  assert.equal(await one.toldOf(1), "unknown_topic");
  await one.member.leave();
  assert.deepEqual(cluster.fake.members(GROUP), []);
});

// It ended subscriptions, where a group would have gone on by itself in a moment.
Deno.test("KafkaGroupMembers.join() joins again, positions that cannot be read for now", async () => {
  const cluster = new Cluster({ orders: 2 });
  const one = cluster.join("one", ["orders"]);
  one.trouble = new ProxyError("kafka_unavailable", "the coordinator is away");
  assert.deepEqual(await one.toldOf(1), { orders: [0, 1] });
  assert.equal(await one.toldOf(2), "lost");
  assert.deepEqual(await one.toldOf(3), { orders: [0, 1] });
  await one.member.leave();
  assert.equal(one.told.length, 3);
});

Deno.test("KafkaGroupMembers.join() fails, positions that may not be read", async () => {
  const cluster = new Cluster({ orders: 2 });
  const one = cluster.join("one", ["orders"]);
  one.trouble = new ProxyError("forbidden", "no");
  assert.equal(await one.toldOf(2), "forbidden");
  await one.member.leave();
});
