import type { Chunk, RecordBatch } from "../core/chunk.ts";
import type { Frame } from "../core/ports.ts";
import { ChunkFrames, type FrameLimits, type RecordFormat } from "./chunk_frames.ts";
import { type FrameData, scratch } from "./frame_scratch.ts";
import {
  ascii,
  base64BytesBound,
  textBytesBound,
  writeAscii,
  writeBase64,
  writeText,
} from "./json_bytes.ts";
import { OffsetDigits } from "./offset_digits.ts";
import type { RecordWalker } from "./record_walker.ts";
import { TimestampDigits } from "./timestamp_digits.ts";

/** What a v1 frame shows of each record, and where frames are cut. */
export interface V1Format extends FrameLimits {
  readonly encoding: "text" | "base64";
  readonly key: boolean;
  readonly partition: boolean;
  readonly timestamp: boolean;
  readonly headers: boolean;
}

/** Name of a format: equal names give equal frames. */
export function v1FormatKey(format: V1Format): string {
  const { encoding, key, partition, timestamp, headers } = format;
  const fields = [key && "k", partition && "p", timestamp && "t", headers && "h"].filter(Boolean);
  return `v1:${encoding}:${
    fields.join("")
  }:${format.maxBytes}:${format.frameBytes}:${format.maxRecords}`;
}

const OPEN = ascii('[{"message":');
const NEXT = ascii(',{"message":');
const OFFSET = ascii(',"offset":');
const KEY = ascii(',"key":');
const TIMESTAMP = ascii(',"timestamp":');
const HEADERS = ascii(',"headers":[');
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;

/** Names, commas, braces, offset, partition and timestamp of one record, at their longest. */
const SURROUNDING_BYTES = 160;

/**
 * Turns a chunk into v1 frames, `[{"message":"hello","offset":225107}]`, one at a time and only
 * when asked.
 *
 * Order: by offset. Holes are passed in silence. Ownership: one user.
 */
export class V1FrameEncoder {
  readonly #frames: ChunkFrames;

  constructor(chunk: Chunk, from: bigint, format: V1Format) {
    this.#frames = new ChunkFrames(chunk, from, format, new V1Records(format, chunk.partition));
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

class V1Records implements RecordFormat {
  readonly passesHoles = false;
  readonly openBytes = 0;
  readonly closeBytes = 1;
  readonly #format: V1Format;
  readonly #partitionText: Uint8Array;
  readonly #digits = new OffsetDigits();
  readonly #times = new TimestampDigits();
  #batchBase = 0n;

  constructor(format: V1Format, partition: number) {
    this.#format = format;
    this.#partitionText = ascii(`,"partition":${partition}`);
  }

  startBatch(batch: RecordBatch): void {
    this.#batchBase = batch.baseOffset;
    this.#times.startBatch(batch);
  }

  open(): number {
    return 0; // the bracket comes with the first record
  }

  bound(walker: RecordWalker, payloadBytes: number): number {
    const { bytes, valueAt, valueLength, keyAt, keyLength, headerCount } = walker;
    const { encoding, key, headers } = this.#format;
    let bound = SURROUNDING_BYTES;
    bound += encoding === "text"
      ? textBytesBound(bytes, valueAt, valueLength)
      : base64BytesBound(valueLength);
    if (key) bound += textBytesBound(bytes, keyAt, keyLength);
    if (headers) {
      const headerBytes = payloadBytes - Math.max(valueLength, 0) - Math.max(keyLength, 0);
      bound += headerBytes * 6 + headerCount * 16;
    }
    return bound;
  }

  record(walker: RecordWalker, isFirst: boolean, start: number): number {
    const format = this.#format;
    const out = scratch.bytes;
    const bytes = walker.bytes;
    let at = writeAscii(isFirst ? OPEN : NEXT, out, start);
    at = format.encoding === "text"
      ? writeText(bytes, walker.valueAt, walker.valueLength, out, at, walker.view, scratch.view)
      : writeBase64(bytes, walker.valueAt, walker.valueLength, out, at);
    at = writeAscii(OFFSET, out, at);
    at = this.#digits.write(this.#batchBase, walker.offsetDelta, out, at);
    if (format.key) {
      at = writeText(bytes, walker.keyAt, walker.keyLength, out, writeAscii(KEY, out, at));
    }
    if (format.partition) at = writeAscii(this.#partitionText, out, at);
    if (format.timestamp) at = this.#times.write(walker, out, writeAscii(TIMESTAMP, out, at));
    if (format.headers) at = writeHeaders(walker, out, writeAscii(HEADERS, out, at));
    out[at++] = CLOSE_BRACE;
    return at;
  }

  close(at: number): number {
    scratch.bytes[at++] = CLOSE_BRACKET;
    return at;
  }

  data(at: number): FrameData {
    return scratch.text(at);
  }
}

/** `[["name","value"],["name",null]]` without the opening bracket. */
function writeHeaders(walker: RecordWalker, out: Uint8Array, start: number): number {
  const bytes = walker.bytes;
  let at = start;
  if (walker.headerCount > 0) {
    walker.headers((nameAt, nameLength, valueAt, valueLength) => {
      if (at > start) out[at++] = COMMA;
      out[at++] = OPEN_BRACKET;
      at = writeText(bytes, nameAt, nameLength, out, at);
      out[at++] = COMMA;
      at = writeText(bytes, valueAt, valueLength, out, at);
      out[at++] = CLOSE_BRACKET;
    });
  }
  out[at++] = CLOSE_BRACKET;
  return at;
}
