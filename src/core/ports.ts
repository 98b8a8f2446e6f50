import type { Chunk } from "./chunk.ts";
import type { ProxyError } from "./proxy_error.ts";

/** `committed` hides records of open and aborted transactions (KIP-98). */
export type Isolation = "committed" | "uncommitted";

/** A topic as its metadata shows it now. */
export interface TopicInfo {
  readonly topic: string;
  /**
   * Another one after the topic was deleted and created again (KIP-516): 22 characters of base64url.
   * Absent on brokers before 2.8.
   */
  readonly topicId?: string;
  /** Partition number to the node id of its leader; `undefined` while it has none. */
  readonly leaders: ReadonlyMap<number, number | undefined>;
}

/** Where one partition is to be read from. */
export interface FetchTarget {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Soft limit: a broker sends the first batch whole however large it is (KIP-74). */
  readonly maxBytes: number;
}

/**
 * What a broker said of one target. `moved` asks for new metadata, `gone` for a look whether the
 * topic still exists, `out_of_range` for another offset; `failed` cannot be mended by asking again.
 */
export type FetchAnswer =
  & { readonly topic: string; readonly partition: number }
  & (
    | { readonly kind: "chunk"; readonly chunk: Chunk }
    | { readonly kind: "moved" | "gone" | "out_of_range"; readonly reason: string }
    | { readonly kind: "failed"; readonly error: ProxyError }
  );

/** An end of a partition, or the first record at or after a time (milliseconds since 1970). */
export type OffsetSpec = "earliest" | "latest" | { readonly timestampMs: bigint };

/** Reading from Kafka without a group: what the shared log needs, and what start positions need. */
export interface LogReader {
  /**
   * The topic, from metadata at most a few seconds old; `fresh` asks the cluster now.
   *
   * @throws {ProxyError} `unknown_topic`, `forbidden`, `kafka_unavailable`
   */
  topic(name: string, options?: { fresh?: boolean }): Promise<TopicInfo>;
  /**
   * The id the cluster was given when it was made, and keeps; `undefined` on brokers without one.
   *
   * @throws {ProxyError} `kafka_unavailable`
   */
  clusterId(): Promise<string | undefined>;
  /**
   * One Fetch to one broker. `waitMs` 0 goes out on the connection for immediate answers; more is a
   * long poll on a connection of its own, ended early by the first byte that arrives.
   *
   * @throws {ProxyError} `kafka_unavailable` when the broker cannot be reached
   */
  fetch(
    nodeId: number,
    targets: readonly FetchTarget[],
    options: { isolation: Isolation; waitMs: number },
  ): Promise<FetchAnswer[]>;
  /**
   * Offsets by partition. A time after the last record gives the end.
   *
   * @throws {ProxyError} `unknown_topic`, `unknown_partition`, `kafka_unavailable`
   */
  offsets(
    topic: string,
    partitions: readonly number[],
    at: OffsetSpec,
    isolation: Isolation,
  ): Promise<Map<number, bigint>>;
}

/** Committed positions of consumer groups, written as a standalone consumer does. */
export interface GroupPositions {
  /** Client ids and hosts of the members the group has now; empty for an unused group. */
  members(group: string): Promise<string[]>;
  /** The next offset to read, for the partitions that have one. */
  committed(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, bigint>>;
  /**
   * Commits the next offsets to read.
   *
   * @param guard called before each try, as late as can be; what it throws ends the tries
   * @throws {ProxyError} `group_in_use` when the group has got members, `kafka_unavailable`
   */
  commit(
    group: string,
    topic: string,
    next: ReadonlyMap<number, bigint>,
    guard?: () => void,
  ): Promise<void>;
}

/** A message ready for a socket, with what it takes the client past. */
export interface Frame {
  readonly data: string | Uint8Array;
  /** Size on the wire without the frame header. */
  readonly bytes: number;
  readonly topic: string;
  readonly partition: number;
  /** The offset after the last record in it. */
  readonly next: bigint;
  readonly records: number;
  /** Bytes of keys, values and headers in it. */
  readonly payloadBytes: number;
}

/** Why a connection ended, as both sides will see it. */
export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

/** One client's connection, as the session sees it. */
export interface FrameSink {
  /** Bytes handed to {@linkcode send} so far. */
  readonly sentBytes: number;
  /** Of those, the bytes the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Of those, the bytes that it has surely taken, before the client closed: what positions are
   * committed by. A little behind {@linkcode sentBytes} less {@linkcode bufferedBytes}.
   */
  readonly takenBytes: number;
  /** Largest frame to send, unless a single record is larger. It follows the number of sockets. */
  readonly frameBytes: number;
  /** Settles, never rejects, when the connection is over for us. */
  readonly closed: Promise<CloseInfo>;
  readonly isClosed: boolean;
  /** Whether {@linkcode send} may be called now: buffered bytes are under the high water mark. */
  readonly hasRoom: boolean;
  /** Resolves under the low water mark, when closed, or when `signal` is aborted. */
  room(signal: AbortSignal): Promise<void>;
  /**
   * Resolves when the operating system has surely taken everything sent so far, after `timeoutMs`,
   * or when closed.
   */
  drained(timeoutMs: number): Promise<void>;
  /** Queues a frame. After the end it does nothing. */
  send(data: string | Uint8Array, bytes: number): void;
  /** Ends the connection; the first call wins. */
  close(code: number, reason: string): void;
}

/** What happens to a member of a balanced group; each is waited for before the member goes on. */
export interface GroupMemberEvents {
  /**
   * The member's partitions from now on by topic, all of them, ascending; a topic of which it has
   * none is left out. Commits carry a new generation.
   */
  assigned(partitions: ReadonlyMap<string, readonly number[]>): Promise<void>;
  /** The group rebalances: stop sending. Commits are still taken until this settles. */
  revoking(): Promise<void>;
  /** The membership is over without notice; what it held may be somebody else's by now. */
  lost(): Promise<void>;
  /** The group does not take us, or may not be used. */
  failed(error: ProxyError): void;
}

/** A live member of a balanced group. */
export interface GroupMember {
  /**
   * Commits next offsets under the member's generation: Kafka refuses it once somebody else may
   * own the partitions.
   *
   * @throws {ProxyError} `group_in_use` when refused; it must not be tried again
   */
  commit(topic: string, next: ReadonlyMap<number, bigint>): Promise<void>;
  /** Leaves the group, in whatever state; never rejects. */
  leave(): Promise<void>;
}

/** Joining balanced groups: Kafka shares the partitions of topics between the members. */
export interface GroupMembers {
  /**
   * Joins as a member that wants all of these topics.
   *
   * @param topics distinct; each has to exist, or the member ends with `unknown_topic` when it is
   * the one who divides
   */
  join(group: string, topics: readonly string[], events: GroupMemberEvents): GroupMember;
}

/** A pinned partition of a group: the claim that makes its client the only one. */
export interface Pin {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** A pin held against every other process on the cluster. */
export interface Lease {
  /** Settles with the reason when somebody else has it, or may have it. */
  readonly lost: Promise<ProxyError>;
  /** False while it cannot be known whether the lease still holds: send and commit nothing. */
  readonly isSure: boolean;
  /** How often it was not sure, so far: what was read from Kafka before may be out of date. */
  readonly doubts: number;
  /** Resolves when it is sure again, lost, or `signal` is aborted. */
  sure(signal: AbortSignal): Promise<void>;
  /** Gives it back; the last one in this process who does lets go of it. Never rejects. */
  release(): Promise<void>;
}

/** Leases on pins. */
export interface Leases {
  /**
   * Takes a pin from whoever has it, in an orderly way if that one lives.
   *
   * @param onDoubt called when the lease is sure again after a doubt
   * @throws {ProxyError} `taken_over` when a still newer one came, `forbidden`, `kafka_unavailable`,
   * `leaving` when `signal` is aborted
   */
  acquire(pin: Pin, signal: AbortSignal, onDoubt?: () => void): Promise<Lease>;
}

/** A record to write. */
export interface NewRecord {
  readonly key: Uint8Array | null;
  /** `null` is a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[];
  /** Milliseconds since 1970; absent: now. */
  readonly timestampMs?: bigint;
  /** Absent: by key as other Kafka clients do (murmur2), without a key spread. */
  readonly partition?: number;
}

/**
 * What became of a record: where it stands; or that it is not stored (`failed`); or that nobody can
 * tell (`unknown`).
 */
export type Written =
  | { readonly partition: number; readonly offset: bigint; readonly timestampMs: bigint }
  | { readonly outcome: "failed" | "unknown"; readonly error: ProxyError };

/** Writing to Kafka: idempotent, acknowledged by all replicas in sync. */
export interface RecordWriter {
  /**
   * Writes records of one topic; the results stand in their order.
   *
   * Order: within a topic-partition, records are appended in the order in which they were given to
   * this method, over all calls, for as long as they do not fail.
   * Delivery: no record is stored twice, and none that `failed` is stored. `unknown` (code
   * `unknown_outcome`) is a record that was sent and not answered for in time; it will not be
   * appended behind one that was reported as stored later in its partition.
   * Time: every record is reported within the writer's time-out.
   * Backpressure: a call that would bring the bytes on their way over the writer's limit fails whole
   * with `overloaded`.
   * Ownership: keys, values and headers must not change before the results are there.
   * Never rejects: what is wrong with the topic is every record's error (`unknown_topic`,
   * `forbidden`, `kafka_unavailable`); `unknown_partition`, `bad_parameter`, `too_large` (with the
   * topic's limit as `maxBytes` in the details, where it is known) and `invalid_record` are one
   * record's.
   */
  write(topic: string, records: readonly NewRecord[]): Promise<Written[]>;
}
