import { Buffer } from "node:buffer";

/** One partition of a Fetch response to be written. */
export interface PartitionInput {
  readonly partition: number;
  readonly errorCode?: number;
  readonly highWatermark?: bigint;
  readonly lastStableOffset?: bigint;
  /** `null` is how a broker says that there are none to know of. */
  readonly aborted?:
    | readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
    | null;
  /** `null` as brokers write it where there are no records. */
  readonly records?: Buffer | null;
}

/** A Fetch response to be written. */
export interface ResponseInput {
  readonly version: number;
  readonly errorCode?: number;
  readonly topics: readonly (readonly [topic: string, partitions: readonly PartitionInput[]])[];
}

/** The payload of a Fetch response of version 4 to 11, field by field as the protocol guide has it. */
export function buildFetchResponse({ version, errorCode = 0, topics }: ResponseInput): Buffer {
  return Buffer.concat([
    int32(0), // throttle_time_ms
    ...(version >= 7 ? [int16(errorCode), int32(0)] : []), // error_code, session_id
    int32(topics.length),
    ...topics.flatMap(([topic, partitions]) => [
      int16(Buffer.byteLength(topic)),
      Buffer.from(topic),
      int32(partitions.length),
      ...partitions.map((part) => partition(version, part)),
    ]),
  ]);
}

function partition(version: number, input: PartitionInput): Buffer {
  const { aborted = [], records = Buffer.alloc(0) } = input;
  return Buffer.concat([
    int32(input.partition),
    int16(input.errorCode ?? 0),
    int64(input.highWatermark ?? 0n),
    int64(input.lastStableOffset ?? -1n),
    ...(version >= 5 ? [int64(0n)] : []), // log_start_offset
    int32(aborted?.length ?? -1),
    ...(aborted ?? []).flatMap(({ producerId, firstOffset }) => [
      int64(producerId),
      int64(firstOffset),
    ]),
    ...(version >= 11 ? [int32(-1)] : []), // preferred_read_replica
    int32(records?.length ?? -1),
    records ?? Buffer.alloc(0),
  ]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}
