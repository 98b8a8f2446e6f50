import { ProxyError } from "../core/proxy_error.ts";

/**
 * Walks the records of one opened batch in place: no object a record, only these numbers, which
 * point into {@linkcode bytes} and hold until the next {@linkcode next}.
 *
 * Record (message format 2, KIP-98): length varint, attributes i8, timestampDelta varlong,
 * offsetDelta varint, keyLength varint, key, valueLength varint, value, headerCount varint, then
 * for each header nameLength varint, name, valueLength varint, value. Varints are zigzag; a length
 * of -1 is null.
 */
export class RecordWalker {
  bytes: Uint8Array = EMPTY;
  /** Over {@linkcode bytes}. */
  view: DataView = EMPTY_VIEW;
  offsetDelta = 0;
  timestampAt = 0;
  keyAt = 0;
  /** -1 is null. */
  keyLength = -1;
  valueAt = 0;
  /** -1 is null. */
  valueLength = -1;
  headersAt = 0;
  headerCount = 0;

  #at = 0;
  #end = 0;
  #left = 0;
  #baseOffset = 0n;

  /** Starts on the records section of a batch. */
  start(bytes: Uint8Array, recordCount: number, baseOffset: bigint): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#end = bytes.length;
    this.#left = recordCount;
    this.#baseOffset = baseOffset;
  }

  /**
   * Moves to the next record; false after the last one.
   *
   * @throws {ProxyError} `corrupt_batch` when lengths do not fit into each other
   */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    const bytes = this.bytes;
    this.#at = readVarint(bytes, this.#at);
    const length = varint;
    const end = this.#at + length;
    if (length < 6 || end > this.#end) throw this.#corrupt();
    let at = this.#at + 1;
    this.timestampAt = at;
    while (bytes[at] > 127) at++;
    at = readVarint(bytes, at + 1);
    this.offsetDelta = varint;
    at = readVarint(bytes, at);
    this.keyAt = at;
    this.keyLength = varint;
    if (varint > 0) at += varint;
    at = readVarint(bytes, at);
    this.valueAt = at;
    this.valueLength = varint;
    if (varint > 0) at += varint;
    at = readVarint(bytes, at);
    this.headersAt = at;
    this.headerCount = varint;
    // One comparison covers every length above: each of them only ever moved `at` forwards.
    if (at > end || this.headerCount < 0 || this.headerCount > end - at) throw this.#corrupt();
    if (this.headerCount === 0 && at !== end) throw this.#corrupt();
    if (this.offsetDelta < 0) throw this.#corrupt();
    this.#at = end;
    return true;
  }

  /** Milliseconds to add to the batch's base timestamp. */
  timestampDelta(): bigint {
    return readVarlong(this.bytes, this.timestampAt);
  }

  /** As {@linkcode timestampDelta}; not a number when it takes more than 42 bits. */
  smallTimestampDelta(): number {
    const bytes = this.bytes;
    let at = this.timestampAt;
    let raw = bytes[at] & 127;
    for (let scale = 128; bytes[at++] > 127; scale *= 128) {
      if (scale > MAX_SMALL_SCALE) return NaN;
      raw += (bytes[at] & 127) * scale;
    }
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  /**
   * Calls `visit` for each header in its order, duplicates included; a `valueLength` of -1 is null.
   *
   * @throws {ProxyError} `corrupt_batch`
   */
  headers(
    visit: (nameAt: number, nameLength: number, valueAt: number, valueLength: number) => void,
  ): void {
    let at = this.headersAt;
    for (let i = 0; i < this.headerCount; i++) {
      at = readVarint(this.bytes, at);
      const nameAt = at;
      const nameLength = varint;
      if (nameLength < 0) throw this.#corrupt();
      at = readVarint(this.bytes, at + nameLength);
      const valueAt = at;
      const valueLength = varint;
      if (valueLength > 0) at += valueLength;
      if (at > this.#at) throw this.#corrupt();
      visit(nameAt, nameLength, valueAt, valueLength);
    }
  }

  #corrupt(): ProxyError {
    return new ProxyError(
      "corrupt_batch",
      `Cannot read the record batch at offset ${this.#baseOffset}: the lengths inside record ` +
        `${this.offsetDelta} do not fit`,
    );
  }
}

/** Of the sixth byte of a varint. */
const MAX_SMALL_SCALE = 2 ** 35;

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

/**
 * The value of the last {@linkcode readVarint}. A module variable instead of a returned pair: the
 * reader runs several times a record, and an allocation there costs more than the decoding.
 */
let varint = 0;

/** Reads a zigzag varint of 32 bits into `varint` and returns the position after it. */
function readVarint(bytes: Uint8Array, at: number): number {
  let byte = bytes[at++];
  if (byte < 128) {
    varint = (byte >>> 1) ^ -(byte & 1);
    return at;
  }
  let raw = byte & 127;
  for (let shift = 7; shift < 35; shift += 7) {
    byte = bytes[at++];
    raw |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  varint = (raw >>> 1) ^ -(raw & 1);
  return at;
}

/** Reads a zigzag varint of 64 bits. */
function readVarlong(bytes: Uint8Array, at: number): bigint {
  let raw = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[at++];
    raw |= BigInt(byte & 127) << shift;
    if (byte < 128) break;
  }
  return BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n));
}
