/** First byte of a records frame. */
export const RECORDS_KIND = 1;

/** Bytes before the first record. */
export const BINARY_HEAD_BYTES = 32;

/** A `u16` that says: too large for me, a `u32` follows. */
export const LONG_U16 = 0xffff;

/** A record as a binary frame carries it: bytes as Kafka has them, `null` Kafka's null. */
export interface BinaryRecord {
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestampMs: bigint;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: Uint8Array, value: Uint8Array | null])[];
}

/** A records frame of `kafka-proxy.v2.binary`. */
export interface BinaryFrame {
  readonly subscription: number;
  /** Place of the topic in `subscribed.topics`. */
  readonly topicIndex: number;
  readonly partition: number;
  /** The position after the frame. */
  readonly next: bigint;
  readonly records: readonly BinaryRecord[];
}

/**
 * Reads a records frame, for clients.
 *
 * Layout, little endian: `u8 kind=1 | u8 flags=0 | u16 subscription | u16 topicIndex | u16 0 |
 * i32 partition | i64 baseOffset | i64 next | u32 count`, then a record: `u32 offsetDelta |
 * i64 timestamp | i32 keyLength | key | i32 valueLength | value | u16 headerCount | { u16 nameLength |
 * name | i32 length | value }`. A length of -1 is null; a `u16` of 65535 is followed by a `u32` with
 * the true number. Ownership: keys, values and headers are views of `frame`.
 *
 * @throws {RangeError} when it is no such frame
 */
export function readBinaryFrame(frame: Uint8Array): BinaryFrame {
  const reader = new BinaryReader(frame);
  const kind = reader.u8();
  if (kind !== RECORDS_KIND) throw new RangeError(`Cannot read a frame of kind ${kind}, wanted 1`);
  const flags = reader.u8();
  if (flags !== 0) throw new RangeError(`Cannot read a frame with flags ${flags}, wanted 0`);
  const subscription = reader.u16();
  const topicIndex = reader.u16();
  reader.u16();
  const partition = reader.i32();
  const baseOffset = reader.i64();
  const next = reader.i64();
  const count = reader.u32();
  const records: BinaryRecord[] = [];
  for (let i = 0; i < count; i++) records.push(readRecord(reader, baseOffset));
  reader.end();
  return { subscription, topicIndex, partition, next, records };
}

function readRecord(reader: BinaryReader, baseOffset: bigint): BinaryRecord {
  const offset = baseOffset + BigInt(reader.u32());
  const timestampMs = reader.i64();
  const key = reader.nullable();
  const value = reader.nullable();
  const headers: [Uint8Array, Uint8Array | null][] = [];
  for (let left = reader.count(); left > 0; left--) {
    headers.push([reader.bytes(reader.count()), reader.nullable()]);
  }
  return { offset, timestampMs, key, value, headers };
}

/** Reads what stands at its place and moves on. A `DataView` throws beyond the end by itself. */
class BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#pass(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#pass(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#pass(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#pass(4), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#pass(8), true);
  }

  count(): number {
    const count = this.u16();
    return count === LONG_U16 ? this.u32() : count;
  }

  nullable(): Uint8Array | null {
    const length = this.i32();
    return length < 0 ? null : this.bytes(length);
  }

  bytes(length: number): Uint8Array {
    const start = this.#pass(length);
    if (this.#at > this.#bytes.length) {
      throw new RangeError(`Cannot read ${length} bytes at ${start}: the frame ends before`);
    }
    return this.#bytes.subarray(start, this.#at);
  }

  /** @throws {RangeError} when something is left */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new RangeError(`Cannot read a frame with ${left} bytes after its records`);
  }

  #pass(length: number): number {
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
