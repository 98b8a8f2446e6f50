import assert from "node:assert/strict";
import type { Slice } from "../../src/core/chunk.ts";
import { SharedFrames } from "../../src/log/shared_frames.ts";
import { FramePump, type PumpOptions } from "../../src/session/frame_pump.ts";
import { Gate } from "../../src/session/gate.ts";
import { v1FrameFormat } from "../../src/session/v1_frame_format.ts";
import { Pacer } from "../../src/stream/pacer.ts";
import { TOPIC } from "../support/array_reader.ts";
import { PLAIN_FORMAT } from "../support/encoded_frames.ts";
import { eventLoopTurns } from "../support/event_loop.ts";
import { eventually } from "../support/eventually.ts";
import { ManualSink } from "../support/manual_sink.ts";
import { TestLog } from "../support/test_log.ts";

/** A running pump over a log of two partitions and a sink. */
class TestPump implements AsyncDisposable {
  readonly test = new TestLog({ partitions: 2 });
  readonly sink = new ManualSink();
  readonly stopping = new AbortController();
  /** Positions as they were reached. */
  readonly reached: string[] = [];
  readonly pump: FramePump;
  #running: Promise<void> | undefined;

  constructor(options: Partial<PumpOptions> = {}) {
    const { log } = this.test;
    this.pump = new FramePump({
      topic: TOPIC,
      isolation: "committed",
      log,
      frames: new SharedFrames(log.cache),
      sink: this.sink,
      format: v1FrameFormat({ ...PLAIN_FORMAT, partition: true }),
      pacer: new Pacer(undefined, 0),
      mayGo: () => true,
      onReached: (partition, next) => void this.reached.push(`${partition}:${next}`),
      onFrame: () => {},
      ...options,
    }, this.stopping.signal);
  }

  run(): Promise<void> {
    return this.#running ??= this.pump.run();
  }

  /** Waits until so many records were sent. */
  async records(count: number): Promise<void> {
    await eventually(`${count} records`, () => this.sink.offsets.length >= count, { everyMs: 1 });
  }

  /** What was sent, as partition and offset. */
  get sent(): string[] {
    return this.sink.frames.flatMap((frame) => JSON.parse(frame))
      .map(({ partition, offset }) => `${partition}:${offset}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping.abort();
    await this.#running?.catch(() => {});
    await this.test[Symbol.asyncDispose]();
  }
}

const one = (partition: number, offset: bigint) => new Map([[partition, offset]]);

Deno.test("FramePump.run() sends nothing, before anything is assigned", async () => {
  await using test = new TestPump();
  test.test.reader.fill(1, 10);
  void test.run();
  await eventLoopTurns(10);
  assert.deepEqual(test.sent, []);
  assert.equal(test.test.reader.fetches.length, 0);
});

Deno.test("FramePump.assign() starts partitions at their offsets, running or not", async () => {
  await using test = new TestPump();
  test.test.reader.fill(1, 4, 0);
  test.test.reader.fill(1, 4, 1);
  test.pump.assign(one(0, 2n));
  void test.run();
  await test.records(2);
  test.pump.assign(one(1, 3n));
  await test.records(3);
  assert.deepEqual(test.sent, ["0:2", "0:3", "1:3"]);
  assert.deepEqual(test.reached.slice(-2), ["1:4", "1:4"]);
});

Deno.test("FramePump.partitions tells what came and went, each partition", async () => {
  await using test = new TestPump();
  test.test.reader.fill(1, 4, 0);
  test.pump.assign(new Map([[0, 1n], [1, 0n]]));
  void test.run();
  await test.records(3);
  await eventually("the end of the chunk", () => test.reached.length === 2, { everyMs: 1 });
  assert.deepEqual(
    [...test.pump.partitions].map(([partition, { next, received, sent }]) => [
      partition,
      next,
      received,
      sent,
    ]),
    [[0, 4n, 4, 3], [1, 0n, 0, 0]],
  );
});

Deno.test("FramePump.revoke() sends nothing more, in the middle of a chunk", async () => {
  await using test = new TestPump({
    format: v1FrameFormat({ ...PLAIN_FORMAT, partition: true, maxRecords: 1 }),
    pacer: new Pacer(undefined, 60_000),
  });
  test.test.reader.fill(1, 10);
  test.pump.assign(one(0, 0n));
  void test.run();
  await test.records(1);
  assert.deepEqual([...test.pump.revoke()], [[0, 1n]]);
  assert.equal(test.pump.partitions.size, 0);
  await eventLoopTurns(10);
  assert.deepEqual(test.sent, ["0:0"]);
  assert.deepEqual(test.reached, ["0:1"]);
});

Deno.test("FramePump.assign() goes on exactly, revoked and assigned again in the middle", async () => {
  const gate = Promise.withResolvers<void>();
  let frames = 0;
  await using test = new TestPump({
    format: v1FrameFormat({ ...PLAIN_FORMAT, partition: true, maxRecords: 3 }),
    mayGo: () => frames++ === 1 ? gate.promise : true,
  });
  test.test.reader.fill(2, 10);
  test.pump.assign(one(0, 0n));
  void test.run();
  await test.records(3);
  const kept = test.pump.revoke();
  assert.deepEqual([...kept], [[0, 3n]]);
  test.pump.assign(kept);
  gate.resolve();
  await test.records(20);
  assert.deepEqual(test.sink.offsets, [...Array(20).keys()]);
});

Deno.test("FramePump.run() sends nothing and pulls nothing, it may not go", async () => {
  let gate: PromiseWithResolvers<void> | undefined = Promise.withResolvers<void>();
  await using test = new TestPump({ mayGo: () => gate?.promise ?? true });
  test.test.reader.fill(20, 10);
  test.pump.assign(one(0, 0n));
  void test.run();
  await eventLoopTurns(20);
  assert.deepEqual(test.sent, []);
  assert.ok(test.test.reader.fetches.length <= 2);
  const { resolve } = gate;
  gate = undefined;
  resolve();
  await test.records(200);
  assert.deepEqual(test.sink.offsets, [...Array(200).keys()]);
});

Deno.test("FramePump.run() ends, the signal aborted while it may not go", async () => {
  const stopped = Promise.withResolvers<void>();
  await using test = new TestPump({ mayGo: () => stopped.promise });
  test.test.reader.fill(1, 10);
  test.pump.assign(one(0, 0n));
  const running = test.run();
  await eventLoopTurns(5);
  test.stopping.abort();
  stopped.resolve();
  await running;
  assert.deepEqual(test.sent, []);
});

Deno.test("FramePump.assign() takes nothing, the signal aborted", async () => {
  await using test = new TestPump();
  test.stopping.abort();
  test.pump.assign(one(0, 0n));
  assert.equal(test.pump.partitions.size, 0);
  assert.equal(test.test.log.size, 0);
  await test.run();
});

// The cursor has yielded them already when the partition is revoked, or assigned anew elsewhere.
Deno.test("FramePump.run() passes over slices from before a rebalance", async () => {
  await using other = new TestLog({ partitions: 2 });
  for (const partition of [0, 1]) other.reader.fill(1, 4, partition);
  const slices: Slice[] = [];
  for (const partition of [0, 1]) {
    const cursor = other.open(0, [partition]);
    slices.push((await cursor.next())!);
    cursor.close();
  }
  const cursor = {
    add: () => {},
    remove: () => {},
    close: () => {},
    isShared: () => false,
    next: () => Promise.resolve(slices.shift()),
  };
  const log = { open: () => cursor, log: () => undefined } as unknown as PumpOptions["log"];
  await using test = new TestPump({ log });
  // Partition 0 is not ours any more, and 1 was assigned again from another offset.
  test.pump.assign(one(1, 2n));
  await test.run();
  assert.deepEqual(test.sent, []);
  assert.deepEqual(test.reached, []);
});

// The gate is looked at once when the end comes; who came to it later waited for ever, and with it
// whoever was to have the partitions next.
Deno.test("FramePump.run() ends, stopped between the last frame of its credit and the next look", async () => {
  const gate = new Gate({ credit: 1, maxUnacked: Infinity, unacked: () => 0 });
  await using test = new TestPump({
    gate,
    pacer: new Pacer(undefined, 30),
    format: v1FrameFormat({ ...PLAIN_FORMAT, partition: true, maxRecords: 1 }),
  });
  test.test.reader.fill(1, 4);
  test.pump.assign(one(0, 0n));
  const running = test.run();
  await test.records(1);
  test.stopping.abort();
  await running;
  assert.deepEqual(test.sent, ["0:0"]);
});

Deno.test("FramePump.run() encodes for itself, a slice that begins inside a chunk", async () => {
  await using first = new TestPump();
  first.test.reader.fill(1, 4);
  const { log } = first.test;
  const sink = new ManualSink();
  const other = new FramePump({
    topic: TOPIC,
    isolation: "committed",
    log,
    frames: new SharedFrames(log.cache),
    sink,
    format: v1FrameFormat({ ...PLAIN_FORMAT, partition: true }),
    pacer: new Pacer(undefined, 0),
    mayGo: () => true,
    onReached: () => {},
    onFrame: () => {},
  }, first.stopping.signal);
  first.pump.assign(one(0, 0n));
  void first.run();
  await first.records(4);
  other.assign(one(0, 2n));
  const running = other.run();
  await eventually("two records", () => sink.offsets.length === 2, { everyMs: 1 });
  assert.deepEqual(sink.offsets, [2, 3]);
  first.stopping.abort();
  await running;
});
