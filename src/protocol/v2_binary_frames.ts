import type { Chunk, RecordBatch } from "../core/chunk.ts";
import type { Frame } from "../core/ports.ts";
import { copyBytes } from "./byte_copy.ts";
import { ChunkFrames, type FrameLimits, type RecordFormat } from "./chunk_frames.ts";
import { type FrameData, scratch } from "./frame_scratch.ts";
import type { RecordWalker } from "./record_walker.ts";
import { timestampMs } from "./timestamp_digits.ts";
import { BINARY_HEAD_BYTES, LONG_U16, RECORDS_KIND } from "./v2_binary_reader.ts";

/** Whose a binary records frame is, and where frames are cut. */
export interface V2BinaryFormat extends FrameLimits {
  /** Number of the subscription on its socket. */
  readonly subscription: number;
  /** Place of the topic in `subscribed.topics`. */
  readonly topicIndex: number;
}

/** Name of a format: equal names give equal frames. */
export function v2BinaryFormatKey(format: V2BinaryFormat): string {
  const { subscription, topicIndex, maxBytes, frameBytes, maxRecords } = format;
  return `v2.binary:${subscription}:${topicIndex}:${maxBytes}:${frameBytes}:${maxRecords}`;
}

/**
 * Turns a chunk into binary records frames, one at a time and only when asked; keys, values and
 * headers are the bytes Kafka has. The layout is {@linkcode readBinaryFrame}'s.
 *
 * `next` is that of the JSON frames. Order: by offset. Ownership: one user; a frame's bytes are its
 * own.
 */
export class V2BinaryFrameEncoder {
  readonly #frames: ChunkFrames;

  constructor(chunk: Chunk, from: bigint, format: V2BinaryFormat) {
    this.#frames = new ChunkFrames(chunk, from, format, new BinaryRecords(format, chunk.partition));
  }

  /**
   * The next frame, as {@linkcode ChunkFrames.next} gives it.
   *
   * @throws {ProxyError} `batch_too_large`, `corrupt_batch`
   */
  next(): Frame | undefined | Promise<Frame | undefined> {
    return this.#frames.next();
  }
}

/** Delta, timestamp, lengths of key and value, count of headers, at their longest. */
const SURROUNDING_BYTES = 26;

/** The lengths of one header, at their longest. */
const HEADER_BYTES = 10;

const MAX_DELTA = 0xffff_ffff;
const TWO_TO_32 = 2 ** 32;

class BinaryRecords implements RecordFormat {
  readonly passesHoles = true;
  readonly openBytes = BINARY_HEAD_BYTES;
  readonly closeBytes = 0;
  readonly #format: V2BinaryFormat;
  readonly #partition: number;
  #batch!: RecordBatch;
  /** Of the batch; not a number when one cannot hold it. */
  #baseMs = NaN;
  #firstOffset = 0n;
  /** Of the batch's base offset to the frame's first record. */
  #batchDelta = 0;

  constructor(format: V2BinaryFormat, partition: number) {
    this.#format = format;
    this.#partition = partition;
  }

  startBatch(batch: RecordBatch): void {
    this.#batch = batch;
    const baseMs = Number(batch.logAppendTime ? batch.maxTimestampMs : batch.baseTimestampMs);
    this.#baseMs = Number.isSafeInteger(baseMs) ? baseMs : NaN;
    this.#batchDelta = Number(batch.baseOffset - this.#firstOffset);
  }

  open(): number {
    const { view } = scratch;
    view.setUint8(0, RECORDS_KIND);
    view.setUint8(1, 0);
    view.setUint16(2, this.#format.subscription, true);
    view.setUint16(4, this.#format.topicIndex, true);
    view.setUint16(6, 0, true);
    view.setInt32(8, this.#partition, true);
    return BINARY_HEAD_BYTES;
  }

  bound(walker: RecordWalker, payloadBytes: number): number {
    return SURROUNDING_BYTES + payloadBytes + walker.headerCount * HEADER_BYTES;
  }

  record(walker: RecordWalker, isFirst: boolean, start: number): number {
    const { view } = scratch;
    if (isFirst) {
      this.#firstOffset = this.#batch.baseOffset + BigInt(walker.offsetDelta);
      this.#batchDelta = -walker.offsetDelta;
    }
    const delta = this.#batchDelta + walker.offsetDelta;
    if (delta > MAX_DELTA) return -1;
    view.setUint32(start, delta, true);
    this.#timestamp(walker, start + 4);
    let at = writeBytes(walker, walker.keyAt, walker.keyLength, start + 12);
    at = writeBytes(walker, walker.valueAt, walker.valueLength, at);
    at = writeCount(walker.headerCount, at);
    return walker.headerCount > 0 ? writeHeaders(walker, at) : at;
  }

  close(at: number, next: bigint, records: number): number {
    const { view } = scratch;
    view.setBigInt64(12, this.#firstOffset, true);
    view.setBigInt64(20, next, true);
    view.setUint32(28, records, true);
    return at;
  }

  data(at: number): FrameData {
    return scratch.copy(at);
  }

  #timestamp(walker: RecordWalker, at: number): void {
    const { view } = scratch;
    const base = this.#baseMs;
    const ms = this.#batch.logAppendTime ? base : base + walker.smallTimestampDelta();
    if (!Number.isSafeInteger(ms)) {
      view.setBigInt64(at, timestampMs(this.#batch, walker), true);
      return;
    }
    const high = Math.floor(ms / TWO_TO_32);
    view.setUint32(at, ms - high * TWO_TO_32, true);
    view.setInt32(at + 4, high, true);
  }
}

/** `i32 length | bytes`, -1 for null. */
function writeBytes(walker: RecordWalker, start: number, length: number, at: number): number {
  const { bytes, view } = scratch;
  view.setInt32(at, length < 0 ? -1 : length, true);
  if (length <= 0) return at + 4;
  return copyBytes(walker.bytes, start, length, bytes, at + 4, walker.view, view);
}

/** `u16`, and for what does not fit 65535 and a `u32`. */
function writeCount(count: number, at: number): number {
  const { view } = scratch;
  if (count < LONG_U16) {
    view.setUint16(at, count, true);
    return at + 2;
  }
  view.setUint16(at, LONG_U16, true);
  view.setUint32(at + 2, count, true);
  return at + 6;
}

function writeHeaders(walker: RecordWalker, start: number): number {
  const { bytes, view } = scratch;
  let at = start;
  walker.headers((nameAt, nameLength, valueAt, valueLength) => {
    at = writeCount(nameLength, at);
    at = copyBytes(walker.bytes, nameAt, nameLength, bytes, at, walker.view, view);
    at = writeBytes(walker, valueAt, valueLength, at);
  });
  return at;
}
