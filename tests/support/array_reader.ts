import { Buffer } from "node:buffer";
import type {
  FetchAnswer,
  FetchTarget,
  Isolation,
  LogReader,
  OffsetSpec,
  TopicInfo,
} from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { readRecordBatches } from "../../src/kafka/record_batches.ts";
import { type BatchInput, buildBatch } from "./batch_builder.ts";

/** The topic that is there from the beginning. */
export const TOPIC = "orders";

/** One partition of the fake cluster; tests change it as they like. */
export interface ArrayPartition {
  /** `undefined` while it has none. */
  leader: number | undefined;
  /** The first offset that retention has left. */
  start: bigint;
  /** The offset the next record gets. */
  end: bigint;
  /** Where readers of committed records stop; the end when left out. */
  lastStable?: bigint;
  readonly batches: { readonly bytes: Buffer; readonly lastOffset: bigint }[];
  /** What the next fetches of it are answered, one each. */
  readonly failures: FetchFailure[];
}

/** How a fetch can fail for one partition. */
export type FetchFailure = "moved" | "gone" | "out_of_range" | ProxyError;

/** One call of {@linkcode ArrayReader.fetch}. */
export interface FetchCall {
  readonly nodeId: number;
  readonly targets: readonly FetchTarget[];
  readonly isolation: Isolation;
  readonly waitMs: number;
}

/** How an {@linkcode ArrayReader} begins. */
export interface ArrayReaderOptions {
  /** Partitions of {@linkcode TOPIC}; 1. Their leaders are the nodes in turn. */
  readonly partitions?: number;
  /** Brokers, from 1 on; 1. */
  readonly nodes?: number;
  /** Waited for at the beginning of each answer: a schedule, or slowness. */
  readonly pause?: () => Promise<void>;
}

/**
 * A Kafka cluster in memory: partitions of real record batches, long polls that end when something
 * is appended, and failures on demand.
 */
export class ArrayReader implements LogReader, Disposable {
  /** Every fetch so far. */
  readonly fetches: FetchCall[] = [];
  /** Every question for a topic so far: whether it was to be fresh. */
  readonly looks: boolean[] = [];
  /** Brokers that cannot be reached now. */
  readonly unreachable = new Set<number>();
  /** What {@linkcode clusterId} gives; `undefined` as on old brokers. */
  cluster: string | undefined = "array-cluster";
  /** Whether topics have ids, as on brokers from 2.8 on. */
  hasTopicIds = true;
  readonly #topics = new Map<string, Map<number, ArrayPartition>>();
  readonly #topicIds = new Map<string, string>();
  readonly #nodes: number;
  readonly #pause: () => Promise<void>;
  readonly #waiting = new Set<() => void>();
  #held: PromiseWithResolvers<void> | undefined;
  #isClosed = false;
  #lastTopicId = 0;

  constructor({ partitions = 1, nodes = 1, pause }: ArrayReaderOptions = {}) {
    this.#nodes = nodes;
    this.#pause = pause ?? (() => Promise.resolve());
    this.addTopic(TOPIC, partitions);
  }

  /** Immediate fetches so far, those that are no long polls. */
  get immediate(): FetchCall[] {
    return this.fetches.filter(({ waitMs }) => waitMs === 0);
  }

  /** Long polls so far. */
  get polls(): FetchCall[] {
    return this.fetches.filter(({ waitMs }) => waitMs > 0);
  }

  /** Long polls that wait now. */
  get waitingPolls(): number {
    return this.#waiting.size;
  }

  /** A new topic, under a new id also where there was one of that name. */
  addTopic(name: string, partitions: number): void {
    this.#topics.set(name, new Map());
    this.#topicIds.set(name, `${++this.#lastTopicId}`.padStart(22, "A"));
    for (let i = 0; i < partitions; i++) this.addPartition(name);
  }

  addPartition(name = TOPIC): void {
    const partitions = this.#topics.get(name)!;
    partitions.set(partitions.size, {
      leader: partitions.size % this.#nodes + 1,
      start: 0n,
      end: 0n,
      batches: [],
      failures: [],
    });
  }

  deleteTopic(name = TOPIC): void {
    this.#topics.delete(name);
    this.wake();
  }

  /** A partition to look at or to change. */
  at(partition = 0, topic = TOPIC): ArrayPartition {
    return this.#topics.get(topic)!.get(partition)!;
  }

  /** Appends one batch of records with these values. */
  append(values: readonly string[], partition = 0, topic = TOPIC): void {
    this.appendBatch({ records: values.map((value) => ({ value })) }, partition, topic);
  }

  /** Appends so many batches of records of about a hundred bytes, with their offsets as values. */
  fill(batches: number, recordsEach: number, partition = 0, topic = TOPIC): void {
    for (let i = 0; i < batches; i++) {
      const { end } = this.at(partition, topic);
      const values = Array.from(
        { length: recordsEach },
        (_, record) => String(end + BigInt(record)).padStart(90, "."),
      );
      this.append(values, partition, topic);
    }
  }

  appendBatch(batch: Omit<BatchInput, "baseOffset">, partition = 0, topic = TOPIC): void {
    const own = this.at(partition, topic);
    const bytes = buildBatch({ ...batch, baseOffset: own.end });
    const lastOffset = own.end + BigInt(bytes.readInt32BE(23));
    own.batches.push({ bytes, lastOffset });
    own.end = lastOffset + 1n;
    this.wake();
  }

  /** Fetches wait from now on until the returned function is called. */
  hold(): () => void {
    const held = Promise.withResolvers<void>();
    this.#held = held;
    return () => {
      if (this.#held === held) this.#held = undefined;
      held.resolve();
    };
  }

  /** Lets long polls look again. */
  wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Ends all waiting. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#held?.resolve();
    this.wake();
  }

  async topic(name: string, { fresh = false }: { fresh?: boolean } = {}): Promise<TopicInfo> {
    this.looks.push(fresh);
    await this.#pause();
    const partitions = this.#topics.get(name);
    if (partitions === undefined) {
      throw new ProxyError("unknown_topic", `Cannot read "${name}": there is no such topic`);
    }
    if (this.unreachable.size === this.#nodes) throw away();
    const leaders = new Map([...partitions].map(([number, { leader }]) => [number, leader]));
    const topicId = this.hasTopicIds ? this.#topicIds.get(name) : undefined;
    return { topic: name, leaders, ...(topicId === undefined ? {} : { topicId }) };
  }

  async clusterId(): Promise<string | undefined> {
    await this.#pause();
    if (this.unreachable.size === this.#nodes) throw away();
    return this.cluster;
  }

  async fetch(
    nodeId: number,
    targets: readonly FetchTarget[],
    { isolation, waitMs }: { isolation: Isolation; waitMs: number },
  ): Promise<FetchAnswer[]> {
    this.fetches.push({ nodeId, targets, isolation, waitMs });
    await this.#pause();
    await this.#held?.promise;
    for (const untilMs = performance.now() + waitMs;;) {
      if (this.unreachable.has(nodeId)) throw away();
      const answers = targets.map((target) => this.#answer(nodeId, target, isolation));
      const isNews = answers.some((answer) =>
        answer.kind !== "chunk" || answer.chunk.next > answer.chunk.from
      );
      if (isNews || this.#isClosed || performance.now() >= untilMs) return answers;
      await this.#change(Math.max(untilMs - performance.now(), 0));
      await this.#held?.promise;
    }
  }

  async offsets(
    topic: string,
    partitions: readonly number[],
    at: OffsetSpec,
    isolation: Isolation,
  ): Promise<Map<number, bigint>> {
    await this.#pause();
    const { leaders } = await this.topic(topic);
    return new Map(partitions.map((partition) => {
      if (!leaders.has(partition)) {
        throw new ProxyError("unknown_partition", `There is no partition ${partition}`);
      }
      const own = this.at(partition, topic);
      if (at === "earliest") return [partition, own.start];
      if (at === "latest") return [partition, endOf(own, isolation)];
      const found = own.batches.find(({ bytes, lastOffset }) =>
        lastOffset >= own.start && bytes.readBigInt64BE(35) >= at.timestampMs
      );
      const offset = found?.bytes.readBigInt64BE(0) ?? endOf(own, isolation);
      return [partition, offset < own.start ? own.start : offset];
    }));
  }

  #answer(
    nodeId: number,
    { topic, partition, offset, maxBytes }: FetchTarget,
    isolation: Isolation,
  ): FetchAnswer {
    const own = this.#topics.get(topic)?.get(partition);
    const failed = (kind: FetchFailure): FetchAnswer =>
      kind instanceof ProxyError
        ? { topic, partition, kind: "failed", error: kind }
        : { topic, partition, kind, reason: `it was told to be ${kind}` };
    if (own === undefined) return failed("gone");
    const failure = own.failures.shift();
    if (failure !== undefined) return failed(failure);
    if (own.leader !== nodeId) return failed("moved");
    if (offset < own.start || offset > own.end) return failed("out_of_range");
    const end = endOf(own, isolation);
    const parts: Buffer[] = [];
    let bytes = 0;
    for (const batch of own.batches) {
      if (batch.lastOffset < offset || batch.lastOffset >= end) continue;
      bytes += batch.bytes.length;
      if (parts.length > 0 && bytes > maxBytes) break;
      parts.push(batch.bytes);
    }
    const records = Buffer.concat(parts);
    const run = readRecordBatches(records, [], 1 << 26);
    const next = run.next === undefined || run.next < offset ? offset : run.next;
    const chunk = {
      topic,
      partition,
      from: offset,
      next,
      end,
      batches: run.batches,
      bytes: records.length,
    };
    return { topic, partition, kind: "chunk", chunk };
  }

  /** Resolves when something has changed, or after `ms`. */
  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#waiting.add(end);
    });
  }
}

function endOf({ end, lastStable }: ArrayPartition, isolation: Isolation): bigint {
  return isolation === "committed" ? lastStable ?? end : end;
}

function away(): ProxyError {
  return new ProxyError("kafka_unavailable", "Cannot reach Kafka: connection refused");
}
