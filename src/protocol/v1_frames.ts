import type { Chunk, RecordBatch } from "../core/chunk.ts";
import type { Frame } from "../core/ports.ts";
import {
  ascii,
  base64BytesBound,
  textBytesBound,
  writeAscii,
  writeBase64,
  writeText,
} from "./json_bytes.ts";
import { OffsetDigits } from "./offset_digits.ts";
import { RecordWalker } from "./record_walker.ts";
import { Buffer, isAscii } from "node:buffer";

/** What a v1 frame shows of each record, and where frames are cut. */
export interface V1Format {
  readonly encoding: "text" | "base64";
  readonly key: boolean;
  readonly partition: boolean;
  readonly timestamp: boolean;
  readonly headers: boolean;
  /** Most bytes of keys, values and headers in a frame; a larger record goes alone. */
  readonly maxBytes: number;
  /**
   * Most bytes of a frame; a larger record goes alone. They are counted before bytes that are not
   * UTF-8 become U+FFFD, which takes three on the wire.
   */
  readonly frameBytes: number;
  /** Most records in a frame. */
  readonly maxRecords: number;
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
 * when asked: bytes go from the batch to the frame without an object a record.
 *
 * Order: by offset. Holes are passed in silence. Ownership: one user; the scratch space it writes
 * into is shared by all encoders, so a frame is finished before {@linkcode next} returns or waits.
 */
export class V1FrameEncoder {
  readonly #chunk: Chunk;
  readonly #format: V1Format;
  readonly #partitionText: Uint8Array;
  readonly #walker = new RecordWalker();
  readonly #digits = new OffsetDigits();
  #from: bigint;
  #batchIndex = -1;
  #batch: RecordBatch | undefined;
  #batchBase = 0n;
  /** Records of the batch below this delta were not asked for. */
  #skipBelow = 0;
  /** A batch that is being opened off the event loop. */
  #opening: Promise<void> | undefined;
  /** The walker stands on a record that the last frame had no room for. */
  #held = false;
  /** What makes the rest unreadable: thrown by every call after the last good frame. */
  #failure: { readonly error: unknown } | undefined;

  constructor(chunk: Chunk, from: bigint, format: V1Format) {
    this.#chunk = chunk;
    this.#from = from;
    this.#format = format;
    this.#partitionText = ascii(`,"partition":${chunk.partition}`);
  }

  /**
   * The next frame, or `undefined` after the last record. A promise only while a large compressed
   * batch is being opened. What is readable before a failure comes first; the failure then stays,
   * so that nobody who goes on asking is led past it.
   *
   * @throws {ProxyError} `batch_too_large`, `corrupt_batch`
   */
  next(): Frame | undefined | Promise<Frame | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      while (!this.#held && !this.#toRecord()) {
        const opened = this.#opening ?? this.#openNext();
        if (opened === "end") return undefined;
        if (opened === "open") continue;
        return this.#afterOpening(opened);
      }
      return this.#frame();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async #afterOpening(opened: Promise<void>): Promise<Frame | undefined> {
    try {
      await opened;
    } catch (error) {
      this.#failure = { error };
    }
    this.#opening = undefined;
    return await this.next();
  }

  /** Opens the next batch, which may take a promise. */
  #openNext(): "open" | "end" | Promise<void> {
    const { batches } = this.#chunk;
    // What lies before the start is not opened: it would cost time, and its failure is not ours.
    do this.#batchIndex++; while (batches[this.#batchIndex]?.lastOffset < this.#from);
    const batch = batches[this.#batchIndex];
    if (batch === undefined) return "end";
    const opened = batch.open();
    if (!(opened instanceof Promise)) {
      this.#start(batch, opened);
      return "open";
    }
    return opened.then((bytes) => this.#start(batch, bytes));
  }

  #start(batch: RecordBatch, bytes: Uint8Array): void {
    this.#batch = batch;
    this.#batchBase = batch.baseOffset;
    const skip = this.#from - batch.baseOffset;
    this.#skipBelow = skip > 0n ? Number(skip) : 0;
    this.#walker.start(bytes, batch.recordCount, batch.baseOffset);
  }

  /** Moves to the next wanted record of the open batch. */
  #toRecord(): boolean {
    if (this.#batch === undefined) return false;
    const walker = this.#walker;
    while (walker.next()) if (walker.offsetDelta >= this.#skipBelow) return true;
    this.#batch = undefined;
    return false;
  }

  /** Fills one frame, starting with the record the walker stands on. */
  #frame(): Frame {
    const { maxBytes, frameBytes, maxRecords } = this.#format;
    const walker = this.#walker;
    let at = 0;
    let records = 0;
    let payloadBytes = 0;
    // A bigint for each record would cost as much as its digits.
    let lastBase = 0n;
    let lastDelta = 0;
    this.#held = false;
    try {
      do {
        const recordBytes = this.#payloadBytes();
        this.#held = records > 0 &&
          (payloadBytes + recordBytes > maxBytes || records >= maxRecords);
        if (this.#held) break;
        reserve(at, this.#bound(recordBytes));
        const end = this.#record(records === 0 ? OPEN : NEXT, at);
        this.#held = records > 0 && end >= frameBytes;
        if (this.#held) break;
        at = end;
        records++;
        payloadBytes += recordBytes;
        lastBase = this.#batchBase;
        lastDelta = walker.offsetDelta;
      } while (this.#toRecord() || this.#toNextBatch());
    } catch (error) {
      if (records === 0) throw error;
      this.#failure = { error };
    }
    scratch[at++] = CLOSE_BRACKET;
    const written = scratch.subarray(0, at);
    const isPlain = isAscii(written);
    const data = isPlain ? scratch.latin1Slice(0, at) : scratch.utf8Slice(0, at);
    const bytes = isPlain ? at : Buffer.byteLength(data);
    shrink();
    const { topic, partition } = this.#chunk;
    const next = lastBase + BigInt(lastDelta + 1);
    return { data, bytes, topic, partition, next, records, payloadBytes };
  }

  /** Goes on into the next batches as long as they open without waiting. */
  #toNextBatch(): boolean {
    for (;;) {
      const opened = this.#openNext();
      if (opened === "end") return false;
      if (opened !== "open") {
        // Whoever asks for the next frame meets the failure; until then it is nobody's.
        opened.catch(() => {});
        this.#opening = opened;
        return false;
      }
      if (this.#toRecord()) return true;
    }
  }

  /** Bytes of key, value and headers of the record. */
  #payloadBytes(): number {
    const { keyLength, valueLength, headerCount } = this.#walker;
    let bytes = (keyLength > 0 ? keyLength : 0) + (valueLength > 0 ? valueLength : 0);
    if (headerCount > 0) {
      this.#walker.headers((_nameAt, nameLength, _valueAt, valueLength) => {
        bytes += nameLength + (valueLength > 0 ? valueLength : 0);
      });
    }
    return bytes;
  }

  /** Room the record may need in the frame. */
  #bound(recordBytes: number): number {
    const { bytes, valueAt, valueLength, keyAt, keyLength, headerCount } = this.#walker;
    const { encoding, key, headers } = this.#format;
    let bound = SURROUNDING_BYTES;
    bound += encoding === "text"
      ? textBytesBound(bytes, valueAt, valueLength)
      : base64BytesBound(valueLength);
    if (key) bound += textBytesBound(bytes, keyAt, keyLength);
    if (headers) {
      const headerBytes = recordBytes - Math.max(valueLength, 0) - Math.max(keyLength, 0);
      bound += headerBytes * 6 + headerCount * 16;
    }
    return bound;
  }

  #record(opening: Uint8Array, start: number): number {
    const walker = this.#walker;
    const format = this.#format;
    const out = scratch;
    const bytes = walker.bytes;
    let at = writeAscii(opening, out, start);
    at = format.encoding === "text"
      ? writeText(bytes, walker.valueAt, walker.valueLength, out, at, walker.view, scratchView)
      : writeBase64(bytes, walker.valueAt, walker.valueLength, out, at);
    at = writeAscii(OFFSET, out, at);
    at = this.#digits.write(this.#batchBase, walker.offsetDelta, out, at);
    if (format.key) {
      at = writeText(bytes, walker.keyAt, walker.keyLength, out, writeAscii(KEY, out, at));
    }
    if (format.partition) at = writeAscii(this.#partitionText, out, at);
    if (format.timestamp) {
      at = writeAscii(ascii(this.#timestamp()), out, writeAscii(TIMESTAMP, out, at));
    }
    if (format.headers) at = this.#headers(writeAscii(HEADERS, out, at));
    out[at++] = CLOSE_BRACE;
    return at;
  }

  #timestamp(): string {
    const batch = this.#batch!;
    if (batch.logAppendTime) return batch.maxTimestampMs.toString();
    return (batch.baseTimestampMs + this.#walker.timestampDelta()).toString();
  }

  /** `[["name","value"],["name",null]]` without the opening bracket. */
  #headers(start: number): number {
    const out = scratch;
    const bytes = this.#walker.bytes;
    let at = start;
    this.#walker.headers((nameAt, nameLength, valueAt, valueLength) => {
      if (at > start) out[at++] = COMMA;
      out[at++] = OPEN_BRACKET;
      at = writeText(bytes, nameAt, nameLength, out, at);
      out[at++] = COMMA;
      at = writeText(bytes, valueAt, valueLength, out, at);
      out[at++] = CLOSE_BRACKET;
    });
    out[at++] = CLOSE_BRACKET;
    return at;
  }
}

/** Kept between frames; a frame of a very large record gets a larger one for once. */
const SCRATCH_BYTES = 1 << 20;

/** Deno's Buffer has them; the published type does not. */
type Scratch = Buffer & {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
};

const kept = Buffer.allocUnsafeSlow(SCRATCH_BYTES) as Scratch;
const keptView = new DataView(kept.buffer, kept.byteOffset, kept.byteLength);
let scratch: Scratch = kept;
let scratchView = keptView;

/** Makes room for `bytes` more after `at`, keeping what is written. */
function reserve(at: number, bytes: number): void {
  if (at + bytes + 1 <= scratch.length) return;
  const larger = Buffer.allocUnsafeSlow(at + bytes + 1) as Scratch;
  larger.set(scratch.subarray(0, at));
  scratch = larger;
  scratchView = new DataView(larger.buffer, larger.byteOffset, larger.byteLength);
}

function shrink(): void {
  scratch = kept;
  scratchView = keptView;
}
