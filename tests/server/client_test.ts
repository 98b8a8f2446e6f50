import assert from "node:assert/strict";
import { PASSING_CODES } from "../../src/client/live_subscription.ts";
import { ClientError, KafkaProxyClient, type ProduceError } from "../../src/client/mod.ts";
import type { ClientState, Gap } from "../../src/client/mod.ts";
import { ERROR_TABLE } from "../../src/core/error_table.ts";
import { FakeWorld } from "../support/client_contract/fake_world.ts";
import { inDeno } from "../support/client_contract/runtimes.ts";
import { eventually } from "../support/eventually.ts";
import { type FakeV2Options, FakeV2Server } from "../support/fake_v2_server.ts";

const PAUSES = { firstMs: 10, mostMs: 100, restartMs: 50 };

function serve(options: FakeV2Options = {}): FakeV2Server {
  return new FakeV2Server({ topics: { orders: 1 }, ...options });
}

async function errorOf(run: () => Promise<unknown>): Promise<ClientError> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof ClientError, `${error}`);
    return error;
  }
  throw new Error("it did not fail");
}

/** Offsets of so many records. */
async function take(
  records: AsyncIterable<{ offset: bigint }>,
  count: number,
): Promise<bigint[]> {
  const offsets: bigint[] = [];
  for await (const { offset } of records) {
    offsets.push(offset);
    if (offsets.length === count) break;
  }
  return offsets;
}

for (const code of [1003, 1007, 1008, 1009, 4400, 4403, 4404, 4409, 4416]) {
  Deno.test(`KafkaProxyClient is over for good after ${code}`, async () => {
    await using world = new FakeWorld({ topics: { orders: 1 } });
    world.server.fill("orders", 5);
    const output = await inDeno("final", { url: world.url, topic: "orders" }, async (order) => {
      assert.equal(order, "close");
      world.server.close(code, "no");
      await eventually("the socket to be gone", () => world.server.sockets === 0);
    });
    const states = output.states as string[];
    assert.ok(!states.includes("offline"), `${states}`);
    assert.equal(states.at(-1), "closed");
    assert.deepEqual(
      { error: output.error, closeCode: output.closeCode, late: output.late },
      { error: "closed", closeCode: code, late: "failed" },
    );
    assert.equal(world.server.accepted, 1);
  });
}

for (const code of [1001, 1011, 1012, 1013, 4408, 4429, 4999]) {
  Deno.test(`KafkaProxyClient comes back after ${code}`, async () => {
    await using server = serve();
    server.fill("orders", 10);
    await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
    const records = client.subscribe({ topics: ["orders"], from: "earliest" });
    const offsets: bigint[] = [];
    for await (const { offset } of records) {
      offsets.push(offset);
      if (offset === 9n) {
        server.close(code);
        server.fill("orders", 10, { from: 10 });
      }
      if (offset === 19n) break;
    }
    assert.deepEqual(offsets, Array.from({ length: 20 }, (_, i) => BigInt(i)));
    assert.equal(server.accepted, 2);
  });
}

Deno.test("KafkaProxyClient says how it stands, from connecting to closed", async () => {
  await using server = serve();
  server.fill("orders", 10);
  const client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const states: ClientState[] = [];
  const watching = (async () => {
    for await (const state of client.states()) states.push(state);
  })();
  const subscription = client.subscribe({ topics: ["orders"], from: "earliest", credit: 5 });
  await take(subscription[Symbol.asyncIterator](), 9);
  await eventually("it to be live", () => client.state === "live");
  await server.stop();
  await eventually("it to be offline", () => client.state === "offline");
  assert.match(client.trouble ?? "", /^Closed with 1001: stopping$|^Cannot connect/);
  server.start();
  await eventually("it to be live again", () => client.state === "live");
  await client.close();
  await watching;
  const short = states.filter((state, i) => state !== states[i - 2] || i < 2);
  assert.deepEqual(states[0], "connecting");
  assert.ok(short.includes("catching up") || short.includes("live"));
  assert.deepEqual(states.at(-1), "closed");
  assert.equal(await client.states().next().then(({ value }) => value), "closed");
});

Deno.test("KafkaProxyClient asks for a fresh token when one is refused, and connects", async () => {
  await using world = new FakeWorld({ topics: { orders: 1 }, tokens: new Set(["new", "newer"]) });
  const input = { url: world.url, topic: "orders", tokens: ["old", "new", "newer"] };
  const output = await inDeno("renew", input, () => {
    world.server.options.tokens!.delete("new");
    world.server.close(4401, "expired");
    return Promise.resolve();
  });
  assert.deepEqual(
    (output.states as string[]).filter((state) => state === "live").length,
    2,
    `${output.states}`,
  );
  assert.equal((output.states as string[]).at(-1), "closed");
});

Deno.test("KafkaProxyClient gives up when a fresh token is refused too", async () => {
  await using server = serve({ tokens: new Set(["other"]) });
  let asked = 0;
  const client = new KafkaProxyClient(server.url, {
    pauses: PAUSES,
    token: () => `wrong ${++asked}`,
  });
  const error = await errorOf(() => take(client.subscribe({ topics: ["orders"] }), 1));
  assert.equal(error.code, "closed");
  assert.equal(error.closeCode, 4401);
  assert.equal(asked, 2);
  assert.equal(client.state, "closed");
});

Deno.test("KafkaProxyClient gives up at once without a token to renew", async () => {
  await using server = serve({ tokens: new Set(["other"]) });
  const client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const error = await errorOf(() => take(client.subscribe({ topics: ["orders"] }), 1));
  assert.equal(error.closeCode, 4401);
  assert.equal(server.refused, 2, "the handshake, and the question why");
});

Deno.test("KafkaProxyClient renews its token over the socket when it expires soon", async () => {
  await using server = serve({ tokens: new Set(["a1"]) });
  let asked = 0;
  await using client = new KafkaProxyClient(server.url, { token: () => `a${++asked}` });
  await eventually("it to be live", () => client.state === "live");
  server.broadcast({ type: "expiring", inMs: 60_000 });
  const frame = await eventually(
    "a new token",
    () => server.frames.find(({ type }) => type === "auth"),
  );
  assert.equal(frame.token, "a2");
  assert.equal(server.accepted, 1);
});

Deno.test("KafkaProxyClient comes back when its token callback fails", async () => {
  await using server = serve();
  let asked = 0;
  await using client = new KafkaProxyClient(server.url, {
    pauses: { firstMs: 400 },
    token: () => {
      if (++asked < 2) throw new Error("no token now");
      return "x";
    },
  });
  await eventually("it to be offline", () => client.state === "offline");
  assert.match(client.trouble ?? "", /^There is no token: Error: no token now$/);
  await eventually("it to be live", () => client.state === "live");
});

Deno.test("KafkaProxyClient refuses what is no address of a server", () => {
  assert.throws(() => new KafkaProxyClient("ftp://host/"), /Cannot connect to "ftp:\/\/host\/"/);
  assert.throws(() => new KafkaProxyClient("orders"), TypeError);
});

Deno.test("KafkaProxyClient ends with its signal, subscriptions and produces too", async () => {
  await using server = serve();
  const controller = new AbortController();
  const client = new KafkaProxyClient(server.url, { signal: controller.signal });
  const reading = take(client.subscribe({ topics: ["orders"] }), 1);
  await eventually("it to be live", () => client.state === "live");
  controller.abort();
  assert.deepEqual(await reading, []);
  assert.equal(client.state, "closed");
  const error = await errorOf(() => client.produce("orders", { value: "x" }));
  assert.equal((error as ProduceError).outcome, "failed");
  await eventually("the socket to be gone", () => server.sockets === 0);
});

Deno.test("subscribe() ends with its own signal and leaves the others", async () => {
  await using server = serve();
  server.fill("orders", 3);
  await using client = new KafkaProxyClient(server.url);
  const controller = new AbortController();
  const topics = ["orders"];
  const one = take(client.subscribe({ topics, signal: controller.signal }), 1);
  const other = client.subscribe({ topics, from: "earliest" });
  await take({ [Symbol.asyncIterator]: () => ({ next: other[Symbol.asyncIterator]().next }) }, 1);
  controller.abort("enough");
  const error = await errorOf(() => one);
  assert.equal(error.code, "aborted");
  assert.equal(error.cause, "enough");
  assert.deepEqual(await take(other, 2), [1n, 2n]);
  const late = client.subscribe({ topics, signal: controller.signal });
  assert.equal((await errorOf(() => take(late, 1))).code, "aborted");
});

Deno.test("subscribe() gives keys, values and headers as they are, nulls and bytes too", async () => {
  await using server = serve();
  const bytes = new Uint8Array([0, 255, 128]);
  await using client = new KafkaProxyClient(server.url);
  await client.produce("orders", [
    { key: "k", value: "Äpfel 🍏", headers: [["a", "1"], ["a", null], ["", bytes]] },
    { value: null, timestamp: 5 },
    { key: bytes, value: bytes },
    { key: "", value: "" },
  ]);
  const records = client.subscribe({
    topics: ["orders"],
    from: 0n,
    until: "end",
    decode: (value) => value.slice(),
    decodeKey: (key) => [...key],
  });
  const found = [];
  for await (const { key, value, headers, offset } of records) {
    found.push({ key, value: value && [...value], headers: headers.length, offset });
    if (offset === 0n) {
      assert.deepEqual(headers[0][1], new TextEncoder().encode("1"));
      assert.deepEqual(headers[1], ["a", null]);
      assert.deepEqual(new Uint8Array(headers[2][1]!), bytes);
      assert.equal(new TextDecoder().decode(value!), "Äpfel 🍏");
    }
  }
  assert.deepEqual(found.slice(1), [
    { key: null, value: null, headers: 0, offset: 1n },
    { key: [0, 255, 128], value: [0, 255, 128], headers: 0, offset: 2n },
    { key: [], value: [], headers: 0, offset: 3n },
  ]);
});

Deno.test("subscribe() has the server pause while more bytes wait than it was told", async () => {
  await using server = serve();
  const value = new Uint8Array(1_000);
  const count = 60_000;
  const { records } = server.partition("orders");
  for (let i = 0; i < count; i++) records.push({ key: null, value, headers: [], timestamp: i });
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const subscription = client.subscribe({
    topics: ["orders"],
    from: "earliest",
    credit: count,
    maxHeldBytes: 1_000_000,
  });
  const types = () => server.frames.map(({ type }) => type);
  await eventually("a pause", () => types().includes("pause"));
  await eventually("what was sent to be here", () => {
    return subscription.heldRecords === server.sentRecords;
  });
  assert.ok(subscription.heldRecords < count / 2, `${subscription.heldRecords} records wait`);
  assert.equal(types().includes("continue"), false);

  server.close(1012);
  await eventually("it to be back", () => types().filter((each) => each === "pause").length === 2);
  let next = 0n;
  for await (const { offset } of subscription) {
    assert.equal(offset, next++);
    if (next === BigInt(count)) break;
  }
  assert.ok(types().includes("continue"));
  assert.deepEqual(server.violations, []);
});

Deno.test("subscribe() ends with what the server says of it, the others go on", async () => {
  await using server = serve();
  server.fill("orders", 1);
  await using client = new KafkaProxyClient(server.url);
  const other = take(client.subscribe({ topics: ["orders"], from: "earliest" }), 1);
  const missing = client.subscribe({ topics: ["ordres"] });
  assert.equal((await errorOf(() => take(missing, 1))).code, "unknown_topic");
  const bad = client.subscribe({ topics: ["orders"], from: 99n });
  assert.equal((await errorOf(() => take(bad, 1))).code, "out_of_range");
  assert.deepEqual(await other, [0n]);
  const waiting = client.subscribe({ topics: ["orders"] });
  const reading = errorOf(() => take(waiting, 1));
  await eventually(
    "the subscription",
    () => server.frames.filter(({ type }) => type === "subscribe").length === 4,
  );
  server.broadcastToSubscriptions({ type: "ended", code: "taken_over", message: "by another" });
  assert.equal((await reading).message, "by another");
});

Deno.test("PASSING_CODES are what may pass without a change, but for a client's own excess", () => {
  const retriable = Object.entries(ERROR_TABLE)
    .filter(([, row]) => row.retriable).map(([code]) => code);
  const ofConnections = ["credentials_unavailable"];
  const excesses = ["overdrawn", "too_many_requests", "too_many_subscriptions"];
  const all = [...PASSING_CODES, ...ofConnections, ...excesses];
  assert.deepEqual(all.toSorted(), retriable.toSorted());
});

Deno.test("subscribe() begins again by itself, the reason may pass", async () => {
  await using server = serve();
  server.fill("orders", 2);
  await using client = new KafkaProxyClient(server.url);
  const records = client.subscribe({ topics: ["orders"], from: "earliest" });
  const offsets: bigint[] = [];
  for await (const { offset } of records) {
    offsets.push(offset);
    if (offset === 1n) {
      server.broadcastToSubscriptions({ type: "ended", code: "kafka_unavailable", message: "" });
      server.fill("orders", 2, { from: 2 });
    }
    if (offset === 3n) break;
  }
  assert.deepEqual(offsets, [0n, 1n, 2n, 3n]);
  assert.equal(server.accepted, 1);
});

Deno.test("subscribe() tells of records that retention took while it was away", async () => {
  await using server = serve();
  server.fill("orders", 5);
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const gaps: Gap[] = [];
  const records = client.subscribe({
    topics: ["orders"],
    from: "earliest",
    onGap: (gap) => gaps.push(gap),
  });
  const offsets: bigint[] = [];
  for await (const { offset } of records) {
    offsets.push(offset);
    if (offset === 4n) {
      await server.stop();
      server.fill("orders", 10, { from: 5 });
      server.partition("orders").earliest = 8n;
      server.start();
    }
    if (offset === 14n) break;
  }
  assert.deepEqual(offsets, [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14].map(BigInt));
  assert.deepEqual(gaps, [
    { topic: "orders", partition: 0, from: 5n, to: 8n, reason: "retention" },
  ]);
});

Deno.test("subscribe() fails at a gap that nobody asked to be told of", async () => {
  await using server = serve();
  server.fill("orders", 5);
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const records = client.subscribe({ topics: ["orders"], from: "earliest" });
  const offsets: bigint[] = [];
  const error = await errorOf(async () => {
    for await (const { offset } of records) {
      offsets.push(offset);
      if (offset !== 4n) continue;
      await server.stop();
      server.fill("orders", 10, { from: 5 });
      server.partition("orders").earliest = 8n;
      server.start();
    }
  });
  assert.equal(error.code, "gap");
  assert.equal(offsets.length, 5);
});

Deno.test("subscribe() tells of records that retention took while it was slow", async () => {
  await using server = serve();
  server.fill("orders", 5);
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const gaps: Gap[] = [];
  const records = client.subscribe({
    topics: ["orders"],
    from: "earliest",
    onGap: (gap) => gaps.push(gap),
  });
  const offsets: bigint[] = [];
  for await (const { offset } of records) {
    offsets.push(offset);
    if (offset === 4n) {
      server.broadcastToSubscriptions({ type: "ended", code: "out_of_range", message: "" });
      server.partition("orders").earliest = 8n;
      server.fill("orders", 10, { from: 5 });
    }
    if (offset === 14n) break;
  }
  assert.deepEqual(offsets, [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14].map(BigInt));
  assert.deepEqual(gaps.map(({ from, to }) => [from, to]), [[5n, 8n]]);
  assert.equal(server.accepted, 1);
});

Deno.test("subscribe() tells of records that retention took before it began", async () => {
  await using server = serve({ positionMs: 0 });
  server.fill("orders", 10);
  const topics = ["orders"];
  await using one = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const first = one.subscribe({ topics, from: "earliest" });
  await take(first, 10);
  const resume = await eventually("a token", () => first.resumeToken);
  server.fill("orders", 10, { from: 10 });
  server.partition("orders").earliest = 15n;
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const gaps: Gap[] = [];
  const told = client.subscribe({ topics, resume, onGap: (gap) => gaps.push(gap) });
  assert.deepEqual(await take(told, 1), [15n]);
  assert.deepEqual(gaps, [
    { topic: "orders", partition: 0, from: 10n, to: 15n, reason: "retention" },
  ]);
  const error = await errorOf(() => take(client.subscribe({ topics, resume }), 1));
  assert.equal(error.code, "gap");
  const asked = client.subscribe({ topics, resume, onRange: "earliest" });
  assert.deepEqual(await take(asked, 1), [15n]);
});

Deno.test("subscribe() knows a topic that was created anew from what it was", async () => {
  await using server = serve({ positionMs: 0 });
  server.fill("orders", 5);
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const gaps: Gap[] = [];
  const records = client.subscribe({
    topics: ["orders"],
    from: "earliest",
    onGap: (gap) => gaps.push(gap),
  });
  const offsets: bigint[] = [];
  for await (const { offset } of records) {
    offsets.push(offset);
    if (offsets.length === 5) {
      await eventually("a token", () => records.resumeToken);
      await server.stop();
      server.create("orders");
      server.fill("orders", 3);
      server.start();
    }
    if (offsets.length === 8) break;
  }
  assert.deepEqual(offsets, [0n, 1n, 2n, 3n, 4n, 0n, 1n, 2n]);
  assert.deepEqual(gaps.map(({ reason, to }) => ({ reason, to })), [
    { reason: "recreated", to: 0n },
  ]);
});

Deno.test("resumeToken continues in another client after what was consumed, no further", async () => {
  await using server = serve({ positionMs: 0 });
  server.fill("orders", 1_000);
  const topics = ["orders"];
  await using one = new KafkaProxyClient(server.url);
  const first = one.subscribe({ topics, from: "earliest", credit: 10 });
  const offsets: bigint[] = [];
  for await (const { offset } of first) {
    offsets.push(offset);
    if (first.resumeToken !== undefined && offsets.length > 100) break;
  }
  await using other = new KafkaProxyClient(server.url);
  const rest = other.subscribe({ topics, resume: first.resumeToken, until: "end" });
  for await (const { offset } of rest) offsets.push(offset);
  const distinct = new Set(offsets);
  assert.equal(distinct.size, 1_000);
  assert.ok(offsets.length < 1_100, `${offsets.length - 1_000} came twice`);
});

Deno.test("ack() and flush() commit through a group's balanced partitions", async () => {
  await using server = serve();
  server.fill("orders", 10);
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const records = client.subscribe({ topics: ["orders"], group: "g" });
  for await (const record of records) {
    if (record.offset === 6n) break;
    record.ack();
    if (record.offset === 5n) await records.flush();
  }
  assert.equal(server.commits.get("g")?.get("orders/0"), 6n);
  const again = client.subscribe({ topics: ["orders"], group: "g" });
  assert.deepEqual(await take(again, 1), [6n]);
  assert.deepEqual(server.violations, []);
});

Deno.test("flush() ends with its signal, and commits all the same", async () => {
  await using server = serve();
  server.fill("orders", 10);
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const records = client.subscribe({ topics: ["orders"], group: "g", partitions: [0] });
  for await (const record of records) {
    record.ack();
    if (record.offset < 9n) continue;
    const early = await errorOf(() => records.flush({ signal: AbortSignal.abort("no") }));
    assert.deepEqual([early.code, early.cause], ["aborted", "no"]);
    const stopping = new AbortController();
    const waiting = errorOf(() => records.flush({ signal: stopping.signal }));
    stopping.abort("enough");
    const late = await waiting;
    assert.deepEqual([late.code, late.cause], ["aborted", "enough"]);
    await eventually("the commit", () => server.commits.get("g")?.get("orders/0") === 10n);
    break;
  }
});

Deno.test("states() ends with its signal, and the client goes on", async () => {
  await using server = serve();
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const stopping = new AbortController();
  const states: ClientState[] = [];
  for await (const state of client.states({ signal: stopping.signal })) {
    states.push(state);
    if (state === "live") stopping.abort();
  }
  assert.deepEqual(states, ["connecting", "live"]);
  for await (const _ of client.states({ signal: stopping.signal })) assert.fail("it is aborted");
  assert.equal(client.state, "live");
});

Deno.test("close() tells a token callback that nobody waits for it any more", async () => {
  await using server = serve();
  let reason: unknown;
  const client = new KafkaProxyClient(server.url, {
    pauses: { firstMs: 60_000, mostMs: 60_000 },
    token: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(reason = signal.reason));
      }),
  });
  await eventually("it to be asked", () => client.state === "connecting");
  await client.close();
  assert.ok(reason instanceof Error);
  assert.equal(client.state, "closed");
  assert.equal(server.accepted, 0);
});

// Found by faults: the credit was spent on the other partition, and what was acknowledged had come
// over the connection before, so that both sides waited for the other.
Deno.test("flush() commits what an earlier connection brought, the credit spent on other partitions", async () => {
  await using server = serve({ topics: { orders: 2 } });
  server.fill("orders", 10, { partition: 1 });
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  const records = client.subscribe({
    topics: ["orders"],
    group: "g",
    partitions: [0, 1],
    credit: 10,
  });
  for await (const record of records) {
    if (record.partition === 0) continue;
    if (record.offset === 0n) {
      await eventually("all to be received", () => records.heldRecords === 9);
      server.fill("orders", 100, { partition: 0 });
      server.close(1011);
      await eventually("the next connection's records", () => server.sentRecords > 10);
    }
    record.ack();
    if (record.offset < 9n) continue;
    await eventually("the credit to be spent", () => records.heldRecords > 5);
    server.refusedSeeks = 1;
    const refused = await errorOf(() => records.flush());
    assert.equal(refused.code, "kafka_unavailable");
    await records.flush();
    break;
  }
  assert.equal(server.commits.get("g")?.get("orders/1"), 10n);
  assert.deepEqual(server.violations, []);
});

Deno.test("produce() never overdraws its permits and gives places in order", async () => {
  await using server = serve({
    produceRecords: 3,
    produceBytes: 700,
    mostRecords: 7,
    mostBytes: 900,
  });
  await using client = new KafkaProxyClient(server.url);
  const values = Array.from({ length: 200 }, (_, i) => ({ value: `ü${i}`, key: `k${i}` }));
  const [many, ...single] = await Promise.all([
    client.produce("orders", values),
    ...values.slice(0, 20).map((record) => client.produce("orders", record)),
  ]);
  assert.deepEqual(many.map(({ offset }) => offset), values.map((_, i) => BigInt(i)));
  assert.deepEqual(
    single.map(({ offset }) => offset),
    values.slice(0, 20).map((_, i) => 200n + BigInt(i)),
  );
  assert.deepEqual(server.violations, []);
});

Deno.test("produce() says what was refused, and that it is not stored", async () => {
  await using server = serve({ produceBytes: 1_000, mostBytes: 2_000 });
  await using client = new KafkaProxyClient(server.url);
  const missing = await errorOf(() => client.produce("ordres", { value: "x" })) as ProduceError;
  assert.deepEqual([missing.code, missing.outcome], ["unknown_topic", "failed"]);
  const large = await errorOf(() =>
    client.produce("orders", [{ value: "a" }, { value: "x".repeat(3_000) }, { value: "b" }])
  ) as ProduceError;
  assert.deepEqual([large.code, large.outcome], ["too_large", "failed"]);
  assert.deepEqual(large.results.map((each) => "offset" in each), [true, false, true]);
  const wrong = await errorOf(() =>
    client.produce("orders", { value: "x", partition: 7 })
  ) as ProduceError;
  assert.deepEqual([wrong.code, wrong.outcome], ["unknown_partition", "failed"]);
  assert.equal(server.partition("orders").records.length, 2);
});

Deno.test("produce() calls what was not answered unknown, and never sends it again", async () => {
  await using server = serve();
  await using client = new KafkaProxyClient(server.url, { pauses: PAUSES });
  await eventually("it to be live", () => client.state === "live");
  server.swallowsAnswers = true;
  const call = client.produce("orders", [{ value: "a" }, { value: "b" }]);
  const failing = errorOf(() => call);
  await eventually("the records", () => server.partition("orders").records.length === 2);
  await server.stop();
  const error = await failing as ProduceError;
  const waiting = client.produce("orders", { value: "c" });
  assert.deepEqual([error.code, error.outcome], ["lost", "unknown"]);
  assert.equal(error.results.length, 2);
  server.swallowsAnswers = false;
  server.start();
  assert.equal((await waiting).offset, 2n, "what was not sent goes out over the next connection");
  assert.equal(server.partition("orders").records.length, 3);
});

Deno.test("produce() ends with its signal, unknown only when it was sent", async () => {
  await using server = serve({ produceRecords: 1, mostRecords: 1 });
  await using client = new KafkaProxyClient(server.url);
  await eventually("it to be live", () => client.state === "live");
  server.swallowsAnswers = true;
  const controller = new AbortController();
  const { signal } = controller;
  const calls = [1, 2].map((i) =>
    errorOf(() => client.produce("orders", { value: `${i}` }, { signal }))
  );
  await eventually("the first record", () => server.partition("orders").records.length === 1);
  controller.abort("enough");
  const [sent, unsent] = await Promise.all(calls) as ProduceError[];
  assert.deepEqual([sent.outcome, sent.code, sent.cause], ["unknown", "aborted", "enough"]);
  assert.equal(unsent.outcome, "failed");
  assert.equal(server.partition("orders").records.length, 1);
});
