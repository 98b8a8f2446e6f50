import type { Buffer } from "node:buffer";
import type { LogReader, NewRecord, RecordWriter, Written } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { Backoff } from "../stream/backoff.ts";
import { sleep } from "../stream/sleep.ts";
import { mostRecordBytes } from "./batch_encoder.ts";
import { commonVersion } from "./broker_link.ts";
import type { ClusterClient } from "./cluster_client.ts";
import { type Compression, type Compressor, COMPRESSORS } from "./codecs/compress.ts";
import { mayRetry, unavailable } from "./kafka_error.ts";
import { BATCH_BYTES, type PartitionQueue } from "./partition_queue.ts";
import type { PendingBatch } from "./pending_batch.ts";
import {
  PRODUCE_VERSIONS,
  type ProduceAnswer,
  produceRequest,
  produceThrottledMs,
  readProduceResponse,
} from "./produce_request.ts";
import { ProducerIds } from "./producer_ids.ts";
import { TopicLimits } from "./topic_limits.ts";
import { WriteCall } from "./write_call.ts";
import { WrittenTopic } from "./written_topic.ts";

/** How a {@linkcode KafkaRecordWriter} writes. */
export interface RecordWriterOptions {
  /** How batches are compressed; none. */
  readonly compression?: Compression;
  /** A record that is not acknowledged after so long is reported, in ms; 30,000. */
  readonly deliveryTimeoutMs?: number;
  /** Most bytes of records that are not reported yet; 32 MiB. A call over it fails. */
  readonly maxInFlightBytes?: number;
}

/**
 * Requests under way to one broker. It works on one of a connection's requests at a time: the second
 * is read meanwhile. What is written in the meantime gathers in batches.
 */
const REQUESTS = 2;

/** A request takes batches up to about so many bytes together. */
const REQUEST_BYTES = 4 << 20;

/** How long a broker waits for the replicas before it answers that they have not got it yet. */
const REPLICAS_MS = 10_000;

/** How often deadlines and pauses are looked at, while anything waits. */
const TICK_MS = 50;

/** Metadata older than this is asked for again, beside the writing. */
const BELIEVED_MS = 5_000;

/** Brokers do not know of a new topic all at once; after so long it is taken for deleted. */
const UNKNOWN_MS = 1_500;

/** Topics nobody writes to are forgotten when there are more. */
const MOST_IDLE_TOPICS = 1_000;

/** Timestamps are counted in numbers, whose differences have to be exact. */
const LAST_TIMESTAMP = 2n ** 52n;

/** A broker, the partitions that have something for it, and how many requests it works on. */
interface Node {
  readonly id: number;
  readonly ready: Set<PartitionQueue>;
  requests: number;
  isScheduled: boolean;
}

/**
 * Writes for everybody in this process: many callers' records in few requests, idempotent and
 * acknowledged by all replicas in sync (KIP-98).
 *
 * Delivery: a record is reported as stored, with the offset the broker gave it; as `failed` when
 * every broker that was sent it has said that it is not stored, or none was; else as `unknown`.
 * KafkaJS's own producer is not used: it forgets partitions when a leader moves between two of its
 * tries, and after a try that failed it gives the numbers of that batch to another one.
 */
export class KafkaRecordWriter implements RecordWriter {
  readonly #cluster: ClusterClient;
  readonly #reader: Pick<LogReader, "topic">;
  readonly #compressor: Compressor;
  readonly #deliveryTimeoutMs: number;
  readonly #maxInFlightBytes: number;
  readonly #ids: ProducerIds;
  readonly #limits: TopicLimits;
  readonly #topics = new Map<string, WrittenTopic>();
  readonly #nodes = new Map<number, Node>();
  /** Queues that are not empty. */
  readonly #active = new Set<PartitionQueue>();
  /** Topics with calls that wait for their metadata. */
  readonly #early = new Set<WrittenTopic>();
  readonly #closing = new AbortController();
  #inFlightBytes = 0;
  #isAskingId = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    cluster: ClusterClient,
    reader: Pick<LogReader, "topic">,
    options: RecordWriterOptions = {},
  ) {
    this.#cluster = cluster;
    this.#reader = reader;
    this.#compressor = COMPRESSORS[options.compression ?? "none"];
    this.#deliveryTimeoutMs = options.deliveryTimeoutMs ?? 30_000;
    this.#maxInFlightBytes = options.maxInFlightBytes ?? 32 << 20;
    this.#ids = new ProducerIds(cluster);
    this.#limits = new TopicLimits(cluster);
  }

  /** Bytes of records that are not reported yet. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  write(topic: string, records: readonly NewRecord[]): Promise<Written[]> {
    if (records.length === 0) return Promise.resolve([]);
    let bytes = 0;
    for (const record of records) bytes += mostRecordBytes(record);
    const { promise, resolve } = Promise.withResolvers<Written[]>();
    const call = new WriteCall(records.length, (results) => {
      this.#inFlightBytes -= bytes;
      resolve(results);
    });
    const refusal = this.#refusal(topic, bytes);
    this.#inFlightBytes += bytes;
    if (refusal !== undefined) {
      call.failAll(refusal);
      return promise;
    }
    const nowMs = performance.now();
    const known = this.#topicOf(topic);
    if (known.early.length === 0 && known.isSure(records, nowMs)) {
      this.#place(known, records, call, nowMs);
      if (known.ageMs(nowMs) > BELIEVED_MS) void this.#look(known);
    } else {
      known.early.push({ records, call, sinceMs: nowMs });
      this.#early.add(known);
      void this.#look(known);
    }
    this.#keepTime();
    return promise;
  }

  /** Reports everything that is not reported yet, and writes no more. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const error = new ProxyError("leaving", "Cannot write: the connection to Kafka is closed");
    for (const topic of this.#topics.values()) this.#failTopic(topic, error);
  }

  #refusal(topic: string, bytes: number): ProxyError | undefined {
    if (this.#closing.signal.aborted) {
      return new ProxyError("leaving", "Cannot write: the connection to Kafka is closed");
    }
    const most = this.#maxInFlightBytes;
    if (bytes > most) {
      const message =
        `Cannot write to "${topic}": ${bytes} bytes at a time are over the limit of ` +
        `${most}`;
      return new ProxyError("too_large", message, { details: { maxBytes: most } });
    }
    if (this.#inFlightBytes + bytes <= most) return undefined;
    return new ProxyError(
      "overloaded",
      `Cannot write to "${topic}": ${this.#inFlightBytes} bytes are on their way to Kafka, ` +
        `${bytes} more would be over the limit of ${most}`,
    );
  }

  #topicOf(name: string): WrittenTopic {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      this.#prune();
      this.#topics.set(name, topic = new WrittenTopic(name, this.#ids));
    }
    return topic;
  }

  #prune(): void {
    if (this.#topics.size < MOST_IDLE_TOPICS) return;
    for (const [name, topic] of this.#topics) {
      if (topic.early.length > 0 || topic.isLooking) continue;
      if ([...topic.queues.values()].every((queue) => queue.isEmpty)) this.#forget(name, topic);
    }
  }

  #forget(name: string, topic: WrittenTopic): void {
    for (const queue of topic.queues.values()) queue.forget();
    this.#topics.delete(name);
  }

  /** Puts the records into their partitions' queues. */
  #place(
    topic: WrittenTopic,
    records: readonly NewRecord[],
    call: WriteCall,
    nowMs: number,
  ): void {
    const limitBytes = Math.min(this.#limits.known(topic.name) ?? BATCH_BYTES, BATCH_BYTES);
    const now = Date.now();
    let last: PartitionQueue | undefined;
    for (let i = 0; i < records.length; i++) {
      const record = records[i];
      let queue: PartitionQueue;
      let timestampMs = now;
      try {
        if (record.timestampMs !== undefined) timestampMs = checkedTime(record.timestampMs);
        queue = topic.queueFor(record);
      } catch (error) {
        call.settle(i, { outcome: "failed", error: ProxyError.from(error) });
        continue;
      }
      queue.append(record, timestampMs, call, i, limitBytes, nowMs);
      if (queue === last) continue;
      last = queue;
      this.#active.add(queue);
      this.#offer(queue, nowMs);
    }
  }

  /** Lines the queue up for its leader if it has something to send. */
  #offer(queue: PartitionQueue, nowMs: number): void {
    if (!queue.isReady(nowMs) || queue.wantsLeader) return;
    if (queue.leader === undefined) {
      queue.wantsLeader = true;
      return;
    }
    const node = this.#nodeOf(queue.leader);
    node.ready.add(queue);
    if (node.isScheduled) return;
    node.isScheduled = true;
    // What else this turn of the event loop writes goes with it.
    queueMicrotask(() => {
      node.isScheduled = false;
      this.#pump(node);
    });
  }

  #nodeOf(id: number): Node {
    let node = this.#nodes.get(id);
    if (node === undefined) {
      this.#nodes.set(id, node = { id, ready: new Set(), requests: 0, isScheduled: false });
    }
    return node;
  }

  #pump(node: Node): void {
    if (node.ready.size === 0 || this.#closing.signal.aborted) return;
    if (!this.#ids.isReady) {
      void this.#askId();
      return;
    }
    while (node.requests < REQUESTS && node.ready.size > 0) {
      const sending = this.#gather(node);
      if (sending.length === 0) return;
      node.requests++;
      void this.#send(node, sending).finally(() => {
        node.requests--;
        this.#pump(node);
      });
    }
  }

  #gather(node: Node): Sending[] {
    const nowMs = performance.now();
    const sending: Sending[] = [];
    let bytes = 0;
    for (const queue of node.ready) {
      if (bytes >= REQUEST_BYTES || !this.#ids.isReady) break;
      node.ready.delete(queue);
      if (queue.leader !== node.id || queue.wantsLeader || !queue.isReady(nowMs)) continue;
      const batch = queue.take(this.#compressor, this.#limits.known(queue.topic));
      if (batch === undefined) continue;
      const { topic, partition } = queue;
      const part = { topic, partition, bytes: batch.finish(this.#compressor), queue, batch };
      sending.push(part);
      bytes += part.bytes.length;
    }
    return sending;
  }

  /** Never rejects. */
  async #send(node: Node, gathered: readonly Sending[]): Promise<void> {
    let sending = gathered;
    let isSent = false;
    let answers: ProduceAnswer[];
    try {
      const link = await this.#cluster.node(node.id, "produce");
      const version = commonVersion(link, "Produce", PRODUCE_VERSIONS);
      if (version === undefined) {
        const { minVersion = 0, maxVersion = 0 } = link.versions("Produce") ?? {};
        throw new ProxyError(
          "unsupported",
          `Cannot write: broker ${node.id} speaks versions ${minVersion} to ${maxVersion} of Produce`,
        );
      }
      // While the connection was made some may have run out of time.
      sending = gathered.filter(({ queue, batch }) => queue.isFirst(batch));
      const body = produceRequest(sending, REPLICAS_MS);
      const doubts = sending.map(({ batch }) => batch.inDoubt);
      for (const { batch } of sending) batch.inDoubt = true;
      isSent = true;
      const payload = await link.raw(
        "Produce",
        version,
        body,
        (payload) => produceThrottledMs(payload, version),
      );
      answers = readProduceResponse(payload, version);
      // An answer says it of this try; what was in doubt before still is.
      for (const [i, { batch }] of sending.entries()) batch.inDoubt = doubts[i];
    } catch (error) {
      const known = unavailable(`Cannot write to broker ${node.id}`, error);
      for (const { queue, batch } of sending) {
        queue.lost(batch, isSent, known);
        this.#goOn(queue);
      }
      return;
    }
    const found = new Map(answers.map((answer) => [keyOf(answer), answer]));
    for (const { queue, batch } of sending) {
      const answer = found.get(keyOf(queue));
      if (answer === undefined) queue.lost(batch, true, missing(queue));
      else if (queue.answered(batch, answer) === "too_large") void this.#split(queue, batch);
      this.#goOn(queue);
    }
  }

  async #split(queue: PartitionQueue, batch: PendingBatch): Promise<void> {
    queue.split(batch, await this.#limits.learn(queue.topic));
    this.#goOn(queue);
  }

  #goOn(queue: PartitionQueue): void {
    if (queue.isEmpty) this.#active.delete(queue);
    else this.#offer(queue, performance.now());
  }

  /** Gets a producer id for those that wait for one. Never rejects. */
  async #askId(): Promise<void> {
    if (this.#isAskingId) return;
    this.#isAskingId = true;
    const backoff = new Backoff(50, 1_000);
    while (this.#active.size > 0 && !this.#closing.signal.aborted) {
      try {
        await this.#ids.ask();
        break;
      } catch (error) {
        const known = unavailable("Cannot write", error);
        if (mayRetry(known)) await sleep(backoff.next(), this.#closing.signal);
        else this.#failActive(known);
      }
    }
    this.#isAskingId = false;
    if (!this.#ids.isReady) return;
    for (const node of this.#nodes.values()) this.#pump(node);
  }

  #failActive(error: ProxyError): void {
    for (const queue of this.#active) queue.failAll(error);
    this.#active.clear();
    for (const node of this.#nodes.values()) node.ready.clear();
  }

  /** Asks for a topic's metadata, and does what had to wait for it. Never rejects. */
  async #look(topic: WrittenTopic): Promise<void> {
    if (topic.isLooking) return;
    topic.isLooking = true;
    const backoff = new Backoff(50, 1_000);
    for (;;) {
      try {
        topic.learn(await this.#reader.topic(topic.name, { fresh: true }), performance.now());
        break;
      } catch (error) {
        this.#lookFailed(topic, unavailable(`Cannot write to "${topic.name}"`, error));
      }
      // With nothing early, it is looked at again when a partition's next try is due.
      if (topic.early.length === 0 || this.#closing.signal.aborted) break;
      await sleep(backoff.next(), this.#closing.signal);
    }
    topic.isLooking = false;
    topic.rest(performance.now());
    if (topic.isKnown && !this.#closing.signal.aborted) this.#admit(topic);
  }

  #lookFailed(topic: WrittenTopic, error: ProxyError): void {
    if (mayRetry(error)) return;
    const nowMs = performance.now();
    if (error.code === "unknown_topic" && topic.isKnown) {
      topic.unknownSinceMs ??= nowMs;
      if (nowMs - topic.unknownSinceMs < UNKNOWN_MS) return;
    }
    const { code } = error;
    const message = code === "unknown_topic"
      ? `Cannot write to "${topic.name}": there is no such topic`
      : error.message;
    this.#failTopic(topic, new ProxyError(code, message, { cause: error }));
    this.#forget(topic.name, topic);
  }

  #failTopic(topic: WrittenTopic, error: ProxyError): void {
    for (const { call } of topic.early.splice(0)) call.failAll(error);
    this.#early.delete(topic);
    for (const queue of topic.queues.values()) {
      queue.failAll(error);
      this.#active.delete(queue);
    }
  }

  /** The topic's metadata is new: early calls are placed, and partitions that rested go on. */
  #admit(topic: WrittenTopic): void {
    const nowMs = performance.now();
    for (const { records, call } of topic.early.splice(0)) {
      this.#place(topic, records, call, nowMs);
    }
    this.#early.delete(topic);
    for (const queue of topic.queues.values()) {
      if (queue.isEmpty) continue;
      if (queue.leader !== undefined) queue.wantsLeader = false;
      this.#offer(queue, nowMs);
    }
  }

  #keepTime(): void {
    if (this.#timer !== undefined || this.#closing.signal.aborted) return;
    if (this.#active.size === 0 && this.#early.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#tick(performance.now());
      this.#keepTime();
    }, TICK_MS);
  }

  #tick(nowMs: number): void {
    const beforeMs = nowMs - this.#deliveryTimeoutMs;
    for (const topic of this.#early) this.#expireEarly(topic, beforeMs);
    for (const queue of this.#active) {
      queue.expire(beforeMs);
      if (queue.isEmpty) {
        this.#active.delete(queue);
      } else if (queue.isReady(nowMs)) {
        const topic = this.#topics.get(queue.topic);
        if (!queue.wantsLeader) this.#offer(queue, nowMs);
        else if (topic !== undefined && topic.lookAgainMs <= nowMs) void this.#look(topic);
      }
    }
  }

  #expireEarly(topic: WrittenTopic, beforeMs: number): void {
    while (topic.early.length > 0 && topic.early[0].sinceMs <= beforeMs) {
      const why = "its partitions could not be learnt in time";
      topic.early.shift()?.call.failAll(
        new ProxyError("kafka_unavailable", `Cannot write to "${topic.name}": ${why}`),
      );
    }
    if (topic.early.length === 0) this.#early.delete(topic);
  }
}

/** A batch in a request. */
interface Sending {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
  readonly queue: PartitionQueue;
  readonly batch: PendingBatch;
}

function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${partition}/${topic}`;
}

function missing({ topic, partition }: PartitionQueue): ProxyError {
  return new ProxyError(
    "kafka_unavailable",
    `Cannot write to "${topic}" partition ${partition}: the broker's answer does not name it`,
  );
}

function checkedTime(timestampMs: bigint): number {
  if (timestampMs >= 0n && timestampMs < LAST_TIMESTAMP) return Number(timestampMs);
  throw new ProxyError(
    "bad_parameter",
    `Cannot write a record of time ${timestampMs}: it must be from 0 to ${LAST_TIMESTAMP - 1n} ms`,
  );
}
