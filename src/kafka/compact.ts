import { Buffer } from "node:buffer";

/** Bytes of a topic's id. */
export const UUID_BYTES = 16;

/**
 * Reads the encodings of the protocol's flexible versions (KIP-482): lengths are unsigned varints,
 * plus one.
 *
 * All methods throw a `RangeError` when the bytes end early.
 */
export class CompactReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  int16(): number {
    return this.#bytes.readInt16BE((this.#at += 2) - 2);
  }

  int32(): number {
    return this.#bytes.readInt32BE((this.#at += 4) - 4);
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE((this.#at += 8) - 8);
  }

  string(): string | null {
    const length = this.#varint() - 1;
    if (length < 0) return null;
    return this.#bytes.toString("utf8", this.#at, this.#at += length);
  }

  /** `undefined` for the one that is all zeros, which stands for none. */
  uuid(): string | undefined {
    const bytes = this.#bytes.subarray(this.#at, this.#at += UUID_BYTES);
    return bytes.some((byte) => byte !== 0) ? bytes.toString("base64url") : undefined;
  }

  array<T>(item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.#varint() - 1; left > 0; left--) items.push(item());
    return items;
  }

  tags(): void {
    for (let left = this.#varint(); left > 0; left--) {
      this.#varint();
      this.skip(this.#varint());
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
}

/** A string that is not null. */
export function compactString(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([unsignedVarint(bytes.length + 1), bytes]);
}

/** Seven bits a byte, the lowest first. */
export function unsignedVarint(value: number): Buffer {
  const bytes: number[] = [];
  while (value > 127) {
    bytes.push(value & 127 | 128);
    value >>>= 7;
  }
  return Buffer.of(...bytes, value);
}

/**
 * How long the answer asks us to wait before the next request (KIP-219), in ms, in those that begin
 * with it: after the header's tags, of which brokers send none.
 */
export function throttledMs(payload: Buffer): number {
  return payload.readInt32BE(1);
}
