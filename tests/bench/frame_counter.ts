import { Buffer } from "node:buffer";
import type { FrameShape } from "./frame_shape.ts";

const CLOSE = 8;

/**
 * Reads what a server sends on one WebSocket and counts it, at a cost that does not grow with the
 * records: of each frame only its beginning and its end are looked at, and the frame's length must be
 * exactly what the records between its first and its last offset take.
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
  readonly #shape: FrameShape;
  /** The frame's header, then the beginning of its payload. */
  readonly #head: Buffer;
  readonly #tail: Buffer;
  #headFilled = 0;
  /** Bytes of the header of the frame under way; 0 until they are known. */
  #headerBytes = 0;
  #payloadBytes = 0;
  #seenBytes = 0;

  constructor(from: number, shape: FrameShape) {
    this.next = from;
    this.#shape = shape;
    this.#head = Buffer.alloc(10 + shape.headBytes);
    this.#tail = Buffer.alloc(shape.tailBytes);
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
    const { headBytes, tailBytes } = this.#shape;
    if (this.#seenBytes < headBytes) {
      const wanted = Math.min(count, headBytes - this.#seenBytes);
      chunk.copy(this.#head, this.#headerBytes + this.#seenBytes, at, at + wanted);
    }
    this.#seenBytes += count;
    const tail = this.#tail;
    if (count >= tailBytes) chunk.copy(tail, 0, at + count - tailBytes, at + count);
    else {
      tail.copyWithin(0, count);
      chunk.copy(tail, tailBytes - count, at, at + count);
    }
  }

  #endFrame(): void {
    const opcode = this.#head[0] & 15;
    const payload = this.#head.subarray(this.#headerBytes);
    this.#headerBytes = 0;
    this.#headFilled = 0;
    if (opcode === CLOSE) this.closeCode = payload.readUInt16BE(0);
    if (opcode !== 1) return;
    const range = this.#shape.range(payload, this.#tail);
    if (range === undefined) return;
    const { first, last, bytes } = range;
    if (first !== this.next) throw new Error(`Wanted offset ${this.next}, got ${first}`);
    if (this.#payloadBytes !== bytes) {
      throw new Error(
        `Wanted ${bytes} bytes for offsets ${first} to ${last}, got ${this.#payloadBytes}`,
      );
    }
    this.frames++;
    this.records += last - first + 1;
    this.next = last + 1;
  }
}
