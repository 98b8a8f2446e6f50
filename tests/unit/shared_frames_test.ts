import assert from "node:assert/strict";
import type { Slice } from "../../src/core/chunk.ts";
import type { Frame } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { ChunkCache } from "../../src/log/chunk_cache.ts";
import { type FrameEncoder, SharedFrames } from "../../src/log/shared_frames.ts";

function slice(): Slice {
  const chunk = { topic: "t", partition: 0, from: 0n, next: 9n, end: 9n, batches: [], bytes: 10 };
  return { chunk, from: 0n };
}

function frame(name: string): Frame {
  return {
    data: name,
    bytes: name.length,
    topic: "t",
    partition: 0,
    next: 1n,
    records: 1,
    payloadBytes: 1,
  };
}

type Step = Frame | undefined | Error | Promise<Frame | undefined>;

/** An encoder that goes through these steps, and how often it was asked. */
function encoderOf(steps: Step[]): FrameEncoder & { asked: number } {
  return {
    asked: 0,
    next() {
      const step = steps[this.asked++];
      if (step instanceof Error) throw step;
      return step;
    },
  };
}

async function names(encoder: FrameEncoder): Promise<unknown[]> {
  const names = [];
  for (let next = await encoder.next(); next !== undefined; next = await encoder.next()) {
    names.push(next.data);
  }
  return names;
}

Deno.test("SharedFrames.open() makes each frame once, any number of readers", async () => {
  const frames = new SharedFrames(new ChunkCache(1000));
  const encoder = encoderOf([frame("a"), frame("b"), undefined]);
  const own = slice();
  const [one, other] = [0, 1].map(() => frames.open(own, "v1", () => encoder));
  assert.deepEqual(await names(one), ["a", "b"]);
  assert.deepEqual(await names(other), ["a", "b"]);
  assert.equal(await one.next(), undefined);
  assert.equal(encoder.asked, 3);
});

Deno.test("SharedFrames.open() gives the very same frame to readers side by side", async () => {
  const frames = new SharedFrames(new ChunkCache(1000));
  const encoder = encoderOf([frame("a"), frame("b"), undefined]);
  const own = slice();
  const [one, other] = [0, 1].map(() => frames.open(own, "v1", () => encoder));
  assert.equal(await one.next(), await other.next());
  assert.equal(await other.next(), await one.next());
  assert.equal(encoder.asked, 2);
});

Deno.test("SharedFrames.open() makes frames anew, another format or another chunk", async () => {
  const frames = new SharedFrames(new ChunkCache(1000));
  const own = slice();
  const open = (slice: Slice, key: string, name: string) =>
    frames.open(slice, key, () => encoderOf([frame(name), undefined]));
  assert.deepEqual(await names(open(own, "v1", "a")), ["a"]);
  assert.deepEqual(await names(open(own, "v2", "b")), ["b"]);
  assert.deepEqual(await names(open(slice(), "v1", "c")), ["c"]);
  assert.deepEqual(await names(open(own, "v1", "d")), ["a"]);
});

Deno.test("SharedFrames.open() waits once, readers that come while a batch is being opened", async () => {
  const frames = new SharedFrames(new ChunkCache(1000));
  const opening = Promise.withResolvers<Frame | undefined>();
  const encoder = encoderOf([opening.promise, frame("b"), undefined]);
  const own = slice();
  const readers = [0, 1, 2].map(() => frames.open(own, "v1", () => encoder));
  const reading = readers.map(names);
  assert.equal(encoder.asked, 1);
  opening.resolve(frame("a"));
  assert.deepEqual(await Promise.all(reading), [["a", "b"], ["a", "b"], ["a", "b"]]);
  assert.equal(encoder.asked, 3);
});

Deno.test("SharedFrames.open() gives the failure to all readers, one that comes later", async () => {
  const frames = new SharedFrames(new ChunkCache(1000));
  const opening = Promise.withResolvers<Frame | undefined>();
  const encoder = encoderOf([frame("a"), opening.promise, frame("after the failure")]);
  const own = slice();
  const readers = [0, 1].map(() => frames.open(own, "v1", () => encoder));
  const reading = readers.map(names);
  opening.reject(new ProxyError("corrupt_batch", "Cannot decompress a gzip batch"));
  const failure = { name: "ProxyError", code: "corrupt_batch" };
  for (const each of reading) await assert.rejects(each, failure);
  await assert.rejects(names(frames.open(own, "v1", () => encoder)), failure);
});

Deno.test("SharedFrames.open() charges the cache for each frame once, while the chunk is kept", async () => {
  const cache = new ChunkCache(1000);
  const frames = new SharedFrames(cache);
  const own = slice();
  cache.add(own.chunk, { evict: () => {}, demand: () => () => 0 });
  const encoder = encoderOf([frame("abc"), frame("de"), undefined]);
  for (let i = 0; i < 3; i++) await names(frames.open(own, "v1", () => encoder));
  assert.equal(cache.bytes, 15);
  const gone = slice();
  await names(frames.open(gone, "v1", () => encoderOf([frame("abc"), undefined])));
  assert.equal(cache.bytes, 15);
});
