import type { Buffer } from "node:buffer";
import type { RawAnswer } from "./broker_link.ts";

/** A transaction that was aborted: its records end at its abort marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** One partition's part of a Fetch response, records still as bytes. */
export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** 0 is success (Kafka protocol guide, "Error Codes"). */
  readonly errorCode: number;
  readonly highWatermark: bigint;
  /** -1 where the broker did not compute it. */
  readonly lastStableOffset: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** A view into the response: whoever keeps it keeps the whole response. */
  readonly records: Buffer;
}

/**
 * Reads a Fetch response of version 4 to 11.
 *
 * Layout (Kafka protocol guide): throttle_time i32; from 7: error_code i16, session_id i32; then
 * an array of topic string and array of partition i32, error_code i16, high_watermark i64,
 * last_stable_offset i64, from 5: log_start_offset i64, aborted array of producer_id i64 and
 * first_offset i64, from 11: preferred_read_replica i32, records bytes.
 *
 * @throws {RangeError} when the bytes end early
 */
export function readFetchResponse(
  { version, payload }: RawAnswer,
): { errorCode: number; partitions: FetchedPartition[] } {
  let at = 4;
  let errorCode = 0;
  if (version >= 7) {
    errorCode = payload.readInt16BE(at);
    at += 6;
  }
  const partitions: FetchedPartition[] = [];
  const topics = payload.readInt32BE(at);
  at += 4;
  for (let t = 0; t < topics; t++) {
    const nameLength = payload.readInt16BE(at);
    const topic = payload.toString("utf8", at + 2, at + 2 + nameLength);
    at += 2 + nameLength;
    const count = payload.readInt32BE(at);
    at += 4;
    for (let p = 0; p < count; p++) {
      const partition = payload.readInt32BE(at);
      const partitionError = payload.readInt16BE(at + 4);
      const highWatermark = payload.readBigInt64BE(at + 6);
      const lastStableOffset = payload.readBigInt64BE(at + 14);
      at += version >= 5 ? 30 : 22;
      const abortedCount = payload.readInt32BE(at);
      at += 4;
      const aborted: AbortedTransaction[] = [];
      for (let a = 0; a < abortedCount; a++) {
        aborted.push({
          producerId: payload.readBigInt64BE(at),
          firstOffset: payload.readBigInt64BE(at + 8),
        });
        at += 16;
      }
      if (version >= 11) at += 4;
      const size = Math.max(payload.readInt32BE(at), 0);
      at += 4;
      const records = payload.subarray(at, at + size);
      at += size;
      partitions.push({
        topic,
        partition,
        errorCode: partitionError,
        highWatermark,
        lastStableOffset,
        aborted,
        records,
      });
    }
  }
  return { errorCode, partitions };
}
