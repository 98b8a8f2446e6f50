import { Buffer } from "node:buffer";
import { CompactReader, compactString, unsignedVarint } from "./compact.ts";

/** The version of OffsetFetch that can ask for what is stable (KIP-447); KafkaJS speaks older ones. */
export const STABLE_OFFSET_FETCH = { min: 7, max: 7 };

/** What a group's coordinator says is committed; errors are in the data. */
export interface OffsetFetchAnswer {
  readonly errorCode: number;
  readonly responses: readonly {
    readonly partitions: readonly {
      readonly partition: number;
      /** -1 where there is none. */
      readonly offset: bigint | string;
      readonly errorCode: number;
    }[];
  }[];
}

/**
 * Body of an OffsetFetch request of version 7 for partitions of one topic, with `require_stable`:
 * group_id compact string, topics compact array of { name compact string, partitions compact array of
 * i32, tags }, require_stable bool, tags (Kafka protocol guide). The first byte is the end of the
 * header, which may have tags too.
 *
 * A coordinator that has just taken over from another one shows, without it, what it knows to be on
 * all replicas, which for a moment is older than what was answered by the one before it. With it, it
 * answers when everything that was committed before is there (KAFKA-14499), or says
 * UNSTABLE_OFFSET_COMMIT.
 */
export function stableOffsetFetchRequest(
  group: string,
  topic: string,
  partitions: readonly number[],
): Buffer {
  const numbers = Buffer.alloc(4 * partitions.length);
  for (const [i, partition] of partitions.entries()) numbers.writeInt32BE(partition, 4 * i);
  return Buffer.concat([
    Buffer.of(0),
    compactString(group),
    unsignedVarint(2),
    compactString(topic),
    unsignedVarint(partitions.length + 1),
    numbers,
    Buffer.of(0, 1, 0),
  ]);
}

/**
 * Reads its answer: the header's tags, throttle_time i32, topics compact array of { name compact
 * string, partitions compact array of { partition i32, committed_offset i64, leader_epoch i32,
 * metadata compact string, error_code i16, tags }, tags }, error_code i16, tags.
 *
 * @throws {RangeError} when the bytes end early
 */
export function readOffsetFetchResponse(payload: Buffer): OffsetFetchAnswer {
  const reader = new CompactReader(payload);
  reader.tags();
  reader.skip(4);
  const responses = reader.array(() => {
    reader.string(); // topic
    const partitions = reader.array(() => {
      const [partition, offset] = [reader.int32(), reader.int64()];
      reader.skip(4); // leader epoch
      reader.string(); // metadata
      const errorCode = reader.int16();
      reader.tags();
      return { partition, offset, errorCode };
    });
    reader.tags();
    return { partitions };
  });
  return { errorCode: reader.int16(), responses };
}
