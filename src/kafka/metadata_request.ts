import { Buffer } from "node:buffer";

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
    const name = Buffer.from(topic);
    parts.push(Buffer.alloc(UUID_BYTES), unsignedVarint(name.length + 1), name, Buffer.of(0));
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

const UUID_BYTES = 16;

/** Reads the flexible versions' encodings (KIP-482): lengths are unsigned varints, plus one. */
class CompactReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  int16(): number {
    return this.#bytes.readInt16BE((this.#at += 2) - 2);
  }

  int32(): number {
    return this.#bytes.readInt32BE((this.#at += 4) - 4);
  }

  string(): string | null {
    const length = this.#varint() - 1;
    if (length < 0) return null;
    return this.#bytes.toString("utf8", this.#at, this.#at += length);
  }

  /** `undefined` for the one that is all zeros, which stands for none. */
  uuid(): string | undefined {
    const bytes = this.#bytes.subarray(this.#at, this.#at += UUID_BYTES);
    return bytes.some((byte) => byte !== 0) ? bytes.toString("base64url") : undefined;
  }

  array<T>(item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.#varint() - 1; left > 0; left--) items.push(item());
    return items;
  }

  tags(): void {
    for (let left = this.#varint(); left > 0; left--) {
      this.#varint();
      this.skip(this.#varint());
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
}

function unsignedVarint(value: number): Buffer {
  const bytes: number[] = [];
  while (value > 127) {
    bytes.push(value & 127 | 128);
    value >>>= 7;
  }
  return Buffer.of(...bytes, value);
}
