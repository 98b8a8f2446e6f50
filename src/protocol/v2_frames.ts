import type { Chunk, RecordBatch } from "../core/chunk.ts";
import type { Frame } from "../core/ports.ts";
import { copyBytes } from "./byte_copy.ts";
import { ChunkFrames, type FrameLimits, type RecordFormat } from "./chunk_frames.ts";
import { type FrameData, isUtf8Part, scratch } from "./frame_scratch.ts";
import {
  ascii,
  base64BytesBound,
  textBytesBound,
  wasAscii,
  writeAscii,
  writeBase64,
  writeText,
} from "./json_bytes.ts";
import { ASCII_JSON, checkJson, NOT_JSON } from "./json_check.ts";
import { OffsetDigits } from "./offset_digits.ts";
import type { RecordWalker } from "./record_walker.ts";
import { TimestampDigits } from "./timestamp_digits.ts";
import type { V2Encoding } from "./v2_requests.ts";

/** What a JSON records frame shows of each record, whose it is, and where frames are cut. */
export interface V2Format extends FrameLimits {
  /** Number of the subscription on its socket. */
  readonly subscription: number;
  readonly encoding: V2Encoding;
  readonly key: boolean;
  readonly timestamp: boolean;
  readonly headers: boolean;
}

/** Name of a format: equal names give equal frames. */
export function v2FormatKey(format: V2Format): string {
  const { subscription, encoding, key, timestamp, headers } = format;
  const fields = [key && "k", timestamp && "t", headers && "h"].filter(Boolean).join("");
  const { maxBytes, frameBytes, maxRecords } = format;
  return `v2:${subscription}:${encoding}:${fields}:${maxBytes}:${frameBytes}:${maxRecords}`;
}

/**
 * Turns a chunk into JSON records frames, one at a time and only when asked:
 * `{"type":"records","subscription":1,"topic":"orders","partition":0,"records":[{"offset":"1200",
 * "timestamp":1790000000000,"key":"k1","value":"v"}],"next":"1201","end":"5310"}`.
 *
 * `next`, on the wire and of the {@linkcode Frame}, leads past the last record; with the last record
 * of the chunk it leads past the chunk, holes and control records included. Every frame is valid JSON
 * whatever the bytes of the records are. Order: by offset. Ownership: one user.
 */
export class V2FrameEncoder {
  readonly #frames: ChunkFrames;

  constructor(chunk: Chunk, from: bigint, format: V2Format) {
    this.#frames = new ChunkFrames(chunk, from, format, new V2Records(format, chunk));
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

const FIRST = ascii('{"offset":"');
const NEXT = ascii(',{"offset":"');
const TIMESTAMP = ascii(',"timestamp":');
const KEY = ascii(',"key":');
const VALUE = ascii(',"value":');
const AS_TEXT = ascii(',"valueEncoding":"text"');
const AS_BASE64 = ascii(',"valueEncoding":"base64"');
const HEADERS = ascii(',"headers":[');
const BASE64 = ascii('{"base64":');
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const LETTER_N = 0x6e;
const CLOSE_BRACE = 0x7d;

/** Names, commas, braces, offset, timestamp and encoding of one record, at their longest. */
const SURROUNDING_BYTES = 200;

/** Quotes, commas, brackets and the name `base64` of one header, at their longest. */
const HEADER_BYTES = 40;

class V2Records implements RecordFormat {
  readonly passesHoles = true;
  readonly openBytes: number;
  readonly closeBytes: number;
  readonly #format: V2Format;
  readonly #head: Uint8Array;
  readonly #end: bigint;
  readonly #digits = new OffsetDigits();
  readonly #times = new TimestampDigits();
  #batchBase = 0n;

  constructor(format: V2Format, { topic, partition, end }: Chunk) {
    this.#format = format;
    this.#end = end;
    this.#head = new TextEncoder().encode(
      `{"type":"records","subscription":${format.subscription},"topic":${JSON.stringify(topic)},` +
        `"partition":${partition},"records":[`,
    );
    this.openBytes = this.#head.length;
    this.closeBytes = this.#closing(2n ** 63n).length;
  }

  startBatch(batch: RecordBatch): void {
    this.#batchBase = batch.baseOffset;
    this.#times.startBatch(batch);
  }

  open(): number {
    return writeAscii(this.#head, scratch.bytes, 0);
  }

  bound(walker: RecordWalker, payloadBytes: number): number {
    const { bytes, valueAt, valueLength, keyAt, keyLength, headerCount } = walker;
    const { encoding, key, headers } = this.#format;
    let bound = SURROUNDING_BYTES + base64BytesBound(valueLength);
    if (encoding !== "base64") bound += textBytesBound(bytes, valueAt, valueLength);
    if (key) bound += textBytesBound(bytes, keyAt, keyLength) + base64BytesBound(keyLength);
    if (headers) {
      const headerBytes = payloadBytes - Math.max(valueLength, 0) - Math.max(keyLength, 0);
      bound += headerBytes * 6 + headerCount * HEADER_BYTES;
    }
    return bound;
  }

  record(walker: RecordWalker, isFirst: boolean, start: number): number {
    const { timestamp, key, headers } = this.#format;
    const out = scratch.bytes;
    let at = writeAscii(isFirst ? FIRST : NEXT, out, start);
    at = this.#digits.write(this.#batchBase, walker.offsetDelta, out, at);
    out[at++] = QUOTE;
    if (timestamp) at = this.#times.write(walker, out, writeAscii(TIMESTAMP, out, at));
    if (key) {
      at = writeTextOrBytes(walker, walker.keyAt, walker.keyLength, writeAscii(KEY, out, at));
    }
    at = this.#value(walker, writeAscii(VALUE, out, at));
    if (headers && walker.headerCount > 0) at = writeHeaders(walker, writeAscii(HEADERS, out, at));
    out[at++] = CLOSE_BRACE;
    return at;
  }

  close(at: number, next: bigint): number {
    return writeAscii(this.#closing(next), scratch.bytes, at);
  }

  data(at: number): FrameData {
    return scratch.text(at);
  }

  #closing(next: bigint): Uint8Array {
    return ascii(`],"next":"${next}","end":"${this.#end}"}`);
  }

  /** The value, and how it is said when it is not as asked. */
  #value(walker: RecordWalker, at: number): number {
    const { bytes, valueAt, valueLength } = walker;
    const { encoding } = this.#format;
    const out = scratch.bytes;
    if (encoding === "base64") return writeBase64(bytes, valueAt, valueLength, out, at);
    if (encoding === "json" && isEmbeddable(bytes, valueAt, valueLength)) {
      return copyBytes(bytes, valueAt, valueLength, out, at, walker.view, scratch.view);
    }
    const end = writeTextIfUtf8(walker, valueAt, valueLength, at);
    if (end < 0) {
      return writeAscii(AS_BASE64, out, writeBase64(bytes, valueAt, valueLength, out, at));
    }
    return encoding === "text" || valueLength < 0 ? end : writeAscii(AS_TEXT, out, end);
  }
}

/**
 * Whether a value can stand in the frame as it is: it is JSON, and not the text `null`, which would
 * look like a tombstone.
 */
function isEmbeddable(bytes: Uint8Array, start: number, length: number): boolean {
  if (length <= 0) return false;
  const found = checkJson(bytes, start, length);
  if (found === NOT_JSON) return false;
  if (found !== ASCII_JSON && !isUtf8Part(bytes, start, length)) return false;
  let at = start;
  while (bytes[at] <= SPACE) at++;
  return bytes[at] !== LETTER_N;
}

/** A JSON string, or -1 when the bytes are not UTF-8. */
function writeTextIfUtf8(walker: RecordWalker, start: number, length: number, at: number): number {
  const { bytes, view } = walker;
  const end = writeText(bytes, start, length, scratch.bytes, at, view, scratch.view);
  return wasAscii() || isUtf8Part(bytes, start, length) ? end : -1;
}

/** A JSON string, `{"base64":"..."}` when the bytes are not UTF-8, or `null`. */
function writeTextOrBytes(walker: RecordWalker, start: number, length: number, at: number): number {
  const end = writeTextIfUtf8(walker, start, length, at);
  if (end >= 0) return end;
  const out = scratch.bytes;
  at = writeBase64(walker.bytes, start, length, out, writeAscii(BASE64, out, at));
  out[at++] = CLOSE_BRACE;
  return at;
}

/** `[["name","value"],["name",null]]` without the opening bracket. */
function writeHeaders(walker: RecordWalker, start: number): number {
  const out = scratch.bytes;
  let at = start;
  walker.headers((nameAt, nameLength, valueAt, valueLength) => {
    if (at > start) out[at++] = COMMA;
    out[at++] = OPEN_BRACKET;
    at = writeText(walker.bytes, nameAt, nameLength, out, at);
    out[at++] = COMMA;
    at = writeTextOrBytes(walker, valueAt, valueLength, at);
    out[at++] = CLOSE_BRACKET;
  });
  out[at++] = CLOSE_BRACKET;
  return at;
}
