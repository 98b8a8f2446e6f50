import type { Buffer } from "node:buffer";
import type { NewRecord, Written } from "../core/ports.ts";
import type { ProxyError } from "../core/proxy_error.ts";
import { RecordWalker } from "../protocol/record_walker.ts";
import {
  BATCH_HEADER_BYTES,
  BatchEncoder,
  type BatchIdentity,
  stampBatch,
} from "./batch_encoder.ts";
import type { Compressor } from "./codecs/compress.ts";
import type { WriteCall } from "./write_call.ts";

/**
 * One record batch on its way, and who waits for which of its records.
 *
 * Once finished its bytes do not change, and once stamped it is sent again as it is: a broker that
 * has stored it already knows it by its numbers.
 */
export class PendingBatch {
  /** When its first record was given to the writer, in ms of the monotonic clock. */
  readonly createdMs: number;
  /** Some try was, or is, without an answer that says whether it is stored. */
  inDoubt = false;
  readonly #encoder = new BatchEncoder();
  readonly #calls: WriteCall[] = [];
  readonly #indexes: number[] = [];
  readonly #timesMs: number[] = [];
  #bytes: Buffer | undefined;
  #identity: BatchIdentity | undefined;

  constructor(createdMs: number) {
    this.createdMs = createdMs;
  }

  get count(): number {
    return this.#encoder.count;
  }

  /** The numbers it was last stamped with. */
  get identity(): BatchIdentity | undefined {
    return this.#identity;
  }

  /** Adds a record, unless the batch would then be larger than `limitBytes` and is not empty. */
  append(
    record: NewRecord,
    timestampMs: number,
    call: WriteCall,
    index: number,
    limitBytes: number,
  ): boolean {
    if (!this.#encoder.append(record, timestampMs, limitBytes)) return false;
    this.#calls.push(call);
    this.#indexes.push(index);
    this.#timesMs.push(timestampMs);
    return true;
  }

  /** Its bytes as they go out; nothing can be added any more. */
  finish({ codec, compress }: Compressor): Buffer {
    return this.#bytes ??= this.#encoder.finish(codec, compress);
  }

  stamp(identity: BatchIdentity): void {
    if (this.#bytes === undefined) throw new TypeError("Cannot stamp a batch: it is not finished");
    this.#identity = identity;
    stampBatch(this.#bytes, identity);
  }

  /** The next try is with other numbers: this one is not stored under those it has. */
  unstamp(): void {
    this.#identity = undefined;
  }

  /** @param logAppendTimeMs the broker's time for all records, or -1 when they keep their own */
  succeed(partition: number, baseOffset: bigint, logAppendTimeMs: bigint): void {
    let timeMs = NaN;
    let timestampMs = logAppendTimeMs;
    for (let i = 0; i < this.#calls.length; i++) {
      if (logAppendTimeMs < 0n && this.#timesMs[i] !== timeMs) {
        timeMs = this.#timesMs[i];
        timestampMs = BigInt(timeMs);
      }
      const offset = baseOffset + BigInt(i);
      this.#calls[i].settle(this.#indexes[i], { partition, offset, timestampMs });
    }
  }

  fail(outcome: "failed" | "unknown", error: ProxyError): void {
    const written: Written = { outcome, error };
    for (let i = 0; i < this.#calls.length; i++) this.#calls[i].settle(this.#indexes[i], written);
  }

  /**
   * Its records in batches of their own, as many in each as fit into `limitBytes` before
   * compression, without those of which `isOut` says that they are settled.
   */
  split(limitBytes: number, isOut: (index: number) => boolean = () => false): PendingBatch[] {
    const pieces: PendingBatch[] = [];
    const walker = new RecordWalker();
    walker.start(this.#encoder.section, this.count, 0n);
    for (let i = 0; walker.next(); i++) {
      if (isOut(i)) continue;
      const record = recordAt(walker);
      const [timeMs, call, index] = [this.#timesMs[i], this.#calls[i], this.#indexes[i]];
      if (pieces.at(-1)?.append(record, timeMs, call, index, limitBytes)) continue;
      const piece = new PendingBatch(this.createdMs);
      piece.append(record, timeMs, call, index, limitBytes);
      pieces.push(piece);
    }
    return pieces;
  }

  /** Says of one record that it is not stored; the others are settled elsewhere. */
  failOne(index: number, error: ProxyError): void {
    this.#calls[index].settle(this.#indexes[index], { outcome: "failed", error });
  }

  /** Bytes before compression. */
  get rawBytes(): number {
    return this.#encoder.length;
  }

  /** A batch with half of its records is about as large, before compression. */
  get halfBytes(): number {
    return BATCH_HEADER_BYTES + Math.ceil((this.rawBytes - BATCH_HEADER_BYTES) / 2);
  }
}

const TEXT = new TextDecoder();

function recordAt(walker: RecordWalker): NewRecord {
  const { bytes, keyAt, keyLength, valueAt, valueLength } = walker;
  const part = (at: number, length: number) => length < 0 ? null : bytes.subarray(at, at + length);
  const headers: [string, Uint8Array | null][] = [];
  walker.headers((nameAt, nameLength, at, length) => {
    headers.push([TEXT.decode(part(nameAt, nameLength) ?? undefined), part(at, length)]);
  });
  return { key: part(keyAt, keyLength), value: part(valueAt, valueLength), headers };
}
