import assert from "node:assert/strict";
import type { Principal } from "../../src/core/principal.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { TOPIC } from "../support/array_reader.ts";
import { eventually } from "../support/eventually.ts";
import { holdsFor } from "../support/holds_for.ts";
import { type RunningV2, TestSessions } from "../support/test_sessions.ts";
import type { V2Frame, V2FrameOf } from "../support/v2_client.ts";

/** Waits for a frame of that type which fits. */
async function frame<Type extends V2Frame["type"]>(
  client: RunningV2,
  type: Type,
  fits: (frame: V2FrameOf<Type>) => boolean = () => true,
): Promise<V2FrameOf<Type>> {
  const find = () =>
    client.frames.find((one): one is V2FrameOf<Type> =>
      one.type === type && fits(one as V2FrameOf<Type>)
    );
  return await eventually(`a frame "${type}"`, find, { everyMs: 1 });
}

/** Offsets of all records sent so far, by subscription. */
function offsets({ frames }: RunningV2, subscription = 1): number[] {
  return frames.filter((one) => one.type === "records")
    .filter((one) => one.subscription === subscription)
    .flatMap(({ records }) => records.map(({ offset }) => Number(offset)));
}

async function records(client: RunningV2, count: number, subscription = 1): Promise<void> {
  await eventually(`${count} records`, () => offsets(client, subscription).length >= count, {
    everyMs: 1,
  });
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** A client of group g1 on partition 0 that acknowledges. */
function work(client: RunningV2, more: Record<string, unknown> = {}): void {
  client.say({
    type: "subscribe",
    id: 1,
    topics: [TOPIC],
    group: "g1",
    partitions: [0],
    ack: "client",
    ...more,
  });
}

Deno.test("V2Session.run() says hello first, with limits and principal", async () => {
  await using test = new TestSessions();
  const client = test.startV2();
  const hello = await frame(client, "hello");
  assert.deepEqual(hello, {
    type: "hello",
    protocol: "kafka-proxy.v2",
    session: "session 1",
    server: hello.server,
    limits: { frameBytes: 1 << 20, produceRecords: 8, produceBytes: 4_096, subscriptions: 10 },
    principal: { name: "anonymous" },
  });
  assert.match(hello.server, /^kafka-proxy\/\d/);
});

Deno.test("V2Session.onMessage() subscribes a reader: answered, then records, from where it asked", async () => {
  await using test = new TestSessions();
  test.reader.fill(2, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", id: 5, topics: [TOPIC], from: "3" });
  await records(client, 17);
  const subscribed = client.frames.findIndex(({ type }) => type === "subscribed");
  assert.ok(subscribed < client.frames.findIndex(({ type }) => type === "records"));
  assert.deepEqual(client.frames[subscribed], {
    type: "subscribed",
    id: 5,
    subscription: 1,
    topics: [TOPIC],
    partitions: [{ topic: TOPIC, partition: 0, next: "3", earliest: "0", end: "20" }],
  });
  assert.deepEqual(offsets(client), range(3, 20));
});

Deno.test("V2Session.onMessage() starts readers at the end, nothing asked for", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC] });
  await frame(client, "subscribed");
  test.reader.fill(1, 5);
  await records(client, 5);
  assert.deepEqual(offsets(client), range(10, 15));
});

Deno.test("V2Session.onMessage() keeps several subscriptions apart, each with its number", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest" });
  await frame(client, "subscribed");
  client.say({ type: "subscribe", topics: [TOPIC], from: "7" });
  await records(client, 10, 1);
  await records(client, 3, 2);
  client.say({ type: "unsubscribe", id: 9, subscription: 1 });
  await frame(client, "ok", ({ id }) => id === 9);
  test.reader.fill(1, 2);
  await records(client, 5, 2);
  assert.equal(offsets(client, 1).length, 10);
});

Deno.test("V2Session.onMessage() sends as many records as there is credit, frames cut to it", async () => {
  await using test = new TestSessions();
  test.reader.fill(3, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest", credit: 7 });
  await records(client, 7);
  await holdsFor(20, "no more", () => offsets(client).length === 7);
  client.say({ type: "credit", subscription: 1, records: 13 });
  await records(client, 20);
  await holdsFor(20, "no more", () => offsets(client).length === 20);
  assert.deepEqual(offsets(client), range(0, 20));
});

Deno.test("V2Session.onMessage() keeps to the credit of one, frames are shared with others", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const clients = [test.startV2(), test.startV2()];
  clients[0].say({ type: "subscribe", topics: [TOPIC], from: "earliest" });
  await records(clients[0], 10);
  clients[1].say({ type: "subscribe", topics: [TOPIC], from: "earliest", credit: 4 });
  await records(clients[1], 4);
  await holdsFor(20, "no more", () => offsets(clients[1]).length === 4);
  clients[1].say({ type: "credit", subscription: 1, records: 100 });
  await records(clients[1], 10);
  assert.deepEqual(offsets(clients[1]), range(0, 10));
});

Deno.test("V2Session.onMessage() pauses and continues", async () => {
  await using test = new TestSessions();
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest" });
  await frame(client, "subscribed");
  client.say({ type: "pause", id: 2, subscription: 1 });
  await frame(client, "ok", ({ id }) => id === 2);
  test.reader.fill(1, 10);
  await holdsFor(20, "nothing sent", () => offsets(client).length === 0);
  client.say({ type: "continue", id: 3, subscription: 1 });
  await records(client, 10);
});

Deno.test("V2Session.onMessage() seeks, and goes on from there", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest" });
  await records(client, 10);
  client.say({ type: "seek", id: 2, subscription: 1, topic: TOPIC, partition: 0, from: "-3" });
  await records(client, 13);
  assert.deepEqual(offsets(client).slice(10), [7, 8, 9]);
  await frame(client, "ok", ({ id }) => id === 2);
});

Deno.test("V2Session.onMessage() commits what is acknowledged and nothing else, with ack client", async () => {
  await using test = new TestSessions({ commitIntervalMs: 2 });
  test.reader.fill(1, 10);
  const client = test.startV2();
  work(client);
  await records(client, 10);
  await holdsFor(20, "nothing committed", () => test.groups.tries === 0);
  client.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "4" });
  await eventually("a commit", () => test.groups.get("g1", TOPIC, 0) === 5n, { everyMs: 1 });
});

Deno.test("V2Session.onMessage() answers an acknowledgement with an id when it is committed", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  work(client);
  await records(client, 10);
  const release = test.groups.hold();
  client.say({ type: "ack", id: 8, subscription: 1, topic: TOPIC, partition: 0, offset: "9" });
  await holdsFor(20, "no answer", () => client.frames.every(({ type }) => type !== "committed"));
  release();
  assert.deepEqual(await frame(client, "committed"), {
    type: "committed",
    id: 8,
    subscription: 1,
    topic: TOPIC,
    partition: 0,
    next: "10",
  });
  assert.equal(test.groups.get("g1", TOPIC, 0), 10n);
});

Deno.test("V2Session.onMessage() delivers again to the next owner what was not acknowledged", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const older = test.startV2();
  work(older);
  await records(older, 10);
  older.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "3" });
  const newer = test.startV2();
  work(newer);
  const ended = await frame(older, "ended");
  assert.deepEqual([ended.subscription, ended.code], [1, "taken_over"]);
  assert.equal(older.sink.isClosed, false);
  await records(newer, 6);
  assert.deepEqual(offsets(newer), range(4, 10));
});

Deno.test("V2Session.onMessage() takes the acknowledgements of the older, while it hands over", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const older = test.startV2();
  work(older);
  await records(older, 10);
  const newer = test.startV2();
  work(newer);
  older.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "9" });
  await frame(older, "ended");
  await frame(newer, "subscribed", ({ partitions }) => partitions[0].next === "10");
});

Deno.test("V2Session.onMessage() stops at maxUnacked, and goes on with acknowledgements", async () => {
  await using test = new TestSessions();
  test.reader.fill(2, 10);
  const client = test.startV2();
  work(client, { maxUnacked: 6 });
  await records(client, 6);
  await holdsFor(20, "no more", () => offsets(client).length === 6);
  client.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "3" });
  await records(client, 10);
  await holdsFor(20, "no more", () => offsets(client).length === 10);
});

Deno.test("V2Session.onMessage() delivers again, a nack", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  work(client);
  await records(client, 10);
  client.say({ type: "nack", id: 4, subscription: 1, topic: TOPIC, partition: 0, offset: "6" });
  await records(client, 14);
  assert.deepEqual(offsets(client).slice(10), [6, 7, 8, 9]);
});

Deno.test("V2Session.onMessage() says error and goes on, acknowledgements that cannot be", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 2);
  const client = test.startV2();
  work(client);
  await records(client, 2);
  const ack = { type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "1" };
  for (
    const [id, change, code] of [
      [11, { offset: "2" }, "bad_frame"],
      [12, { partition: 7 }, "fenced"],
      [13, { topic: "other" }, "bad_frame"],
      [14, { subscription: 3 }, "unknown_subscription"],
    ] as const
  ) {
    client.say({ ...ack, ...change, id });
    const { code: found } = await frame(client, "error", (one) => one.id === id);
    assert.equal(found, code, JSON.stringify(change));
  }
  assert.equal(client.sink.isClosed, false);
});

Deno.test("V2Session.onMessage() shares partitions of a balanced group, assigned and revoked", async () => {
  await using test = new TestSessions({ partitions: 3 });
  for (const partition of [0, 1, 2]) test.reader.fill(1, 4, partition);
  const client = test.startV2();
  client.say({ type: "subscribe", id: 1, topics: [TOPIC], group: "g1", ack: "client" });
  const { partitions } = await frame(client, "subscribed");
  assert.deepEqual(partitions, []);
  const [member] = test.members.joined;
  await member.events.assigned(new Map([[TOPIC, [0, 1]]]));
  await records(client, 8);
  client.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "1" });
  client.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 1, offset: "3" });
  const revoking = member.events.revoking();
  client.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "2" });
  await revoking;
  assert.deepEqual(member.commits.at(-1), new Map([[0, 3n], [1, 4n]]));
  // Partition 1 is kept and goes on, 0 has gone, 2 is new.
  await member.events.assigned(new Map([[TOPIC, [1, 2]]]));
  const revoked = await frame(client, "revoked");
  assert.deepEqual(revoked.partitions, [[TOPIC, 0]]);
  const assigned = client.frames.filter((one) => one.type === "assigned");
  assert.deepEqual(
    assigned.map((one) => one.partitions.map(({ partition }) => partition)),
    [[0, 1], [2]],
  );
  client.say({ type: "ack", id: 9, subscription: 1, topic: TOPIC, partition: 0, offset: "3" });
  assert.equal((await frame(client, "error")).code, "fenced");
  await records(client, 12);
});

Deno.test("V2Session.onMessage() says in a rebalance that the topic is another one, who asked to go on", async () => {
  await using test = new TestSessions({ partitions: 2 });
  for (const partition of [0, 1]) test.reader.fill(1, 4, partition);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], group: "g1", onRange: "earliest" });
  await frame(client, "subscribed");
  const [member] = test.members.joined;
  await member.events.assigned(new Map([[TOPIC, [0]]]));
  await records(client, 4);
  await member.events.revoking();
  test.reader.addTopic(TOPIC, 2);
  for (const partition of [0, 1]) test.reader.fill(1, 10, partition);
  await member.events.assigned(new Map([[TOPIC, [0, 1]]]));
  await records(client, 24);
  const told = client.frames.filter((one) => one.type === "gap")
    .map(({ partition, from, to, reason }) => ({ partition, from, to, reason }));
  assert.deepEqual(told, [{ partition: 0, from: "4", to: "0", reason: "recreated" }]);
});

Deno.test("V2Session.onMessage() says fenced, an acknowledgement that waits for its commit", async () => {
  await using test = new TestSessions({ partitions: 2 });
  test.reader.fill(1, 4, 0);
  const client = test.startV2();
  client.say({ type: "subscribe", id: 1, topics: [TOPIC], group: "g1", ack: "client" });
  await frame(client, "subscribed");
  const [member] = test.members.joined;
  await member.events.assigned(new Map([[TOPIC, [0]]]));
  await records(client, 4);
  member.failures.push(new ProxyError("group_in_use", "the generation is over"));
  client.say({ type: "ack", id: 9, subscription: 1, topic: TOPIC, partition: 0, offset: "3" });
  await eventually("the refusal", () => member.failures.length === 0, { everyMs: 1 });
  await member.events.lost();
  assert.equal((await frame(client, "error", ({ id }) => id === 9)).code, "fenced");
  assert.deepEqual((await frame(client, "revoked")).partitions, [[TOPIC, 0]]);
});

Deno.test("V2Session.onMessage() ends with done when everything up to the end was sent", async () => {
  await using test = new TestSessions({ partitions: 2 });
  test.reader.fill(2, 5, 0);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest", until: "end" });
  const ended = await frame(client, "ended");
  assert.equal(ended.code, "done");
  const ends = client.frames.filter((one) => one.type === "end");
  assert.deepEqual(
    ends.map(({ partition, end }) => [partition, end]).sort(),
    [[0, "10"], [1, "0"]],
  );
  assert.deepEqual(offsets(client), range(0, 10));
  assert.equal(client.sink.isClosed, false);
});

Deno.test("V2Session.onMessage() ends with done when the last is acknowledged, with ack client", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 5, 0);
  const client = test.startV2();
  work(client, { until: "end" });
  await frame(client, "end");
  await holdsFor(10, "not over", () => client.frames.every(({ type }) => type !== "ended"));
  client.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "4" });
  await frame(client, "ended");
  assert.equal(test.groups.get("g1", TOPIC, 0), 5n);
});

Deno.test("V2Session.onMessage() tells the lag, in records, and 0 ms at the end", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest", credit: 4 });
  await records(client, 4);
  client.say({ type: "lag", id: 3, subscription: 1 });
  const behind = await frame(client, "lag", ({ id }) => id === 3);
  assert.equal(behind.partitions[0].records, "6");
  client.say({ type: "credit", subscription: 1, records: 100 });
  await records(client, 10);
  client.say({ type: "lag", id: 4, subscription: 1 });
  const { partitions } = await frame(client, "lag", ({ id }) => id === 4);
  assert.deepEqual(partitions, [{ topic: TOPIC, partition: 0, records: "0", ms: 0 }]);
});

Deno.test("V2Session.onMessage() writes records and answers, in the order of the requests", async () => {
  await using test = new TestSessions();
  const client = test.startV2();
  for (const id of [1, 2]) {
    client.say({ type: "produce", id, topic: TOPIC, records: [{ value: `v${id}` }] });
  }
  const produced = await frame(client, "produced", ({ id }) => id === 2);
  assert.equal("offset" in produced.results[0] && produced.results[0].offset, "1");
  assert.deepEqual(
    test.writer.stored.map(({ record }) => new TextDecoder().decode(record.value!)),
    ["v1", "v2"],
  );
});

Deno.test("V2Session.run() tells the audit log in the end what was produced", async () => {
  await using test = new TestSessions();
  const client = test.startV2();
  client.say({ type: "produce", id: 1, topic: TOPIC, records: [{ value: "a" }, { value: "b" }] });
  await frame(client, "produced");
  client.sink.closeByPeer();
  await client.over;
  const [{ session, ...told }] = test.events.of("records_produced");
  assert.deepEqual(told, {
    event: "records_produced",
    topic: TOPIC,
    records: 2,
    failed: 0,
    unknown: 0,
  });
  assert.equal(test.events.of("session_closed")[0].session, session);
});

Deno.test("V2Session.onMessage() closes with 4429, permits overdrawn", async () => {
  await using test = new TestSessions();
  const client = test.startV2();
  test.writer.hold()();
  client.say({ type: "produce", id: 1, topic: TOPIC, records: Array(9).fill({ value: "x" }) });
  const { code, reason } = await client.sink.closed;
  assert.equal(code, 4429, reason);
  assert.equal(test.writer.stored.length, 0);
});

Deno.test("V2Session.onMessage() closes with the code of what is no frame at all", async () => {
  const sent: [unknown, number][] = [["{", 1007], [new ArrayBuffer(3), 1003], [
    " ".repeat((1 << 20) + 1),
    1009,
  ]];
  for (const [data, wanted] of sent) {
    await using test = new TestSessions();
    const client = test.startV2();
    client.session.onMessage(data);
    assert.equal((await client.sink.closed).code, wanted);
  }
});

Deno.test("V2Session.onMessage() answers a bad frame and goes on, with its id where it has one", async () => {
  await using test = new TestSessions();
  const client = test.startV2();
  client.say({ type: "subscribe", id: 7, topics: [TOPIC], cerdit: 5 });
  const { code, message } = await frame(client, "error", ({ id }) => id === 7);
  assert.equal(code, "bad_frame");
  assert.match(message, /cerdit/);
  client.say([1]);
  await frame(client, "error", ({ id }) => id === undefined);
  client.say({ type: "ping", id: 8 });
  await frame(client, "pong", ({ id }) => id === 8);
});

Deno.test("V2Session.onMessage() refuses what the principal may not, and asks Kafka nothing", async () => {
  await using test = new TestSessions();
  const fetches = test.reader.fetches.length;
  const refuse = () => {
    throw new ProxyError("forbidden", "no");
  };
  const client = test.startV2({ services: { checkTopic: refuse } });
  client.say({ type: "subscribe", id: 1, topics: [TOPIC] });
  client.say({ type: "produce", id: 2, topic: TOPIC, records: [{ value: "x" }] });
  for (const id of [1, 2]) {
    assert.equal((await frame(client, "error", (one) => one.id === id)).code, "forbidden");
  }
  assert.equal(test.reader.fetches.length, fetches);
  assert.equal(test.writer.stored.length, 0);
});

Deno.test("V2Session.onMessage() refuses one subscription more than the limit", async () => {
  await using test = new TestSessions();
  const services = test.v2();
  const client = test.startV2({
    services: { limits: { ...services.limits, subscriptions: 1 } },
  });
  client.say({ type: "subscribe", id: 1, topics: [TOPIC] });
  client.say({ type: "subscribe", id: 2, topics: [TOPIC] });
  await frame(client, "subscribed", ({ id }) => id === 1);
  assert.equal((await frame(client, "error", ({ id }) => id === 2)).code, "too_many_subscriptions");
});

Deno.test("V2Session.onMessage() names the topic that is not there, and stays open", async () => {
  await using test = new TestSessions();
  const client = test.startV2();
  client.say({ type: "subscribe", id: 1, topics: ["other"] });
  assert.equal((await frame(client, "error")).code, "unknown_topic");
  client.say({ type: "subscribe", id: 2, topics: [TOPIC] });
  await frame(client, "subscribed");
});

Deno.test("V2Session.onMessage() renews credentials of the same principal only", async () => {
  await using test = new TestSessions();
  const principal: Principal = { name: "alice", may: () => true, expiresMs: Date.now() + 30_000 };
  const client = test.startV2({ principal });
  await frame(client, "expiring");
  client.say({ type: "auth", id: 1, token: "bob" });
  assert.equal((await frame(client, "error")).code, "forbidden");
  client.say({ type: "auth", id: 2, token: "alice" });
  await frame(client, "ok", ({ id }) => id === 2);
  assert.equal(client.session.principal.expiresMs, undefined);
});

Deno.test("V2Session.run() closes with 4401, credentials expired", async () => {
  await using test = new TestSessions();
  const principal: Principal = { name: "alice", may: () => true, expiresMs: Date.now() + 20 };
  const client = test.startV2({ principal });
  assert.equal((await client.sink.closed).code, 4401);
});

Deno.test("V2Session.stop() commits what is acknowledged before it closes, and gives all back", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  work(client);
  await records(client, 10);
  client.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "5" });
  await client.session.stop(1012, "restart", 0);
  assert.equal(test.groups.get("g1", TOPIC, 0), 6n);
  assert.deepEqual(test.leases.given.map(({ isReleased }) => isReleased), [true]);
  assert.deepEqual(test.history.slice(-2), ["commit 0:6", "close 1012"]);
});

Deno.test("V2Session.announceDraining() tells positions and then that it drains", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 3);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest" });
  await records(client, 3);
  client.session.announceDraining(5_000);
  assert.deepEqual(client.frames.slice(-2).map(({ type }) => type), ["position", "draining"]);
});

Deno.test("V2Session.onMessage() continues a token exactly, and says so", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest", credit: 4 });
  await records(client, 4);
  client.session.announceDraining(0);
  const { resume } = await frame(client, "position");
  const other = test.startV2();
  other.say({ type: "subscribe", topics: [TOPIC], resume });
  await records(other, 6);
  assert.equal((await frame(other, "subscribed")).recovered, true);
  assert.deepEqual(offsets(other), range(4, 10));
});

Deno.test("V2Session.onMessage() says what is missed, a token that retention has passed", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "2", credit: 1 });
  await records(client, 1);
  client.session.announceDraining(0);
  const { resume } = await frame(client, "position");
  test.reader.at(0).start = 6n;
  const other = test.startV2();
  other.say({ type: "subscribe", topics: [TOPIC], resume });
  const gap = await frame(other, "gap");
  assert.deepEqual([gap.from, gap.to, gap.reason], ["3", "6", "retention"]);
  assert.equal((await frame(other, "subscribed")).recovered, false);
  await records(other, 4);
  assert.deepEqual(offsets(other), range(6, 10));
});

Deno.test("V2Session.onMessage() says what is missed of a partition that is younger than the token", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest" });
  await records(client, 10);
  client.session.announceDraining(0);
  const { resume } = await frame(client, "position");
  for (const partition of [1, 2]) {
    test.reader.addPartition();
    test.reader.fill(1, 10, partition);
  }
  test.reader.at(1).start = 6n;
  const other = test.startV2();
  other.say({ type: "subscribe", topics: [TOPIC], resume });
  await records(other, 14);
  assert.equal((await frame(other, "subscribed")).recovered, false);
  assert.deepEqual(
    other.frames.filter(({ type }) => type === "gap"),
    [{
      type: "gap",
      subscription: 1,
      topic: TOPIC,
      partition: 1,
      from: "0",
      to: "6",
      reason: "retention",
    }],
  );
});

Deno.test("V2Session.stop() takes acknowledgements while it drains, and refuses all else", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  work(client);
  await records(client, 10);
  const startMs = performance.now();
  const stopped = client.session.stop(1012, "restart", 20_000);
  client.say({ type: "ack", id: 2, subscription: 1, topic: TOPIC, partition: 0, offset: "9" });
  client.say({ type: "produce", id: 3, topic: TOPIC, records: [{ value: "x" }] });
  await stopped;
  assert.ok(performance.now() - startMs < 10_000);
  assert.equal(test.groups.get("g1", TOPIC, 0), 10n);
  assert.equal((await frame(client, "committed")).id, 2);
  assert.equal((await frame(client, "error", ({ id }) => id === 3)).code, "leaving");
  assert.equal(test.writer.stored.length, 0);
});

Deno.test("V2Session.stop() tells the last position before it closes", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 3);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest" });
  await records(client, 3);
  await client.session.stop(1012, "restart", 0);
  assert.equal(client.frames.at(-1)?.type, "position");
});

Deno.test("V2Session.onMessage() answers a subscribe that is unsubscribed while it starts", async () => {
  await using test = new TestSessions();
  const acquired = test.leases.hold();
  const client = test.startV2();
  work(client);
  await eventually("the lease is asked for", () => client.session.streams.length === 1, {
    everyMs: 1,
  });
  client.say({ type: "unsubscribe", id: 2, subscription: 1 });
  const { code } = await frame(client, "error", ({ id }) => id === 1);
  assert.equal(code, "leaving");
  acquired();
  await frame(client, "ok", ({ id }) => id === 2);
  assert.ok(test.leases.given.every(({ isReleased }) => isReleased));
});

Deno.test("V2Session.onMessage() delivers again what was refused in a rebalance", async () => {
  await using test = new TestSessions({ partitions: 2, commitIntervalMs: 2 });
  test.reader.fill(1, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", id: 1, topics: [TOPIC], group: "g1", ack: "client" });
  await frame(client, "subscribed");
  const [member] = test.members.joined;
  await member.events.assigned(new Map([[TOPIC, [0]]]));
  await records(client, 10);
  await member.events.revoking();
  client.say({ type: "nack", id: 2, subscription: 1, topic: TOPIC, partition: 0, offset: "6" });
  await frame(client, "ok", ({ id }) => id === 2);
  const assigned = member.events.assigned(new Map([[TOPIC, [0, 1]]]));
  client.say({ type: "nack", id: 3, subscription: 1, topic: TOPIC, partition: 0, offset: "4" });
  await frame(client, "ok", ({ id }) => id === 3);
  await assigned;
  await records(client, 16);
  assert.deepEqual(offsets(client).slice(10), range(4, 10));
  client.say({ type: "ack", id: 4, subscription: 1, topic: TOPIC, partition: 0, offset: "9" });
  await frame(client, "committed", ({ id }) => id === 4);
});

Deno.test("V2Session.onMessage() seeks in a rebalance, a partition that stays", async () => {
  await using test = new TestSessions({ partitions: 2 });
  test.reader.fill(1, 10);
  const client = test.startV2();
  client.say({ type: "subscribe", id: 1, topics: [TOPIC], group: "g1", ack: "client" });
  await frame(client, "subscribed");
  const [member] = test.members.joined;
  await member.events.assigned(new Map([[TOPIC, [0]]]));
  await records(client, 10);
  await member.events.revoking();
  client.say({ type: "seek", id: 2, subscription: 1, topic: TOPIC, partition: 0, from: "8" });
  await frame(client, "ok", ({ id }) => id === 2);
  await member.events.assigned(new Map([[TOPIC, [0]]]));
  await records(client, 12);
  assert.deepEqual(offsets(client).slice(10), [8, 9]);
});

Deno.test("V2Session.onMessage() commits before it says so, an acknowledgement before a seek", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const client = test.startV2();
  work(client);
  await records(client, 10);
  const release = test.groups.hold();
  client.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "3" });
  client.say({ type: "seek", id: 2, subscription: 1, topic: TOPIC, partition: 0, from: "8" });
  await frame(client, "ok", ({ id }) => id === 2);
  client.say({ type: "ack", id: 3, subscription: 1, topic: TOPIC, partition: 0, offset: "3" });
  await holdsFor(20, "no answer", () => client.frames.every(({ type }) => type !== "committed"));
  release();
  await frame(client, "committed", ({ id }) => id === 3);
  assert.equal(test.groups.get("g1", TOPIC, 0), 4n);
});

Deno.test("V2Session.onMessage() delivers again what was refused after the end", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 5);
  const client = test.startV2();
  work(client, { until: "end" });
  await frame(client, "end");
  client.say({ type: "nack", subscription: 1, topic: TOPIC, partition: 0, offset: "3" });
  await records(client, 7);
  assert.deepEqual(offsets(client).slice(5), [3, 4]);
  client.say({ type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "4" });
  assert.equal((await frame(client, "ended")).code, "done");
  assert.equal(test.groups.get("g1", TOPIC, 0), 5n);
});

Deno.test("V2Session.onMessage() is done, a seek to the end", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 5);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], from: "earliest", until: "end", credit: 1 });
  await records(client, 1);
  client.say({ type: "seek", subscription: 1, topic: TOPIC, partition: 0, from: "latest" });
  assert.equal((await frame(client, "end")).end, "5");
  assert.equal((await frame(client, "ended")).code, "done");
});

Deno.test("V2Session.onMessage() ends subscriptions that renewed credentials do not allow", async () => {
  await using test = new TestSessions();
  const client = test.startV2({
    principal: { name: "alice", may: () => true },
    services: {
      authenticate: () => Promise.resolve({ name: "alice", may: () => false }),
      checkGroup: (principal) => {
        if (!principal.may("group")) throw new ProxyError("forbidden", "no");
      },
    },
  });
  client.say({ type: "subscribe", topics: [TOPIC] });
  await frame(client, "subscribed", ({ subscription }) => subscription === 1);
  client.say({ type: "subscribe", topics: [TOPIC], group: "g1", partitions: [0] });
  await frame(client, "subscribed", ({ subscription }) => subscription === 2);
  client.say({ type: "auth", id: 3, token: "narrower" });
  await frame(client, "ok", ({ id }) => id === 3);
  const { subscription, code } = await frame(client, "ended");
  assert.deepEqual([subscription, code], [2, "forbidden"]);
  client.say({ type: "lag", id: 4, subscription: 1 });
  await frame(client, "lag");
});

Deno.test("V2Session.onMessage() watches no credentials that come when the socket is closed", async () => {
  await using test = new TestSessions();
  const { promise, resolve } = Promise.withResolvers<Principal>();
  const client = test.startV2({ services: { authenticate: () => promise } });
  client.say({ type: "auth", id: 1, token: "late" });
  await client.session.stop(1012, "restart", 0);
  resolve({ name: "anonymous", may: () => true, expiresMs: Date.now() + 3_600_000 });
  await promise;
});

Deno.test("V2Session.onMessage() refuses one request more than may wait", async () => {
  await using test = new TestSessions();
  const { promise, resolve } = Promise.withResolvers<Principal>();
  const client = test.startV2({ services: { authenticate: () => promise } });
  for (let id = 0; id <= 256; id++) client.say({ type: "auth", id, token: "slow" });
  assert.equal((await frame(client, "error", ({ id }) => id === 256)).code, "too_many_requests");
  client.say({ type: "ping", id: 300 });
  await frame(client, "pong");
  resolve({ name: "anonymous", may: () => true });
  await frame(client, "ok", ({ id }) => id === 255);
});

Deno.test("V2Session.onMessage() refuses one acknowledgement more than may wait", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 1);
  const client = test.startV2();
  work(client);
  await records(client, 1);
  const release = test.groups.hold();
  const ack = { type: "ack", subscription: 1, topic: TOPIC, partition: 0, offset: "0" };
  for (let id = 0; id <= 16_384; id++) client.say({ ...ack, id });
  const { code } = await frame(client, "error", ({ id }) => id === 16_384);
  assert.equal(code, "too_many_requests");
  release();
  await frame(client, "committed", ({ id }) => id === 16_383);
});

Deno.test("V2Session.onMessage() does not call a token whole, a partition it was not made for", async () => {
  await using test = new TestSessions({ partitions: 2 });
  for (const partition of [0, 1]) test.reader.fill(1, 4, partition);
  const client = test.startV2();
  client.say({ type: "subscribe", topics: [TOPIC], partitions: [0], from: "earliest" });
  await records(client, 4);
  client.session.announceDraining(0);
  const { resume } = await frame(client, "position");
  const other = test.startV2();
  other.say({ type: "subscribe", topics: [TOPIC], partitions: [0, 1], resume });
  const { recovered, partitions } = await frame(other, "subscribed");
  assert.equal(recovered, false);
  assert.deepEqual(partitions.map(({ next }) => next).sort(), ["4", "4"]);
});
