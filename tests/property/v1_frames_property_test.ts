import assert from "node:assert/strict";
import fc from "fast-check";
import type { Chunk } from "../../src/core/chunk.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { type V1Format, V1FrameEncoder } from "../../src/protocol/v1_frames.ts";
import { buildRecords } from "../support/batch_builder.ts";
import { allFrames, chunkOf, encoderOf, wireBatches } from "../support/encoded_frames.ts";
import { offsetAt, openedLater, place, rawBatch } from "../support/batch_places.ts";
import { batchRun, v1Format } from "../support/record_arbitraries.ts";
import { referenceFrames, referenceRecords, wireBytes } from "../support/v1_reference.ts";

Deno.test("V1FrameEncoder.next() gives JSON.stringify() of the records, cut at the limits", async () => {
  await fc.assert(
    fc.asyncProperty(
      batchRun,
      v1Format,
      place,
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      async (inputs, format, place, later) => {
        const from = offsetAt(inputs, place);
        const records = referenceRecords(inputs, 7, from, format);
        const chunk = chunkOf(openedLater(wireBatches(inputs), later), from);
        const frames = await allFrames(new V1FrameEncoder(chunk, from, format));
        const wanted = referenceFrames(records, format);
        // A batch that opens later ends the frame before it, so then only the contents are equal.
        if (!later.some(Boolean)) {
          assert.deepEqual(
            frames.map(({ data, records, next, payloadBytes }) => ({
              data,
              records,
              next,
              payloadBytes,
            })),
            wanted,
          );
        }
        let at = 0;
        for (const frame of frames) {
          const own = records.slice(at, at += frame.records);
          assert.equal(frame.data, `[${own.map(({ json }) => json).join(",")}]`);
          assert.equal(frame.bytes, wireBytes(frame.data));
          assert.equal(frame.next, own.at(-1)!.offset + 1n);
          assert.equal(frame.payloadBytes, own.reduce((sum, own) => sum + own.payloadBytes, 0));
          assert.equal(frame.topic, "orders");
          assert.equal(frame.partition, 7);
        }
        assert.equal(at, records.length);
      },
    ),
    { numRuns: 400 },
  );
});

Deno.test("V1FrameEncoder.next() stays inside every limit but for a record alone, any records", async () => {
  await fc.assert(
    fc.asyncProperty(batchRun, v1Format, async (inputs, format) => {
      for (const frame of await allFrames(encoderOf(wireBatches(inputs), format))) {
        if (frame.records === 1) continue;
        assert.ok(frame.payloadBytes <= format.maxBytes, "maxBytes");
        assert.ok(frame.records <= format.maxRecords, "maxRecords");
        const text = String(frame.data);
        // Invalid UTF-8 takes up to three times its bytes as U+FFFD, and is not measured beforehand.
        if (text.includes("\ufffd")) assert.ok(frame.bytes <= format.frameBytes * 3, "frameBytes");
        else assert.ok(frame.bytes <= format.frameBytes, "frameBytes");
      }
    }),
    { numRuns: 200 },
  );
});

/** Either all frames are JSON with ascending offsets, or the batch is said to be corrupt. */
async function framesOrCorrupt(chunk: Chunk, format: V1Format): Promise<void> {
  const encoder = new V1FrameEncoder(chunk, 0n, format);
  try {
    for (const { data, records, bytes } of await allFrames(encoder)) {
      assert.equal(JSON.parse(String(data)).length, records);
      assert.equal(bytes, wireBytes(data));
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    assert.ok(error instanceof ProxyError, String(error));
    assert.equal(error.code, "corrupt_batch");
  }
}

Deno.test("V1FrameEncoder.next() gives frames or corrupt_batch, mutated bytes", async () => {
  const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(
      batchRun.filter((batches) => batches.some(({ records }) => records.length > 0)),
      v1Format,
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(), { freq: 3 }),
      async (inputs, format, mutations, cut) => {
        const { records } = inputs.find(({ records }) => records.length > 0)!;
        const bytes = Uint8Array.from(buildRecords(records));
        for (const { at, byte } of mutations) bytes[at % bytes.length] = byte;
        const left = cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
        await framesOrCorrupt(chunkOf([rawBatch(left, records.length)]), format);
      },
    ),
    { numRuns: 800 },
  );
});

Deno.test("V1FrameEncoder.next() gives frames or corrupt_batch, random bytes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 60 }),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      v1Format,
      async (bytes, count, format) => {
        await framesOrCorrupt(chunkOf([rawBatch(bytes, count)]), format);
      },
    ),
    { numRuns: 800 },
  );
});
