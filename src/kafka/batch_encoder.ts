import { Buffer } from "node:buffer";
import type { NewRecord } from "../core/ports.ts";
import { crc32c } from "./crc32c.ts";

/** Header of a record batch (message format 2, KIP-98); its layout is in `record_batches.ts`. */
export const BATCH_HEADER_BYTES = 61;

/** Most bytes of lengths, deltas and attributes of a record, and of a header in it. */
const RECORD_FRAME_BYTES = 36;
const HEADER_FRAME_BYTES = 10;

const FIRST_BYTES = 1024;

/** At most so many bytes a record takes in a batch, whatever stands before it. */
export function mostRecordBytes({ key, value, headers }: NewRecord): number {
  let bytes = RECORD_FRAME_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, header] of headers) {
    bytes += HEADER_FRAME_BYTES + Buffer.byteLength(name) + (header?.length ?? 0);
  }
  return bytes;
}

/** Who writes a batch, and where it stands among the batches of its producer (KIP-98). */
export interface BatchIdentity {
  readonly producerId: bigint;
  readonly epoch: number;
  /** Sequence number of its first record. */
  readonly sequence: number;
}

/**
 * Records into the bytes of one record batch, each written at its end as it comes: nothing is kept
 * of a record but its bytes.
 *
 * Record (message format 2, KIP-98): length varint, attributes i8, timestampDelta varlong,
 * offsetDelta varint, keyLength varint, key, valueLength varint, value, headerCount varint, then
 * for each header nameLength varint, name, valueLength varint, value. Varints are zigzag; a length
 * of -1 is null.
 */
export class BatchEncoder {
  #bytes: Buffer;
  #length = BATCH_HEADER_BYTES;
  #count = 0;
  #baseTimestampMs = 0;
  #maxTimestampMs = 0;

  constructor() {
    this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** Records so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes so far, uncompressed, the header included. */
  get length(): number {
    return this.#length;
  }

  /** The records section so far, uncompressed; good until the next {@linkcode append}. */
  get section(): Buffer {
    return this.#bytes.subarray(BATCH_HEADER_BYTES, this.#length);
  }

  /**
   * Writes a record at the end, unless the batch would then be larger than `limitBytes` and is not
   * empty.
   *
   * @param timestampMs from 0 to 2^52
   * @returns whether it was written
   */
  append(record: NewRecord, timestampMs: number, limitBytes: number): boolean {
    const { key, value, headers } = record;
    const count = this.#count;
    const delta = count === 0 ? 0 : timestampMs - this.#baseTimestampMs;
    let size = 1 + varlongBytes(delta) + varintBytes(count) +
      (key === null ? 1 : varintBytes(key.length) + key.length) +
      (value === null ? 1 : varintBytes(value.length) + value.length) +
      varintBytes(headers.length);
    for (const [name, header] of headers) {
      const nameBytes = Buffer.byteLength(name);
      size += varintBytes(nameBytes) + nameBytes +
        (header === null ? 1 : varintBytes(header.length) + header.length);
    }
    const end = this.#length + varintBytes(size) + size;
    if (end > limitBytes && count > 0) return false;
    if (end > this.#bytes.length) this.#grow(end, limitBytes);
    const bytes = this.#bytes;
    let at = writeVarint(bytes, this.#length, size);
    bytes[at++] = 0;
    at = writeVarlong(bytes, at, delta);
    at = writeVarint(bytes, at, count);
    at = writeBytes(bytes, at, key);
    at = writeBytes(bytes, at, value);
    at = writeVarint(bytes, at, headers.length);
    for (const [name, header] of headers) {
      at = writeVarint(bytes, at, Buffer.byteLength(name));
      at += bytes.write(name, at);
      at = writeBytes(bytes, at, header);
    }
    this.#length = at;
    this.#count = count + 1;
    if (count === 0) this.#baseTimestampMs = this.#maxTimestampMs = timestampMs;
    else if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs;
    return true;
  }

  /**
   * The batch, complete but for what {@linkcode stampBatch} writes. Without compression it is the
   * encoder's own memory: append nothing more.
   */
  finish(codec: number, compress: ((section: Buffer) => Uint8Array) | undefined): Buffer {
    let batch = this.#bytes.subarray(0, this.#length);
    if (compress !== undefined) {
      const section = compress(this.section);
      batch = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + section.length);
      batch.set(section, BATCH_HEADER_BYTES);
    }
    batch.fill(0, 0, 8); // base offset
    batch.writeInt32BE(batch.length - 12, 8);
    batch.writeInt32BE(-1, 12); // partition leader epoch
    batch[16] = 2; // magic
    batch.writeInt16BE(codec, 21);
    batch.writeInt32BE(this.#count - 1, 23);
    batch.writeBigInt64BE(BigInt(this.#baseTimestampMs), 27);
    batch.writeBigInt64BE(BigInt(this.#maxTimestampMs), 35);
    batch.writeInt32BE(this.#count, 57);
    return batch;
  }

  #grow(wantedBytes: number, limitBytes: number): void {
    const doubled = Math.min(this.#bytes.length * 2, limitBytes);
    const bytes = Buffer.allocUnsafeSlow(Math.max(wantedBytes, doubled));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}

/** Says who writes a finished batch, and signs it with its checksum. */
export function stampBatch(batch: Buffer, { producerId, epoch, sequence }: BatchIdentity): void {
  batch.writeBigInt64BE(producerId, 43);
  batch.writeInt16BE(epoch, 51);
  batch.writeInt32BE(sequence, 53);
  batch.writeUInt32BE(crc32c(batch, 21), 17);
}

/** Copying by hand is faster than a call up to about so many bytes. */
const BY_HAND_BYTES = 32;

function writeBytes(bytes: Uint8Array, at: number, part: Uint8Array | null): number {
  if (part === null) {
    bytes[at] = 1; // -1
    return at + 1;
  }
  const { length } = part;
  at = writeVarint(bytes, at, length);
  if (length > BY_HAND_BYTES) bytes.set(part, at);
  else for (let i = 0; i < length; i++) bytes[at + i] = part[i];
  return at + length;
}

/** Of a number that is not negative. */
function varintBytes(value: number): number {
  return value < 0x40 ? 1 : value < 0x2000 ? 2 : value < 0x10_0000 ? 3 : value < 0x800_0000 ? 4 : 5;
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let zigzag = value << 1;
  while ((zigzag & ~127) !== 0) {
    bytes[at++] = zigzag & 127 | 128;
    zigzag >>>= 7;
  }
  bytes[at++] = zigzag;
  return at;
}

/** Of a number of at most 52 bits, so that its zigzag form is exact. */
function varlongBytes(value: number): number {
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value;
  let bytes = 1;
  for (; zigzag > 127; zigzag = Math.floor(zigzag / 128)) bytes++;
  return bytes;
}

function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value;
  for (; zigzag > 127; zigzag = Math.floor(zigzag / 128)) bytes[at++] = zigzag % 128 | 128;
  bytes[at++] = zigzag;
  return at;
}
