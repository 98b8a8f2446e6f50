import type { Chunk, RecordBatch } from "../../src/core/chunk.ts";
import type { Frame } from "../../src/core/ports.ts";
import type { FrameEncoder } from "../../src/log/shared_frames.ts";
import { type V1Format, V1FrameEncoder } from "../../src/protocol/v1_frames.ts";
import { readRecordBatches } from "../../src/kafka/record_batches.ts";
import { Buffer } from "node:buffer";
import { type BatchInput, buildBatch } from "./batch_builder.ts";

/** All fields, and no limit that a small test reaches. */
export const WIDE_FORMAT: V1Format = {
  encoding: "text",
  key: true,
  partition: true,
  timestamp: true,
  headers: true,
  maxBytes: 500_000,
  frameBytes: 262_144,
  maxRecords: 2 ** 31,
};

/** Only what is always there. */
export const PLAIN_FORMAT: V1Format = {
  ...WIDE_FORMAT,
  key: false,
  partition: false,
  timestamp: false,
  headers: false,
};

/** A chunk of partition 7 that holds these batches and nothing else. */
export function chunkOf(batches: readonly RecordBatch[], from = 0n): Chunk {
  const next = batches.length === 0 ? from : batches.at(-1)!.lastOffset + 1n;
  return { topic: "orders", partition: 7, from, next, end: next, batches, bytes: 0 };
}

/** Batches as they come from the wire. */
export function wireBatches(inputs: readonly BatchInput[], maxBatchBytes = 1 << 26): RecordBatch[] {
  const { batches, error } = readRecordBatches(
    Buffer.concat(inputs.map(buildBatch)),
    [],
    maxBatchBytes,
  );
  if (error !== undefined) throw error;
  return batches;
}

/** All frames of an encoder; what it throws is passed on. */
export async function allFrames(encoder: FrameEncoder): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (;;) {
    const frame = await encoder.next();
    if (frame === undefined) return frames;
    frames.push(frame);
  }
}

/** An encoder on some batches, from an offset on. */
export function encoderOf(
  batches: readonly RecordBatch[],
  format: V1Format = PLAIN_FORMAT,
  from = 0n,
): V1FrameEncoder {
  return new V1FrameEncoder(chunkOf(batches, from), from, format);
}
