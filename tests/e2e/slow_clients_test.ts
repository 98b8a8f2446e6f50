import assert from "node:assert/strict";
import { measureStall, MOST_GROWTH_BYTES } from "../bench/stalled_memory.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { parseFrame } from "../support/record_client.ts";
import { type PeerClose, StuckPeer } from "../support/stuck_peer.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

/** On the wire a record of 100 bytes takes about so many. */
const RECORD_BYTES = 125;

const MOST_FRAME_BYTES = 256 << 10;

/** What one socket of few may hold before the operating system has taken it, and a frame more. */
const MOST_BUFFERED_BYTES = (1 << 20) + MOST_FRAME_BYTES;

/** Reads to the end; says where the stream ended and how. */
async function readOut(peer: StuckPeer, from: bigint): Promise<{ next: bigint; end?: PeerClose }> {
  const history = new History({ from });
  const end = await peer.readToEnd((text) => {
    for (const { offset } of parseFrame(text)) history.add(0, offset);
  });
  history.verify();
  return { next: history.next() ?? from, end };
}

Deno.test("a slow client that is a real TCP peer which stops reading is closed after the stall time-out, others are unaffected", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "stuck";
  const count = 300_000;
  await helper.createTopic(topic);
  await helper.produce({ topic, count });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, stallTimeoutMs: 1_000 });
  const query = { topic, consumerGroup: "", offset: 0 };
  using stuck = await StuckPeer.connect(proxy.at(query));
  using alsoStuck = await StuckPeer.connect(proxy.at({ ...query, encoding: "base64" }));

  await using reading = await proxy.connect(query, { keep: false });
  await reading.until(count);
  reading.verify();

  await eventually("both to be given up", () => proxy.events.count("stalled") === 2);
  assert.equal(proxy.events.count("session_closed"), 2);
  await helper.produce({ topic, count: 1_000, startNumber: count });
  await reading.until(count + 1_000);
  assert.equal(reading.closeInfo, undefined);

  const { next, end } = await readOut(stuck, 0n);
  assert.deepEqual(end, { code: 4408, reason: "stalled: no byte taken for 1 s" });
  assert.ok(next > 0n && next < BigInt(count), `it got ${next} of ${count} records`);
  stuck[Symbol.dispose]();
  alsoStuck[Symbol.dispose]();
  await eventually("their sockets to go", () => proxy.proxy.sockets === 1);
});

Deno.test("a slow client of a group is given up, and its next connection goes on where it was committed", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "stuck-group";
  const count = 300_000;
  await helper.createTopic(topic);
  await helper.produce({ topic, count });
  await using proxy = await startProxy({
    kafka: kafka.bootstrap,
    stallTimeoutMs: 500,
    commitIntervalMs: 50,
  });
  const query = { topic, consumerGroup: "stuck-group" };
  using stuck = await StuckPeer.connect(proxy.at(query));
  await eventually("it to be given up", () => proxy.events.count("stalled") === 1);
  const [{ offset: committed }] = await helper.groupOffsets("stuck-group");

  const { next, end } = await readOut(stuck, 0n);
  assert.equal(end?.code, 4408);
  assert.ok(BigInt(committed) <= next, `${committed} is committed, ${next} was taken: a loss`);
  const repeatedBytes = (Number(next) - committed) * RECORD_BYTES;
  assert.ok(repeatedBytes < MOST_BUFFERED_BYTES, `${repeatedBytes} bytes will come again`);

  await using back = await proxy.connect(query, { keep: false });
  await back.until((it) => it.next === BigInt(count));
  back.verify();
  assert.equal(back.next! - BigInt(back.count), BigInt(committed));
});

Deno.test("a slow client of a group: what is committed is what the operating system took", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "stuck-killed";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 300_000 });
  const args = ["--kafka", kafka.bootstrap, "--commit-interval-ms", "50"];
  await using proxy = await ProxyProcess.start({ args });
  await proxy.event("kafka_connected");
  using stuck = await StuckPeer.connect(`${proxy.url}?topic=${topic}&consumerGroup=${topic}`);
  let [committed, sinceMs] = [0, 0];
  await eventually("the position to stand still", async () => {
    const offset = (await helper.groupOffsets(topic))[0]?.offset ?? 0;
    if (offset !== committed) [committed, sinceMs] = [offset, performance.now()];
    return committed > 0 && performance.now() - sinceMs > 500;
  });
  // What the process still had dies with it; what the operating system took arrives.
  proxy.signal("SIGKILL");
  await proxy.ended();
  const { next } = await readOut(stuck, 0n);
  assert.ok(BigInt(committed) <= next, `${committed} is committed, ${next} was taken: a loss`);
  const behindBytes = (Number(next) - committed) * RECORD_BYTES;
  assert.ok(behindBytes < MOST_FRAME_BYTES, `${committed} is committed, ${next} was taken`);
});

Deno.test("a slow client that reads on, however slowly, gets everything", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "slow";
  const count = 150_000;
  await helper.createTopic(topic);
  await helper.produce({ topic, count });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, stallTimeoutMs: 500 });
  const history = new History({ from: 0n });
  using slow = await StuckPeer.connect(proxy.at({ topic, consumerGroup: "", offset: 0 }));
  const startMs = performance.now();
  while (history.next() !== BigInt(count)) {
    const message = await slow.read();
    if (typeof message !== "string") throw new Error(`Ended by ${JSON.stringify(message)}`);
    for (const { offset } of parseFrame(message)) history.add(0, offset);
    // It is the slowness of the client that is tried here, not waited for.
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  history.verify();
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs > 1_000, `the time-out had come twice in ${tookMs} ms`);
  assert.equal(proxy.events.count("stalled"), 0);
});

Deno.test("with a client that stops reading for 5 s on a full-speed topic the process grows by less than 32 MB", async () => {
  const { kafka, helper } = await sharedKafka();
  const { startBytes, mostBytes, produced } = await measureStall({
    kafka: kafka.bootstrap,
    helper,
    topic: "stalled",
    warmMs: 2_000,
    stallMs: 5_000,
  });
  assert.ok(produced > 10_000, `the topic grew by ${produced} records`);
  const grown = mostBytes - startBytes;
  assert.ok(grown < MOST_GROWTH_BYTES, `${startBytes} bytes grew by ${grown}`);
});
