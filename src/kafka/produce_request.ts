import { Buffer } from "node:buffer";

/**
 * The versions of Produce that are spoken here: from 3 on with record batches, from 7 on with zstd,
 * at 8 with what is wrong with which record (KIP-467); later ones have another encoding, or more
 * for transactions.
 */
export const PRODUCE_VERSIONS = { min: 3, max: 8 };

/** A finished batch and where it goes. */
export interface ProducedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

/** What a broker says of one partition's batch. */
export interface ProduceAnswer {
  readonly topic: string;
  readonly partition: number;
  /** 0 is success (Kafka protocol guide, "Error Codes"). */
  readonly errorCode: number;
  /** Offset of the batch's first record. */
  readonly baseOffset: bigint;
  /** The time the broker has given all records, or -1 when they keep their own. */
  readonly logAppendTimeMs: bigint;
  /** Positions in the batch of the records that are at fault, with the broker's words. */
  readonly recordErrors: readonly { readonly index: number; readonly message: string }[];
  readonly errorMessage: string | undefined;
}

/**
 * Body of a Produce request of version 3 to 8, acknowledged by all replicas: transactional_id
 * nullable string, acks i16, timeout i32, an array of topic string and array of partition i32,
 * records bytes (Kafka protocol guide).
 *
 * @param timeoutMs how long the broker waits for the replicas
 */
export function produceRequest(batches: readonly ProducedBatch[], timeoutMs: number): Buffer {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  let size = 12;
  for (const [topic, own] of topics) {
    size += 6 + Buffer.byteLength(topic);
    for (const { bytes } of own) size += 8 + bytes.length;
  }
  const body = Buffer.allocUnsafe(size);
  let at = body.writeInt16BE(-1, 0);
  at = body.writeInt16BE(-1, at);
  at = body.writeInt32BE(timeoutMs, at);
  at = body.writeInt32BE(topics.size, at);
  for (const [topic, own] of topics) {
    at = body.writeInt16BE(Buffer.byteLength(topic), at);
    at += body.write(topic, at);
    at = body.writeInt32BE(own.length, at);
    for (const { partition, bytes } of own) {
      at = body.writeInt32BE(partition, at);
      at = body.writeInt32BE(bytes.length, at);
      body.set(bytes, at);
      at += bytes.length;
    }
  }
  return body;
}

/**
 * Reads its answer: an array of topic string and array of partition i32, error_code i16,
 * base_offset i64, log_append_time i64, from 5: log_start_offset i64, from 8: record_errors array
 * of index i32 and message nullable string, error_message nullable string; then throttle_time i32.
 *
 * @throws {RangeError} when the bytes end early
 */
export function readProduceResponse(payload: Buffer, version: number): ProduceAnswer[] {
  let at = 0;
  const int16 = () => payload.readInt16BE((at += 2) - 2);
  const int32 = () => payload.readInt32BE((at += 4) - 4);
  const int64 = () => payload.readBigInt64BE((at += 8) - 8);
  const string = () => {
    const length = int16();
    return length < 0 ? undefined : payload.toString("utf8", at, at += length);
  };
  const answers: ProduceAnswer[] = [];
  for (let topics = int32(); topics > 0; topics--) {
    const topic = string() ?? "";
    for (let partitions = int32(); partitions > 0; partitions--) {
      const partition = int32();
      const errorCode = int16();
      const baseOffset = int64();
      const logAppendTimeMs = int64();
      if (version >= 5) at += 8;
      const recordErrors: { index: number; message: string }[] = [];
      let errorMessage: string | undefined;
      if (version >= 8) {
        for (let left = int32(); left > 0; left--) {
          recordErrors.push({ index: int32(), message: string() ?? "" });
        }
        errorMessage = string();
      }
      answers.push({
        topic,
        partition,
        errorCode,
        baseOffset,
        logAppendTimeMs,
        recordErrors,
        errorMessage,
      });
    }
  }
  return answers;
}

/** How long the answer asks us to wait before the next request; from version 6 on we do (KIP-219). */
export function produceThrottledMs(payload: Buffer, version: number): number {
  return version >= 6 ? payload.readInt32BE(payload.length - 4) : 0;
}
