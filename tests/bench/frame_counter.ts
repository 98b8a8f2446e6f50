import { Buffer } from "node:buffer";

/** Text around the fixed-size value of a v1 entry: `{"message":"` and `","offset":` and `}`. */
const OPEN_BYTES = 12;
const OFFSET_BYTES = 11;

/** Digits of an offset at the most, and what closes a frame after them. */
const TAIL_BYTES = 24;

const CLOSE = 8;

/**
 * Reads what a server sends on one WebSocket and counts it, at a cost that does not grow with the
 * records: of each v1 frame only the first and the last offset are looked at, and the frame's length
 * must be exactly what the records between them take.
 *
 * Values must all be of the same size and plain; offsets must have no holes.
 */
export class FrameCounter {
  frames = 0;
  records = 0;
  bytes = 0;
  /** The offset that must come next. */
  next: number;
  /** The server's close code, once it came. */
  closeCode: number | undefined;
  readonly #valueBytes: number;
  readonly #headBytes: number;
  /** The frame's header, then the beginning of its payload. */
  readonly #head: Buffer;
  readonly #tail = Buffer.alloc(TAIL_BYTES);
  #headFilled = 0;
  /** Bytes of the header of the frame under way; 0 until they are known. */
  #headerBytes = 0;
  #payloadBytes = 0;
  #seenBytes = 0;

  constructor(from: number, valueBytes: number) {
    this.next = from;
    this.#valueBytes = valueBytes;
    this.#headBytes = 1 + OPEN_BYTES + valueBytes + OFFSET_BYTES + TAIL_BYTES;
    this.#head = Buffer.alloc(10 + this.#headBytes);
  }

  /**
   * Takes what was read.
   *
   * @throws {Error} when a record is missing or repeated
   */
  take(chunk: Buffer): void {
    this.bytes += chunk.length;
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerBytes === 0) {
        at = this.#takeHeader(chunk, at);
        if (this.#headerBytes === 0) continue; // not all of it yet, or nothing follows it
      }
      const count = Math.min(chunk.length - at, this.#payloadBytes - this.#seenBytes);
      this.#takePayload(chunk, at, count);
      at += count;
      if (this.#seenBytes === this.#payloadBytes) this.#endFrame();
    }
  }

  #takeHeader(chunk: Buffer, start: number): number {
    let at = start;
    const head = this.#head;
    for (;;) {
      const short = head[1] & 127;
      const wanted = this.#headFilled < 2 ? 2 : short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#headFilled === wanted && wanted >= 2) {
        this.#headerBytes = wanted;
        this.#payloadBytes = short < 126
          ? short
          : short === 126
          ? head.readUInt16BE(2)
          : Number(head.readBigUInt64BE(2));
        this.#seenBytes = 0;
        if (this.#payloadBytes === 0) this.#endFrame();
        return at;
      }
      if (at === chunk.length) return at;
      head[this.#headFilled++] = chunk[at++];
    }
  }

  #takePayload(chunk: Buffer, at: number, count: number): void {
    if (this.#seenBytes < this.#headBytes) {
      const wanted = Math.min(count, this.#headBytes - this.#seenBytes);
      chunk.copy(this.#head, this.#headerBytes + this.#seenBytes, at, at + wanted);
    }
    this.#seenBytes += count;
    const tail = this.#tail;
    if (count >= TAIL_BYTES) chunk.copy(tail, 0, at + count - TAIL_BYTES, at + count);
    else {
      tail.copyWithin(0, count);
      chunk.copy(tail, TAIL_BYTES - count, at, at + count);
    }
  }

  #endFrame(): void {
    const opcode = this.#head[0] & 15;
    const payload = this.#head.subarray(this.#headerBytes);
    this.#headerBytes = 0;
    this.#headFilled = 0;
    if (opcode === CLOSE) this.closeCode = payload.readUInt16BE(0);
    if (opcode !== 1) return;
    const firstAt = 1 + OPEN_BYTES + this.#valueBytes + OFFSET_BYTES;
    const first = digitsFrom(payload, firstAt);
    const last = digitsBefore(this.#tail, TAIL_BYTES - 2);
    if (first !== this.next) throw new Error(`Wanted offset ${this.next}, got ${first}`);
    const records = last - first + 1;
    const wanted = this.#frameBytes(first, last);
    if (this.#payloadBytes !== wanted) {
      throw new Error(
        `Wanted ${wanted} bytes for offsets ${first} to ${last}, got ${this.#payloadBytes}`,
      );
    }
    this.frames++;
    this.records += records;
    this.next = last + 1;
  }

  #frameBytes(first: number, last: number): number {
    const records = last - first + 1;
    const each = OPEN_BYTES + this.#valueBytes + OFFSET_BYTES + 1;
    return records * each + digitsOf(first, last) + (records - 1) + 2;
  }
}

/** Digits of all whole numbers from `first` to `last`. */
export function digitsOf(first: number, last: number): number {
  let digits = 0;
  for (let low = first; low <= last;) {
    const width = `${low}`.length;
    const high = Math.min(last, 10 ** width - 1);
    digits += (high - low + 1) * width;
    low = high + 1;
  }
  return digits;
}

function digitsFrom(bytes: Buffer, start: number): number {
  let number = 0;
  for (let at = start; bytes[at] >= 0x30 && bytes[at] <= 0x39; at++) {
    number = number * 10 + bytes[at] - 0x30;
  }
  return number;
}

function digitsBefore(bytes: Buffer, end: number): number {
  let at = end;
  while (bytes[at - 1] >= 0x30 && bytes[at - 1] <= 0x39) at--;
  return digitsFrom(bytes, at);
}
