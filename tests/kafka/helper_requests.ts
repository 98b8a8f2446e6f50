/** Offsets are numbers here: the logs of tests are short. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Options of a new topic. */
export interface NewTopic {
  /** @default {1} */
  readonly partitions?: number;
  /** @default {3, or as many as there are nodes} */
  readonly replicationFactor?: number;
  readonly configs?: Readonly<Record<string, string>>;
  /** Node ids by partition, the preferred leader first; instead of the two counts. */
  readonly replicaAssignment?: readonly (readonly number[])[];
}

/** A partition as metadata shows it. */
export interface PartitionDescription {
  readonly partition: number;
  readonly leader?: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

/** How Kafka's Java producer compresses. */
export type Compression = "none" | "gzip" | "snappy" | "lz4" | "zstd";

/** Name, and value as base64 or Kafka's null. */
export type HeaderBase64 = readonly [name: string, value: string | null];

/** Settings of the Java producer. */
export interface ProducerOptions {
  /** @default {"none"} */
  readonly compression?: Compression;
  /** `batch.size`. @default {16384} */
  readonly batchBytes?: number;
  /** @default {5} */
  readonly lingerMs?: number;
  /** @default {"all"} */
  readonly acks?: "0" | "1" | "all";
  /** @default {true} */
  readonly idempotent?: boolean;
}

/** Numbered records: the value is a decimal number, padded with `x` to `valueBytes`. */
export interface NumberedRecords extends ProducerOptions {
  readonly topic: string;
  /** Without: number modulo the count of partitions; when `keyed`, Kafka's hash of the key. */
  readonly partition?: number;
  /** @default {100} */
  readonly valueBytes?: number;
  /** @default {0} */
  readonly startNumber?: number;
  /** As fast as it goes when absent. */
  readonly ratePerSecond?: number;
}

/** A number of numbered records. */
export interface ProduceRequest extends NumberedRecords {
  readonly count: number;
  /** The number is the key too. */
  readonly keyed?: boolean;
  readonly headers?: readonly HeaderBase64[];
  /** Of the first record, and from one to the next. */
  readonly timestamps?: { readonly startMs: number; readonly stepMs: number };
}

/** Where produced records went. */
export interface Produced {
  readonly count: number;
  /** By partition, without those that got none. */
  readonly partitions: readonly {
    readonly partition: number;
    readonly count: number;
    readonly firstOffset: number;
    readonly lastOffset: number;
  }[];
}

/** An exact record. */
export interface NewRecord {
  readonly topic: string;
  readonly partition?: number;
  /** Base64. */
  readonly key?: string | null;
  /** Base64. */
  readonly value: string | null;
  readonly headers?: readonly HeaderBase64[];
  readonly timestampMs?: number;
}

/** Where one record went. */
export interface Place extends TopicPartition {
  readonly offset: number;
}

/** A record as Kafka's own consumer gives it; bytes are base64. */
export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly HeaderBase64[];
}

/** Many small records in a single record batch: all `value`, or numbered when `valueBytes` is given. */
export interface BigBatch {
  readonly topic: string;
  /** @default {0} */
  readonly partition?: number;
  readonly count: number;
  /** @default {"x"} */
  readonly value?: string;
  readonly valueBytes?: number;
  readonly compression?: Compression;
}

/** One call with a transactional producer. */
export interface Transaction {
  /** `transactional.id`; producers are kept, so that those of several ids overlap. */
  readonly id: string;
  readonly records: readonly NewRecord[];
  /** `open` leaves it to a later call with the same id, or to `endTransaction`. */
  readonly end: "commit" | "abort" | "open";
  readonly compression?: Compression;
}

/** A consumer group as its coordinator shows it. */
export interface GroupDescription {
  /** For example `Stable`, `Empty`, `Dead` (which is also "never heard of it"). */
  readonly state: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly clientId: string;
    readonly partitions: readonly TopicPartition[];
  }[];
}

/** A Java consumer that subscribes, and polls until it leaves. */
export interface NewMember {
  readonly group: string;
  readonly topic: string;
  /** Name to leave by, and client id unless that is given. @default {a new one} */
  readonly id?: string;
  readonly clientId?: string;
  /** @default {10000} */
  readonly sessionTimeoutMs?: number;
  /** Whether it commits what it polled. @default {false} */
  readonly commits?: boolean;
  /** Whether it can tell in the end which records it was given. @default {false} */
  readonly keepRuns?: boolean;
}

/** Records that followed right on another at one consumer. */
export interface ReceivedRun {
  readonly partition: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
}

/** A user of SCRAM and its password. */
export interface ScramPassword {
  readonly user: string;
  readonly password: string;
  readonly mechanism: "SCRAM-SHA-256" | "SCRAM-SHA-512";
}

/** What a user may do with one topic or group, or with all whose names begin so. */
export interface AccessRule {
  readonly user: string;
  readonly resource: "TOPIC" | "GROUP" | "CLUSTER";
  readonly name: string;
  readonly prefixed?: boolean;
  readonly operations: readonly ("READ" | "WRITE" | "DESCRIBE" | "IDEMPOTENT_WRITE" | "ALL")[];
}
