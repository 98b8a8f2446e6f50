import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";

/** Bytes as a test writes them: a text stands for its UTF-8, `null` is Kafka's null. */
export type Bytes = string | Uint8Array | null;

/** A record to be written. */
export interface RecordInput {
  /** Null when left out. */
  readonly key?: Bytes;
  readonly value: Bytes;
  /** In their order, duplicates included. */
  readonly headers?: readonly (readonly [name: string | Uint8Array, value: Bytes])[];
  /** The offset after that of the record before it, when left out. */
  readonly offsetDelta?: number;
  /** Milliseconds after the batch's base timestamp; 0. */
  readonly timestampDelta?: bigint;
}

/** A record batch to be written. */
export interface BatchInput {
  readonly baseOffset: bigint;
  readonly records: readonly RecordInput[];
  /** That of the last record when left out; larger where compaction has removed the last ones. */
  readonly lastOffsetDelta?: number;
  readonly codec?: keyof typeof CODECS;
  readonly baseTimestampMs?: bigint;
  /** The largest of the records' when left out. */
  readonly maxTimestampMs?: bigint;
  /** The broker has stamped all records with `maxTimestampMs`. */
  readonly logAppendTime?: boolean;
  /** Makes the batch part of this producer's transaction. */
  readonly transactionOf?: bigint;
  /** It holds a marker and no data. */
  readonly control?: boolean;
}

const CODECS = {
  none: { number: 0, compress: (bytes: Buffer) => bytes },
  gzip: { number: 1, compress: (bytes: Buffer) => gzipSync(bytes) },
  zstd: { number: 4, compress: (bytes: Buffer) => zstdCompressSync(bytes) },
};

const HEADER_BYTES = 61;

/**
 * A record batch of message format 2 (KIP-98), byte for byte what a broker sends, but for the
 * checksum, which is 0: the proxy leaves it to the broker.
 */
export function buildBatch(input: BatchInput): Buffer {
  const { baseOffset, records, codec = "none", baseTimestampMs = 0n } = input;
  const deltas = offsetDeltas(records);
  const newest = records.reduce(
    (most, { timestampDelta = 0n }) => timestampDelta > most ? timestampDelta : most,
    0n,
  );
  const section = CODECS[codec].compress(buildRecords(records));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeBigInt64BE(baseOffset, 0);
  header.writeInt32BE(HEADER_BYTES - 12 + section.length, 8);
  header[16] = 2;
  header.writeInt16BE(
    CODECS[codec].number | (input.logAppendTime ? 0x08 : 0) |
      (input.transactionOf === undefined ? 0 : 0x10) | (input.control ? 0x20 : 0),
    21,
  );
  header.writeInt32BE(input.lastOffsetDelta ?? deltas.at(-1) ?? 0, 23);
  header.writeBigInt64BE(baseTimestampMs, 27);
  header.writeBigInt64BE(input.maxTimestampMs ?? baseTimestampMs + newest, 35);
  header.writeBigInt64BE(input.transactionOf ?? -1n, 43);
  header.writeInt16BE(input.transactionOf === undefined ? -1 : 0, 51);
  header.writeInt32BE(-1, 53);
  header.writeInt32BE(records.length, 57);
  return Buffer.concat([header, section]);
}

/** The records section of a batch before compression. */
export function buildRecords(records: readonly RecordInput[]): Buffer {
  const deltas = offsetDeltas(records);
  return Buffer.concat(records.map((record, i) => buildRecord(record, deltas[i])));
}

/** The marker that ends a transaction: one control record in a batch of its own. */
export function buildMarker(
  kind: "abort" | "commit",
  offset: bigint,
  producerId: bigint,
): Buffer {
  const key = Buffer.from([0, 0, 0, kind === "abort" ? 0 : 1]);
  return buildBatch({
    baseOffset: offset,
    records: [{ key, value: Buffer.alloc(6) }],
    transactionOf: producerId,
    control: true,
  });
}

/** A message of a format before 2: just enough of it to be recognized. */
export function buildOldMessage(offset: bigint, magic: 0 | 1): Buffer {
  const message = Buffer.alloc(34);
  message.writeBigInt64BE(offset, 0);
  message.writeInt32BE(message.length - 12, 8);
  message[16] = magic;
  return message;
}

/** Offsets of the records, counted from the batch's base offset. */
export function offsetDeltas(records: readonly RecordInput[]): number[] {
  let next = 0;
  return records.map(({ offsetDelta = next }) => {
    next = offsetDelta + 1;
    return offsetDelta;
  });
}

/** The bytes that a test's notation stands for. */
export function toBytes(bytes: Bytes): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes as Uint8Array);
}

function buildRecord(record: RecordInput, offsetDelta: number): Buffer {
  const { key = null, value, headers = [], timestampDelta = 0n } = record;
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampDelta),
    varint(BigInt(offsetDelta)),
    withLength(key),
    withLength(value),
    varint(BigInt(headers.length)),
    ...headers.flatMap(([name, value]) => [withLength(name), withLength(value)]),
  ]);
  return Buffer.concat([varint(BigInt(body.length)), body]);
}

function withLength(bytes: Bytes): Buffer {
  const own = toBytes(bytes);
  return own === null ? varint(-1n) : Buffer.concat([varint(BigInt(own.length)), own]);
}

/** A zigzag varint (Protocol Buffers' `sint64`). */
function varint(value: bigint): Buffer {
  let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes = [];
  do {
    const byte = Number(left & 127n);
    left >>= 7n;
    bytes.push(left === 0n ? byte : byte | 128);
  } while (left !== 0n);
  return Buffer.from(bytes);
}
