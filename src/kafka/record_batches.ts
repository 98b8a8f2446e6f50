import type { Buffer } from "node:buffer";
import type { RecordBatch } from "../core/chunk.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { decompress } from "./codecs/decompress.ts";
import type { AbortedTransaction } from "./fetch_response.ts";

/**
 * Header of a record batch (message format 2, KIP-98): baseOffset i64 at 0, batchLength i32 at 8,
 * partitionLeaderEpoch i32, magic i8 at 16, crc u32, attributes i16 at 21, lastOffsetDelta i32 at
 * 23, baseTimestamp i64 at 27, maxTimestamp i64 at 35, producerId i64 at 43, producerEpoch i16,
 * baseSequence i32, recordCount i32 at 57, records at 61. batchLength counts from byte 12.
 */
const HEADER_BYTES = 61;
const LENGTH_FROM = 12;

const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** Type of the control record that ends an aborted transaction; its key is version i16, type i16. */
const ABORT_MARKER = 0;

/** What a run of record batches holds for a reader. */
export interface BatchRun {
  /** Without control batches and, with aborted transactions given, without theirs. */
  readonly batches: RecordBatch[];
  /** The offset after the last complete batch, or undefined when there was none. */
  readonly next: bigint | undefined;
  /** What stopped the run before its end, besides the half batch that may end a response. */
  readonly error: ProxyError | undefined;
}

/**
 * Walks the record batches of one partition in a Fetch response, headers only.
 *
 * Batches that compaction has emptied count towards `next` like all others. The checksum is not
 * verified: TCP and the broker's own check on append stand before us, and CRC-32C in JavaScript
 * would cost as much as everything else together.
 */
export function readRecordBatches(
  bytes: Buffer,
  aborted: readonly AbortedTransaction[],
  maxBatchBytes: number,
): BatchRun {
  const batches: RecordBatch[] = [];
  const filter = aborted.length > 0 ? new AbortFilter(aborted) : undefined;
  let next: bigint | undefined;
  let at = 0;
  while (at + LENGTH_FROM + 5 <= bytes.length) {
    const baseOffset = bytes.readBigInt64BE(at);
    const magic = bytes[at + 16];
    if (magic !== 2) {
      return { batches, next, error: oldFormat(baseOffset, magic) };
    }
    const length = bytes.readInt32BE(at + 8);
    const end = at + LENGTH_FROM + length;
    if (length < HEADER_BYTES - LENGTH_FROM) {
      return { batches, next, error: corrupt(baseOffset, `its length is ${length}`) };
    }
    if (end > bytes.length) break;
    const attributes = bytes.readInt16BE(at + 21);
    const lastOffset = baseOffset + BigInt(bytes.readInt32BE(at + 23));
    const recordCount = bytes.readInt32BE(at + 57);
    if (recordCount < 0 || lastOffset < baseOffset) {
      return { batches, next, error: corrupt(baseOffset, `it counts ${recordCount} records`) };
    }
    const hidden = filter?.hides(bytes, at, end, attributes, lastOffset) ?? false;
    if ((attributes & CONTROL) === 0 && !hidden && recordCount > 0) {
      batches.push(
        new WireBatch(
          bytes,
          at,
          end,
          attributes,
          baseOffset,
          lastOffset,
          recordCount,
          maxBatchBytes,
        ),
      );
    }
    next = lastOffset + 1n;
    at = end;
  }
  return { batches, next, error: undefined };
}

/**
 * Hides the batches of aborted transactions.
 *
 * The broker lists each aborted transaction that touches the range with its first offset. From
 * there its producer's transactional batches are hidden, until its abort marker. The list is
 * sorted here: brokers give it by segment, and several may begin before the range.
 */
class AbortFilter {
  readonly #waiting: AbortedTransaction[];
  readonly #open = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#waiting = [...aborted].sort((a, b) =>
      a.firstOffset < b.firstOffset ? 1 : a.firstOffset > b.firstOffset ? -1 : 0
    );
  }

  hides(bytes: Buffer, at: number, end: number, attributes: number, lastOffset: bigint): boolean {
    if ((attributes & TRANSACTIONAL) === 0) return false;
    const producerId = bytes.readBigInt64BE(at + 43);
    if ((attributes & CONTROL) !== 0) {
      this.#openUpTo(lastOffset);
      if (isAbortMarker(bytes, at, end)) this.#open.delete(producerId);
      return true;
    }
    this.#openUpTo(lastOffset);
    return this.#open.has(producerId);
  }

  #openUpTo(lastOffset: bigint): void {
    for (let last = this.#waiting.at(-1); last !== undefined; last = this.#waiting.at(-1)) {
      if (last.firstOffset > lastOffset) return;
      this.#open.add(last.producerId);
      this.#waiting.pop();
    }
  }
}

/**
 * A control batch holds one record: length, attributes, two deltas, then the key; or none, where
 * compaction has removed the marker together with everything it ended.
 */
function isAbortMarker(bytes: Buffer, at: number, end: number): boolean {
  let i = at + HEADER_BYTES;
  while (bytes[i] > 127) i++;
  i += 2;
  while (bytes[i] > 127) i++;
  i++;
  while (bytes[i] > 127) i++;
  i++;
  while (bytes[i] > 127) i++;
  i++;
  return i + 4 <= end && bytes.readInt16BE(i + 2) === ABORT_MARKER;
}

/** A batch that points into the response it came in. */
class WireBatch implements RecordBatch {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly recordCount: number;
  readonly #bytes: Buffer;
  readonly #at: number;
  readonly #end: number;
  readonly #attributes: number;
  readonly #maxBatchBytes: number;

  constructor(
    bytes: Buffer,
    at: number,
    end: number,
    attributes: number,
    baseOffset: bigint,
    lastOffset: bigint,
    recordCount: number,
    maxBatchBytes: number,
  ) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
    this.#attributes = attributes;
    this.baseOffset = baseOffset;
    this.lastOffset = lastOffset;
    this.recordCount = recordCount;
    this.#maxBatchBytes = maxBatchBytes;
  }

  get baseTimestampMs(): bigint {
    return this.#bytes.readBigInt64BE(this.#at + 27);
  }

  get maxTimestampMs(): bigint {
    return this.#bytes.readBigInt64BE(this.#at + 35);
  }

  get logAppendTime(): boolean {
    return (this.#attributes & LOG_APPEND_TIME) !== 0;
  }

  open(): Uint8Array | Promise<Uint8Array> {
    const records = this.#bytes.subarray(this.#at + HEADER_BYTES, this.#end);
    const codec = this.#attributes & CODEC_MASK;
    if (codec === 0) return records;
    let opened: Uint8Array | Promise<Uint8Array>;
    try {
      opened = decompress(codec, records, this.#maxBatchBytes);
    } catch (error) {
      throw this.#located(error);
    }
    if (!(opened instanceof Promise)) return opened;
    return opened.catch((error) => {
      throw this.#located(error);
    });
  }

  /** The same error, saying which batch it was. */
  #located(error: unknown): ProxyError {
    const known = ProxyError.from(error);
    const offset = this.baseOffset.toString();
    return new ProxyError(known.code, `Record batch at offset ${offset}: ${known.message}`, {
      details: { offset },
      cause: error,
    });
  }
}

function oldFormat(offset: bigint, magic: number): ProxyError {
  return new ProxyError(
    "old_format",
    `Cannot read offset ${offset}: it is in message format ${magic}, and only format 2 ` +
      `(Kafka 0.11 and later) is read`,
    { details: { offset: offset.toString() } },
  );
}

function corrupt(offset: bigint, why: string): ProxyError {
  return new ProxyError(
    "corrupt_batch",
    `Cannot read the record batch at offset ${offset}: ${why}`,
    {
      details: { offset: offset.toString() },
    },
  );
}
