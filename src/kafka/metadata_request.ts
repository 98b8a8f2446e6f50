import { Buffer } from "node:buffer";
import { CompactReader, compactString, unsignedVarint, UUID_BYTES } from "./compact.ts";

/** The versions of Metadata that name topics by id too (KIP-516); KafkaJS speaks older ones only. */
export const METADATA_WITH_IDS = { min: 10, max: 12 };

/** What the brokers of a cluster say of themselves and of some topics; errors are in the data. */
export interface ClusterMetadata {
  readonly clusterId?: string | null;
  readonly brokers: readonly {
    readonly nodeId: number;
    readonly host: string;
    readonly port: number;
  }[];
  readonly topicMetadata: readonly TopicMetadata[];
}

/** One topic of a Metadata answer; errors are in the data. */
export interface TopicMetadata {
  readonly topic: string;
  /** As base64url text; absent on brokers that give none. */
  readonly topicId?: string;
  readonly topicErrorCode: number;
  readonly partitionMetadata: readonly {
    readonly partitionId: number;
    readonly leader: number;
  }[];
}

/**
 * Body of a Metadata request about these topics, or all (`undefined`), of version 10 to 12 that creates no topic: topics compact array of
 * { topic_id uuid, name compact string, tags }, allow_auto_topic_creation bool, up to 10:
 * include_cluster_authorized_operations bool, include_topic_authorized_operations bool, tags
 * (Kafka protocol guide). The first byte is the end of the header, which may have tags too.
 */
export function metadataRequest(topics: readonly string[] | undefined, version: number): Buffer {
  const parts = [Buffer.of(0), unsignedVarint(topics === undefined ? 0 : topics.length + 1)];
  for (const topic of topics ?? []) {
    parts.push(Buffer.alloc(UUID_BYTES), compactString(topic), Buffer.of(0));
  }
  parts.push(Buffer.alloc(version <= 10 ? 4 : 3));
  return Buffer.concat(parts);
}

/**
 * Reads its answer: the header's tags, throttle_time i32, brokers, cluster_id, controller_id i32,
 * topics; what comes after these is not needed.
 *
 * @throws {RangeError} when the bytes end early
 */
export function readMetadataResponse(payload: Buffer): ClusterMetadata {
  const reader = new CompactReader(payload);
  reader.tags();
  reader.skip(4);
  const brokers = reader.array(() => {
    const broker = { nodeId: reader.int32(), host: reader.string() ?? "", port: reader.int32() };
    reader.string(); // rack
    reader.tags();
    return broker;
  });
  const clusterId = reader.string();
  reader.skip(4); // controller
  const topicMetadata = reader.array(() => {
    const topicErrorCode = reader.int16();
    const topic = reader.string() ?? "";
    const topicId = reader.uuid();
    reader.skip(1); // internal
    const partitionMetadata = reader.array(() => {
      reader.skip(2); // error code
      const partition = { partitionId: reader.int32(), leader: reader.int32() };
      reader.skip(4); // leader epoch
      for (let list = 0; list < 3; list++) reader.array(() => reader.int32()); // replicas
      reader.tags();
      return partition;
    });
    reader.skip(4); // operations
    reader.tags();
    return { topic, topicId, topicErrorCode, partitionMetadata };
  });
  return { clusterId, brokers, topicMetadata };
}
