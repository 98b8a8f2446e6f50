import { ClientError } from "./client_error.ts";
import type { RecordHeader } from "./record_header.ts";

/** Bytes before the first record. */
const HEAD_BYTES = 32;

const DECODER = new TextDecoder();

const NO_HEADERS: readonly RecordHeader[] = [];

/**
 * One binary frame of records, walked in place: no object a record, only these fields, which hold
 * until the next {@linkcode next}. Keys, values and headers are views into the frame.
 *
 * Format, little endian: `u8 kind=1 | u8 flags=0 | u16 subscription | u16 topicIndex | u16 0 |
 * i32 partition | i64 baseOffset | i64 next | u32 count`, then for each record `u32 offsetDelta |
 * i64 timestamp | i32 keyLength | key | i32 valueLength | value | u16 headerCount | { u16 nameLength |
 * name | i32 length | value }`; a length of -1 is null.
 */
export class BinaryRecords {
  readonly subscription: number;
  readonly topicIndex: number;
  readonly partition: number;
  /** The offset after everything in the frame. */
  readonly nextOffset: bigint;
  readonly count: number;

  offset = 0n;
  /** Milliseconds since 1970. */
  timestamp = 0;
  key: Uint8Array | null = null;
  value: Uint8Array | null = null;
  headers: readonly RecordHeader[] = NO_HEADERS;

  readonly #view: DataView;
  readonly #baseOffset: bigint;
  #at = HEAD_BYTES;
  #left: number;

  /** @throws {ClientError} `bad_frame` when it is not a frame of records */
  constructor(frame: ArrayBuffer) {
    const view = new DataView(frame);
    if (frame.byteLength < HEAD_BYTES || view.getUint8(0) !== 1 || view.getUint8(1) !== 0) {
      throw new ClientError("bad_frame", "The server sent a binary frame that holds no records");
    }
    this.#view = view;
    this.subscription = view.getUint16(2, true);
    this.topicIndex = view.getUint16(4, true);
    this.partition = view.getInt32(8, true);
    this.#baseOffset = view.getBigInt64(12, true);
    this.nextOffset = view.getBigInt64(20, true);
    this.count = view.getUint32(28, true);
    this.#left = this.count;
  }

  /** Size of the whole frame. */
  get bytes(): number {
    return this.#view.byteLength;
  }

  /** Records that have not been walked. */
  get left(): number {
    return this.#left;
  }

  /** Moves to the next record; false after the last one. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    const view = this.#view;
    this.offset = this.#baseOffset + BigInt(view.getUint32(this.#at, true));
    this.timestamp = Number(view.getBigInt64(this.#at + 4, true));
    this.#at += 12;
    this.key = this.#bytes();
    this.value = this.#bytes();
    const headers = view.getUint16(this.#at, true);
    this.#at += 2;
    this.headers = headers === 0 ? NO_HEADERS : this.#headers(headers);
    return true;
  }

  #bytes(): Uint8Array | null {
    const length = this.#view.getInt32(this.#at, true);
    this.#at += 4;
    return length < 0 ? null : this.#take(length);
  }

  #headers(count: number): RecordHeader[] {
    const headers: RecordHeader[] = [];
    for (let i = 0; i < count; i++) {
      const length = this.#view.getUint16(this.#at, true);
      this.#at += 2;
      headers.push([DECODER.decode(this.#take(length)), this.#bytes()]);
    }
    return headers;
  }

  #take(length: number): Uint8Array {
    const bytes = new Uint8Array(this.#view.buffer, this.#at, length);
    this.#at += length;
    return bytes;
  }
}
