import type { NewRecord, TopicInfo } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { Backoff } from "../stream/backoff.ts";
import { keyPartition } from "./murmur2.ts";
import { PartitionQueue } from "./partition_queue.ts";
import type { ProducerIds } from "./producer_ids.ts";
import type { WriteCall } from "./write_call.ts";

/** What was seen so short a time ago is not looked at again for a partition that is not there, in ms. */
const SEEN_MS = 50;

/** A call that came before the topic's partitions were known, or may be of one that was just added. */
export interface EarlyCall {
  readonly records: readonly NewRecord[];
  readonly call: WriteCall;
  readonly sinceMs: number;
}

/** A topic that is written to: its partitions' queues, and which record goes to which. */
export class WrittenTopic {
  readonly name: string;
  /** Calls in their order; while there are any, later ones wait behind them. */
  readonly early: EarlyCall[] = [];
  readonly queues = new Map<number, PartitionQueue>();
  /** Since when metadata says that there is no such topic, in ms of the monotonic clock. */
  unknownSinceMs: number | undefined;
  /** Its metadata is being asked for. */
  isLooking = false;
  /** Not before this time it is asked for again because a leader is missing. */
  lookAgainMs = 0;
  readonly #looks = new Backoff(50, 1_000);
  readonly #ids: ProducerIds;
  #info: TopicInfo | undefined;
  #infoAtMs = 0;
  #sticky: PartitionQueue | undefined;
  #stickyBatches = 0;

  constructor(name: string, ids: ProducerIds) {
    this.name = name;
    this.#ids = ids;
  }

  get isKnown(): boolean {
    return this.#info !== undefined;
  }

  /** Whether it is known where these records go, or that they have nowhere to go. */
  isSure(records: readonly NewRecord[], nowMs: number): boolean {
    if (this.#info === undefined) return false;
    const count = this.#info.leaders.size;
    return this.ageMs(nowMs) < SEEN_MS ||
      records.every(({ partition }) => partition === undefined || partition < count);
  }

  /** How old its metadata is, in ms. */
  ageMs(nowMs: number): number {
    return nowMs - this.#infoAtMs;
  }

  learn(info: TopicInfo, nowMs: number): void {
    this.#info = info;
    this.#infoAtMs = nowMs;
    this.unknownSinceMs = undefined;
    for (const [partition, leader] of info.leaders) {
      let queue = this.queues.get(partition);
      if (queue === undefined) {
        queue = new PartitionQueue(this.name, partition, this.#ids);
        this.queues.set(partition, queue);
      }
      queue.leader = leader;
    }
  }

  /** After a look: the next may not come at once, if this one did not help. */
  rest(nowMs: number): void {
    const isWhole = this.isKnown && this.unknownSinceMs === undefined &&
      [...this.queues.values()].every(({ leader }) => leader !== undefined);
    if (isWhole) this.#looks.reset();
    this.lookAgainMs = nowMs + this.#looks.next();
  }

  /**
   * Where a record goes: the partition it names; by its key where every Kafka client puts that key;
   * without one to a partition that stays the same for as long as its batch is filled (KIP-480).
   *
   * @throws {ProxyError} `unknown_partition`
   */
  queueFor({ key, partition }: NewRecord): PartitionQueue {
    const count = this.#info?.leaders.size ?? 0;
    if (partition === undefined && key === null) return this.#stickyQueue(count);
    const number = partition ?? keyPartition(key ?? new Uint8Array(), count);
    const queue = this.queues.get(number);
    if (queue !== undefined && number < count) return queue;
    throw new ProxyError(
      "unknown_partition",
      `Cannot write to "${this.name}" partition ${number}: partitions are 0 to ${count - 1}`,
    );
  }

  #stickyQueue(count: number): PartitionQueue {
    const sticky = this.#sticky;
    if (sticky !== undefined && sticky.batches === this.#stickyBatches) return sticky;
    const chosen = this.#chooseQueue(count);
    this.#sticky = chosen;
    this.#stickyBatches = chosen.batches;
    return chosen;
  }

  /** One with nothing to do if there is one, else one with a leader, each at random. */
  #chooseQueue(count: number): PartitionQueue {
    const start = Math.floor(Math.random() * count);
    let led: PartitionQueue | undefined;
    let any: PartitionQueue | undefined;
    for (let i = 0; i < count; i++) {
      const queue = this.queues.get((start + i) % count);
      if (queue === undefined) continue;
      any ??= queue;
      if (queue.leader === undefined || queue.wantsLeader) continue;
      if (queue.isEmpty) return queue;
      led ??= queue;
    }
    const chosen = led ?? any;
    if (chosen === undefined) {
      throw new ProxyError("kafka_unavailable", `Cannot write to "${this.name}": no partitions`);
    }
    return chosen;
  }
}
