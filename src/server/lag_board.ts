import type { LogReader } from "../core/ports.ts";
import {
  type CommittedOffsets,
  type GroupPartition,
  groupPartitionKey,
} from "../observe/committed_offsets.ts";
import { partitionKey, type RecordTimes } from "../observe/record_times.ts";
import type { ReportedSession } from "../session/reported_session.ts";
import { Semaphore } from "../stream/semaphore.ts";
import { within } from "../stream/within.ts";

/** How old ends may be before Kafka is asked again, in ms. */
const FRESH_MS = 1_000;

/** Kafka gets so long to answer; then the ends known before count, in ms. */
const ANSWER_MS = 1_500;

/** Topics whose ends are asked for at a time. */
const TOPICS_AT_A_TIME = 16;

/** A partition a group reads through this process. */
export interface LagRow extends GroupPartition {
  readonly isBalanced: boolean;
  /** Id of the session that reads it. */
  readonly session: string;
  /** The offset after the last record. */
  readonly end: bigint;
  /** The next offset to read, as Kafka has it; undefined while nothing is committed. */
  readonly committed: bigint | undefined;
  /** From the committed position, or else from where it reads. */
  readonly lagRecords: bigint;
  /** Age of the first record that is not committed; undefined while it has not been read here. */
  readonly lagSeconds: number | undefined;
}

/** What a {@linkcode LagBoard} looks at. */
export interface LagSources {
  readonly sessions: () => Iterable<ReportedSession>;
  readonly reader: LogReader;
  readonly committed: CommittedOffsets;
  readonly times: RecordTimes;
  /** Milliseconds that do not go back; `performance.now`. */
  readonly nowMs?: () => number;
}

/**
 * How far behind everybody is who reads through this process. Groups are counted as
 * `kafka-consumer-groups` does: from the committed position to the end of the partition.
 *
 * It costs one look-up of offsets for each topic, when somebody asks, and at most one a second.
 */
export class LagBoard {
  readonly #sources: LagSources;
  readonly #ends = new Map<string, bigint>();
  /** When the record at a position was written, for positions that stand still. */
  readonly #writtenMs = new Map<string, { at: bigint; timestampMs: bigint }>();
  #asked: Promise<void> = Promise.resolve();
  #askedMs = -Infinity;

  constructor(sources: LagSources) {
    this.#sources = sources;
  }

  /** The groups' partitions now; ends are at most a second old, if Kafka answers. */
  async rows(): Promise<LagRow[]> {
    await this.refresh();
    const rows = [...this.#groupPartitions().values()].map((read) => this.#row(read));
    return rows.filter((row) => row !== undefined);
  }

  /** Looks up the ends of all partitions that are read here, unless that was done a moment ago. */
  async refresh(): Promise<void> {
    const { nowMs: now = () => performance.now() } = this.#sources;
    const nowMs = now();
    if (nowMs - this.#askedMs > FRESH_MS) {
      this.#askedMs = nowMs;
      this.#asked = this.#askEnds();
    }
    await within(ANSWER_MS, this.#asked);
  }

  /** The end of a partition that is read here, as last seen. */
  end(topic: string, partition: number): bigint | undefined {
    return this.#ends.get(partitionKey(topic, partition));
  }

  #groupPartitions(): Map<string, ReadPartition> {
    const found = new Map<string, ReadPartition>();
    for (const { id, streams } of this.#sources.sessions()) {
      for (const { topic, group, isBalanced, partitions } of streams) {
        if (group === undefined) continue;
        for (const [partition, { next }] of partitions) {
          const one = { group, topic, partition, next, isBalanced, session: id };
          found.set(groupPartitionKey(one), one);
        }
      }
    }
    return found;
  }

  async #askEnds(): Promise<void> {
    const { sessions, reader, committed, times } = this.#sources;
    const topics = new Map<string, Set<number>>();
    for (const { streams } of sessions()) {
      for (const { topic, partitions } of streams) {
        const read = topics.get(topic) ?? new Set();
        for (const partition of partitions.keys()) read.add(partition);
        topics.set(topic, read);
      }
    }
    const turns = new Semaphore(TOPICS_AT_A_TIME);
    const asked = [...topics].map(([topic, partitions]) =>
      turns.run(async () => {
        if (partitions.size === 0) return;
        const ends = await reader.offsets(topic, [...partitions], "latest", "uncommitted");
        for (const [partition, end] of ends) this.#ends.set(partitionKey(topic, partition), end);
      })
    );
    // Kafka is away, or a topic is: what was known of it counts until it is back.
    await Promise.allSettled(asked);
    const partitions = new Set(
      [...topics].flatMap(([topic, read]) => [...read].map((one) => partitionKey(topic, one))),
    );
    const groups = new Set(this.#groupPartitions().keys());
    committed.keep(groups);
    times.keep(partitions);
    for (const key of this.#ends.keys()) if (!partitions.has(key)) this.#ends.delete(key);
    for (const key of this.#writtenMs.keys()) if (!groups.has(key)) this.#writtenMs.delete(key);
  }

  #row(read: ReadPartition): LagRow | undefined {
    const { group, topic, partition, next, isBalanced, session } = read;
    const end = this.end(topic, partition);
    if (end === undefined) return undefined;
    const committed = this.#sources.committed.get({ group, topic, partition });
    const at = committed ?? next;
    const lagRecords = end > at ? end - at : 0n;
    const lagSeconds = lagRecords === 0n ? 0 : this.#seconds({ group, topic, partition }, at);
    return {
      group,
      topic,
      partition,
      isBalanced,
      session,
      end,
      committed,
      lagRecords,
      lagSeconds,
    };
  }

  #seconds(read: GroupPartition, at: bigint): number | undefined {
    const key = groupPartitionKey(read);
    const known = this.#writtenMs.get(key);
    // A position that stands still keeps its time, whatever the fast readers bring by.
    const timestampMs = known?.at === at
      ? known.timestampMs
      : this.#sources.times.at(read.topic, read.partition, at);
    if (timestampMs === undefined) return undefined;
    this.#writtenMs.set(key, { at, timestampMs });
    return Math.max(Date.now() - Number(timestampMs), 0) / 1_000;
  }
}

interface ReadPartition extends GroupPartition {
  readonly isBalanced: boolean;
  readonly session: string;
  readonly next: bigint;
}
