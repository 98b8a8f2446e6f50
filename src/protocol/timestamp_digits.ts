import type { RecordBatch } from "../core/chunk.ts";
import type { RecordWalker } from "./record_walker.ts";

/**
 * Decimal digits of records' timestamps, in milliseconds since 1970. Neighbours mostly have the same
 * one: the last text is kept. Exact at any size; only what a number cannot hold costs a bigint.
 */
export class TimestampDigits {
  readonly #digits = new Uint8Array(20);
  #start = 20;
  #batch: RecordBatch | undefined;
  /** Of the batch; not a number when one cannot hold it. */
  #baseMs = NaN;
  #lastMs = NaN;

  /** The records that follow are this batch's. */
  startBatch(batch: RecordBatch): void {
    this.#batch = batch;
    const base = batch.logAppendTime ? batch.maxTimestampMs : batch.baseTimestampMs;
    const baseMs = Number(base);
    this.#baseMs = Number.isSafeInteger(baseMs) ? baseMs : NaN;
  }

  /** Writes the timestamp of a record of the batch; returns the position after it. At most 20 bytes. */
  write(walker: RecordWalker, out: Uint8Array, at: number): number {
    const batch = this.#batch!;
    const ms = batch.logAppendTime ? this.#baseMs : this.#baseMs + walker.smallTimestampDelta();
    if (ms !== this.#lastMs) this.#set(ms, walker);
    const digits = this.#digits;
    for (let i = this.#start; i < 20; i++) out[at++] = digits[i];
    return at;
  }

  #set(ms: number, walker: RecordWalker): void {
    const isPlain = ms >= 0 && ms <= Number.MAX_SAFE_INTEGER;
    this.#lastMs = isPlain ? ms : NaN;
    if (isPlain) this.#setPlain(ms);
    else this.#setText(timestampMs(this.#batch!, walker).toString());
  }

  /** In two halves, since dividing small integers is several times cheaper. */
  #setPlain(ms: number): void {
    const high = Math.floor(ms / HALF);
    let left = ms - high * HALF | 0;
    let i = 20;
    const least = high > 0 ? 20 - HALF_DIGITS : 19;
    for (; i > least || left > 0; left = left / 10 | 0) this.#digits[--i] = ZERO + left % 10;
    for (left = high; left > 0; left = left / 10 | 0) this.#digits[--i] = ZERO + left % 10;
    this.#start = i;
  }

  #setText(text: string): void {
    this.#start = 20 - text.length;
    for (let i = 0; i < text.length; i++) this.#digits[this.#start + i] = text.charCodeAt(i);
  }
}

/** The timestamp of the record a walker stands on, in milliseconds since 1970. */
export function timestampMs(batch: RecordBatch, walker: RecordWalker): bigint {
  return batch.logAppendTime
    ? batch.maxTimestampMs
    : batch.baseTimestampMs + walker.timestampDelta();
}

const ZERO = 0x30;
const HALF_DIGITS = 8;
const HALF = 1e8;
