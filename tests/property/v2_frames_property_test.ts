import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { Chunk } from "../../src/core/chunk.ts";
import type { Frame } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import type { FrameEncoder } from "../../src/log/shared_frames.ts";
import { V2BinaryFrameEncoder } from "../../src/protocol/v2_binary_frames.ts";
import { readBinaryFrame } from "../../src/protocol/v2_binary_reader.ts";
import { type V2Format, V2FrameEncoder } from "../../src/protocol/v2_frames.ts";
import { buildRecords } from "../support/batch_builder.ts";
import { offsetAt, openedLater, place, rawBatch } from "../support/batch_places.ts";
import { allFrames, chunkOf, wireBatches } from "../support/encoded_frames.ts";
import { batchRun, jsonBatchRun, v2Format } from "../support/record_arbitraries.ts";
import { wireBytes } from "../support/v1_reference.ts";
import { type PlacedRecord, placedRecords, v2RecordJson } from "../support/v2_reference.ts";

const later = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
const inputs = fc.oneof(batchRun, jsonBatchRun);

/** What every format's frames keep to: contents, limits, positions. */
function checkFrames(
  frames: readonly Frame[],
  records: readonly PlacedRecord[],
  chunk: Chunk,
  { maxBytes, maxRecords, frameBytes }: V2Format,
): void {
  let at = 0;
  for (const [i, frame] of frames.entries()) {
    const own = records.slice(at, at += frame.records);
    const isLast = at === records.length;
    assert.equal(frame.bytes, wireBytes(frame.data));
    assert.equal(frame.topic, chunk.topic);
    assert.equal(frame.partition, chunk.partition);
    assert.equal(frame.payloadBytes, own.reduce((sum, own) => sum + own.payloadBytes, 0));
    assert.equal(frame.next, isLast ? chunk.next : own.at(-1)!.offset + 1n);
    assert.equal(isLast, i === frames.length - 1);
    if (frame.records === 1) continue;
    assert.ok(frame.payloadBytes <= maxBytes, "maxBytes");
    assert.ok(frame.records <= maxRecords, "maxRecords");
    if (!String(frame.data).includes("\ufffd")) assert.ok(frame.bytes <= frameBytes, "frameBytes");
  }
  assert.equal(at, records.length);
}

Deno.test("V2FrameEncoder.next() gives valid JSON, equal to what a slow encoder writes", async () => {
  await fc.assert(
    fc.asyncProperty(inputs, v2Format, place, later, async (inputs, format, place, later) => {
      const from = offsetAt(inputs, place);
      const records = placedRecords(inputs, from);
      const batches = chunkOf(openedLater(wireBatches(inputs), later), from);
      const chunk = { ...batches, next: batches.next + 3n, end: batches.next + 10n };
      const frames = await allFrames(new V2FrameEncoder(chunk, from, format));
      checkFrames(frames, records, chunk, format);
      let at = 0;
      for (const { data, records: count, next } of frames) {
        const own = records.slice(at, at += count).map((record) => v2RecordJson(record, format));
        assert.equal(
          data,
          `{"type":"records","subscription":${format.subscription},"topic":"orders",` +
            `"partition":7,"records":[${own.join(",")}],"next":"${next}","end":"${chunk.end}"}`,
        );
        assert.equal(JSON.parse(String(data)).records.length, count);
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("V2BinaryFrameEncoder.next() gives the bytes of all records, untouched", async () => {
  await fc.assert(
    fc.asyncProperty(inputs, v2Format, place, later, async (inputs, limits, place, later) => {
      const from = offsetAt(inputs, place);
      const records = placedRecords(inputs, from);
      const batches = chunkOf(openedLater(wireBatches(inputs), later), from);
      const chunk = { ...batches, next: batches.next + 3n };
      const format = { ...limits, topicIndex: 3 };
      const frames = await allFrames(new V2BinaryFrameEncoder(chunk, from, format));
      checkFrames(frames, records, chunk, limits);
      const read = frames.map(({ data }) => readBinaryFrame(data as Uint8Array));
      for (const [i, frame] of read.entries()) {
        assert.equal(frame.subscription, limits.subscription);
        assert.equal(frame.topicIndex, 3);
        assert.equal(frame.partition, 7);
        assert.equal(frame.next, frames[i].next);
      }
      const buffer = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes);
      assert.deepEqual(
        read.flatMap(({ records }) => records).map(({ headers, key, value, ...rest }) => ({
          ...rest,
          key: buffer(key),
          value: buffer(value),
          headers: headers.map(([name, value]) => [buffer(name), buffer(value)]),
        })),
        records.map(({ payloadBytes: _, ...record }) => record),
      );
    }),
    { numRuns: 500 },
  );
});

/** Either frames that can be read, or the batch is said to be corrupt. */
async function framesOrCorrupt(encoder: FrameEncoder): Promise<void> {
  try {
    for (const { data, records } of await allFrames(encoder)) {
      const read = typeof data === "string" ? JSON.parse(data) : readBinaryFrame(data);
      assert.equal(read.records.length, records);
    }
  } catch (error) {
    assert.ok(error instanceof ProxyError, String(error));
    assert.equal(error.code, "corrupt_batch");
  }
}

Deno.test("V2FrameEncoder.next() gives frames or corrupt_batch, mutated bytes in both formats", async () => {
  const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(
      inputs.filter((batches) => batches.some(({ records }) => records.length > 0)),
      v2Format,
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      async (inputs, format, mutations) => {
        const { records } = inputs.find(({ records }) => records.length > 0)!;
        const bytes = Uint8Array.from(buildRecords(records));
        for (const { at, byte } of mutations) bytes[at % bytes.length] = byte;
        const chunk = chunkOf([rawBatch(bytes, records.length)]);
        await framesOrCorrupt(new V2FrameEncoder(chunk, 0n, format));
        await framesOrCorrupt(new V2BinaryFrameEncoder(chunk, 0n, { ...format, topicIndex: 0 }));
      },
    ),
    { numRuns: 800 },
  );
});

Deno.test("readBinaryFrame() gives a frame or a RangeError, any bytes", () => {
  const head = fc.uint8Array({ minLength: 0, maxLength: 80 })
    .map((bytes) => Uint8Array.from([1, 0, ...bytes]));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), head), (bytes) => {
      try {
        readBinaryFrame(bytes);
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
