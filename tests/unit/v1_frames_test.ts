import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { RecordBatch } from "../../src/core/chunk.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { type V1Format, v1FormatKey } from "../../src/protocol/v1_frames.ts";
import { buildBatch } from "../support/batch_builder.ts";
import { eventLoopTurns } from "../support/event_loop.ts";
import {
  allFrames,
  encoderOf,
  PLAIN_FORMAT,
  WIDE_FORMAT,
  wireBatches,
} from "../support/encoded_frames.ts";
import { wireBytes } from "../support/v1_reference.ts";

/** A batch of records with these values, from an offset on. */
function batch(baseOffset: bigint, ...values: string[]): RecordBatch {
  return wireBatches([{ baseOffset, records: values.map((value) => ({ value })) }])[0];
}

/** A batch that cannot be opened, now or later. */
function unreadable(baseOffset: bigint, when: "now" | "later"): RecordBatch {
  const error = new ProxyError("corrupt_batch", "Cannot decompress a gzip batch: it is cut short");
  return {
    ...batch(baseOffset),
    baseOffset,
    lastOffset: baseOffset,
    recordCount: 1,
    baseTimestampMs: 0n,
    maxTimestampMs: 0n,
    logAppendTime: false,
    open: () => {
      if (when === "later") return Promise.reject(error);
      throw error;
    },
  };
}

/** A batch whose last record is cut off. */
function cutShort(baseOffset: bigint, ...values: string[]): RecordBatch {
  const whole = batch(baseOffset, ...values);
  const bytes = whole.open() as Uint8Array;
  return Object.defineProperty(whole, "open", { value: () => bytes.subarray(0, -1) });
}

/** Offsets of a frame's entries. */
function offsets(data: string | Uint8Array): number[] {
  return JSON.parse(String(data)).map(({ offset }: { offset: number }) => offset);
}

async function cuts(batches: RecordBatch[], format: Partial<V1Format>, from = 0n) {
  const frames = await allFrames(encoderOf(batches, { ...PLAIN_FORMAT, ...format }, from));
  return frames.map(({ data }) => offsets(data));
}

Deno.test("V1FrameEncoder.next() is the original's frame, message and offset", async () => {
  const [frame] = await allFrames(encoderOf([batch(225107n, "hello one", "hello two")]));
  assert.deepEqual(frame, {
    data: '[{"message":"hello one","offset":225107},{"message":"hello two","offset":225108}]',
    bytes: 81,
    topic: "orders",
    partition: 7,
    next: 225109n,
    records: 2,
    payloadBytes: 18,
  });
});

Deno.test("V1FrameEncoder.next() adds the fields in their order, all asked for", async () => {
  const [{ data, payloadBytes }] = await allFrames(encoderOf(
    wireBatches([{
      baseOffset: 5n,
      baseTimestampMs: 1_790_000_000_000n,
      records: [{
        key: "k1",
        value: null,
        timestampDelta: -1n,
        headers: [["trace", "x"], ["trace", null], ["", "\u0000"]],
      }],
    }]),
    WIDE_FORMAT,
  ));
  assert.equal(
    data,
    '[{"message":null,"offset":5,"key":"k1","partition":7,"timestamp":1789999999999,' +
      '"headers":[["trace","x"],["trace",null],["","\\u0000"]]}]',
  );
  assert.equal(payloadBytes, 2 + 6 + 5 + 1);
});

Deno.test("V1FrameEncoder.next() shows the broker's time, log-append time", async () => {
  const [{ data }] = await allFrames(encoderOf(
    wireBatches([{
      baseOffset: 0n,
      records: [{ value: "a", timestampDelta: 5n }],
      logAppendTime: true,
      maxTimestampMs: 1_790_000_000_123n,
    }]),
    { ...PLAIN_FORMAT, timestamp: true },
  ));
  assert.equal(data, '[{"message":"a","offset":0,"timestamp":1790000000123}]');
});

Deno.test("V1FrameEncoder.next() is exact, offsets over 2^53 up to 2^63 - 1", async () => {
  const most = 2n ** 63n - 1n;
  for (const first of [2n ** 53n + 1n, most - 1n]) {
    const [{ data, next }] = await allFrames(encoderOf([batch(first, "a", "b")]));
    assert.equal(
      data,
      `[{"message":"a","offset":${first}},{"message":"b","offset":${first + 1n}}]`,
    );
    assert.equal(next, first + 2n);
  }
});

Deno.test("V1FrameEncoder.next() gives undefined, a chunk without records", async () => {
  assert.deepEqual(await allFrames(encoderOf([])), []);
  assert.deepEqual(await allFrames(encoderOf([batch(0n, "a")], PLAIN_FORMAT, 1n)), []);
});

Deno.test("V1FrameEncoder.next() begins at the wanted record, inside a batch of several", async () => {
  const batches = [batch(10n, "a", "b"), batch(12n, "c", "d"), batch(20n, "e")];
  assert.deepEqual(await cuts(batches, {}, 13n), [[13, 20]]);
  assert.deepEqual(await cuts(batches, {}, 14n), [[20]]);
});

Deno.test("V1FrameEncoder.next() cuts at maxBytes, exactly full and one over", async () => {
  const batches = [batch(0n, "aa", "bb", "cc")];
  assert.deepEqual(await cuts(batches, { maxBytes: 4 }), [[0, 1], [2]]);
  assert.deepEqual(await cuts(batches, { maxBytes: 5 }), [[0, 1], [2]]);
  assert.deepEqual(await cuts(batches, { maxBytes: 3 }), [[0], [1], [2]]);
  assert.deepEqual(await cuts(batches, { maxBytes: 6 }), [[0, 1, 2]]);
});

Deno.test("V1FrameEncoder.next() cuts at frameBytes, exactly full and one over", async () => {
  const batches = [batch(0n, "aa", "bb", "cc")];
  const twoBytes = '[{"message":"aa","offset":0},{"message":"bb","offset":1}]'.length;
  assert.deepEqual(await cuts(batches, { frameBytes: twoBytes }), [[0, 1], [2]]);
  assert.deepEqual(await cuts(batches, { frameBytes: twoBytes - 1 }), [[0], [1], [2]]);
});

Deno.test("V1FrameEncoder.next() cuts at maxRecords, across batches", async () => {
  const batches = [batch(0n, "a"), batch(1n, "b", "c"), batch(3n, "d")];
  assert.deepEqual(await cuts(batches, { maxRecords: 3 }), [[0, 1, 2], [3]]);
});

Deno.test("V1FrameEncoder.next() sends a record over maxBytes alone, between small ones", async () => {
  const batches = [batch(0n, "a", "b".repeat(50), "c", "d")];
  assert.deepEqual(await cuts(batches, { maxBytes: 10 }), [[0], [1], [2, 3]]);
});

Deno.test("V1FrameEncoder.next() sends records without bytes together, maxBytes 1", async () => {
  const batches = wireBatches([{ baseOffset: 0n, records: [{ value: null }, { value: "" }] }]);
  assert.deepEqual(await cuts(batches, { maxBytes: 1 }), [[0, 1]]);
});

for (const [what, byte] of [["control characters", 1], ["quotes", 0x22], ["text", 0x61]] as const) {
  Deno.test(`V1FrameEncoder.next() sends a value of 1.5 MiB whole, all ${what}`, async () => {
    const value = Buffer.alloc(1_572_864, byte);
    const batches = wireBatches([{
      baseOffset: 0n,
      records: [{ value: "before" }, { value }, { value: "after" }],
    }]);
    const frames = await allFrames(encoderOf(batches));
    assert.equal(frames.length, 3);
    assert.equal(
      frames[1].data,
      `[${JSON.stringify({ message: value.toString(), offset: 1 })}]`,
    );
    assert.equal(frames[1].bytes, wireBytes(frames[1].data));
    assert.equal(frames[1].payloadBytes, value.length);
    assert.equal(frames[2].data, '[{"message":"after","offset":2}]');
  });
}

Deno.test("V1FrameEncoder.next() sends headers of 1.5 MiB whole, all control characters", async () => {
  const value = Buffer.alloc(1_572_864, 1);
  const batches = wireBatches([{
    baseOffset: 0n,
    records: [{ value: "v", headers: [["h", value]] }],
  }]);
  const [frame] = await allFrames(encoderOf(batches, { ...PLAIN_FORMAT, headers: true }));
  const wanted = { message: "v", offset: 0, headers: [["h", value.toString()]] };
  assert.equal(frame.data, `[${JSON.stringify(wanted)}]`);
});

Deno.test("V1FrameEncoder.next() counts wire bytes, text that is not ASCII or not UTF-8", async () => {
  const batches = wireBatches([{
    baseOffset: 0n,
    records: [{ value: "ö" }, { value: Uint8Array.of(0xff, 0xff) }],
  }]);
  const [{ data, bytes }] = await allFrames(encoderOf(batches));
  assert.equal(data, '[{"message":"ö","offset":0},{"message":"\ufffd\ufffd","offset":1}]');
  assert.equal(bytes, wireBytes(data));
});

Deno.test("V1FrameEncoder.next() gives a promise, a batch that opens later", async () => {
  const later = batch(1n, "b", "c");
  const bytes = later.open();
  Object.defineProperty(later, "open", { value: () => Promise.resolve(bytes) });
  const encoder = encoderOf([batch(0n, "a"), later, batch(3n, "d")]);
  const first = encoder.next();
  assert.ok(first !== undefined && !(first instanceof Promise));
  assert.deepEqual(offsets(first.data), [0]);
  const second = encoder.next();
  assert.ok(second instanceof Promise);
  assert.deepEqual(offsets((await second)!.data), [1, 2, 3]);
  assert.equal(encoder.next(), undefined);
});

Deno.test("V1FrameEncoder.next() opens a batch only when it gets there", () => {
  const second = batch(2n, "c");
  let opened = 0;
  const bytes = second.open();
  Object.defineProperty(second, "open", { value: () => (opened++, bytes) });
  const encoder = encoderOf([batch(0n, "a", "b"), second], { ...PLAIN_FORMAT, maxRecords: 1 });
  encoder.next();
  assert.equal(opened, 0);
  encoder.next();
  assert.equal(opened, 1);
});

Deno.test("V1FrameEncoder.next() fails for good, the first batch fails later", async () => {
  const encoder = encoderOf([unreadable(0n, "later"), batch(1n, "a")]);
  const failure = { name: "ProxyError", code: "corrupt_batch" };
  await assert.rejects(async () => await encoder.next(), failure);
  await assert.rejects(async () => await encoder.next(), failure);
});

// A batch that could not be opened was passed over by whoever asked again: with frames shared by
// several sockets the second one went on with the batch after it, and missed records in silence.
for (
  const [what, bad] of [
    ["a batch that fails at once", unreadable(2n, "now")],
    ["a batch that fails later", unreadable(2n, "later")],
    ["a batch that is cut short", cutShort(2n, "c", "d")],
  ] as [string, RecordBatch][]
) {
  Deno.test(`V1FrameEncoder.next() gives what is readable and then fails for good, ${what}`, async () => {
    const encoder = encoderOf([batch(0n, "a", "b"), bad, batch(4n, "e")]);
    const seen: number[] = [];
    const failure = { name: "ProxyError", code: "corrupt_batch" };
    await assert.rejects(async () => {
      for (;;) {
        const frame = await encoder.next();
        assert.ok(frame !== undefined, "the end came before the failure");
        seen.push(...offsets(frame.data));
      }
    }, failure);
    assert.deepEqual(seen, what.includes("short") ? [0, 1, 2] : [0, 1]);
    await assert.rejects(async () => await encoder.next(), failure);
    await assert.rejects(async () => await encoder.next(), failure);
  });
}

Deno.test("V1FrameEncoder.next() has no unhandled rejection, nobody asks after a batch fails later", async () => {
  const encoder = encoderOf([batch(0n, "a"), unreadable(1n, "later")]);
  assert.ok(encoder.next() !== undefined);
  await eventLoopTurns();
});

Deno.test("v1FormatKey() differs in every property", () => {
  const keys = [
    WIDE_FORMAT,
    { ...WIDE_FORMAT, encoding: "base64" as const },
    { ...WIDE_FORMAT, key: false },
    { ...WIDE_FORMAT, partition: false },
    { ...WIDE_FORMAT, timestamp: false },
    { ...WIDE_FORMAT, headers: false },
    { ...WIDE_FORMAT, maxBytes: 1 },
    { ...WIDE_FORMAT, frameBytes: 1 },
    { ...WIDE_FORMAT, maxRecords: 1 },
  ].map(v1FormatKey);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(v1FormatKey({ ...WIDE_FORMAT }), keys[0]);
});

Deno.test("V1FrameEncoder.next() reads a batch compressed with gzip and zstd", async () => {
  for (const codec of ["gzip", "zstd"] as const) {
    const batches = wireBatches([{ baseOffset: 0n, records: [{ value: "a".repeat(500) }], codec }]);
    assert.ok(
      buildBatch({ baseOffset: 0n, records: [{ value: "a".repeat(500) }], codec }).length < 300,
    );
    assert.deepEqual(await cuts(batches, {}), [[0]]);
  }
});
