import { Buffer } from "node:buffer";
import type {
  FetchAnswer,
  FetchTarget,
  Isolation,
  LogReader,
  OffsetSpec,
  TopicInfo,
} from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { Semaphore } from "../stream/semaphore.ts";
import { CONTROL, LONG_POLL } from "./broker_link.ts";
import type { ClusterClient } from "./cluster_client.ts";
import { type FetchedPartition, readFetchResponse } from "./fetch_response.ts";
import { errorName, kafkaError, unavailable } from "./kafka_error.ts";
import { readRecordBatches } from "./record_batches.ts";
import { TopicCatalog } from "./topic_catalog.ts";

/**
 * Immediate fetches under way to one broker. They share a connection with the requests that
 * clients wait for, so only as many are queued there as keep the connection busy.
 */
const IMMEDIATE_FETCHES = 2;

/** What one Fetch may bring, over all its partitions; the first batch is sent whole anyhow. */
const MAX_RESPONSE_BYTES = 8 << 20;

/**
 * Memory of a chunk and of each of its batches beside the records, in bytes, as measured: a trickle
 * of single records holds twenty times as much in objects as in records.
 */
const CHUNK_OBJECT_BYTES = 1_500;
const BATCH_OBJECT_BYTES = 300;

/** Error codes by what they ask for (Kafka protocol guide, "Error Codes"). */
const FETCH_ERRORS: Readonly<Record<number, "moved" | "gone" | "out_of_range">> = {
  1: "out_of_range", // OFFSET_OUT_OF_RANGE
  3: "gone", // UNKNOWN_TOPIC_OR_PARTITION
  5: "moved", // LEADER_NOT_AVAILABLE
  6: "moved", // NOT_LEADER_OR_FOLLOWER
  7: "moved", // REQUEST_TIMED_OUT
  8: "moved", // BROKER_NOT_AVAILABLE
  9: "moved", // REPLICA_NOT_AVAILABLE
  13: "moved", // NETWORK_EXCEPTION
  56: "moved", // KAFKA_STORAGE_ERROR
  74: "moved", // FENCED_LEADER_EPOCH
  75: "moved", // UNKNOWN_LEADER_EPOCH
  78: "moved", // OFFSET_NOT_AVAILABLE
  100: "gone", // UNKNOWN_TOPIC_ID
  103: "gone", // INCONSISTENT_TOPIC_ID
};

/** Timestamps that ListOffsets takes for the two ends of a partition. */
const LATEST = -1n;
const EARLIEST = -2n;

interface ListOffsetsAnswer {
  readonly responses: readonly {
    readonly partitions: readonly {
      readonly partition: number;
      readonly errorCode: number;
      readonly offset: string;
    }[];
  }[];
}

/** Reads topics over a {@linkcode ClusterClient}, without groups. */
export class KafkaReader implements LogReader {
  readonly #cluster: ClusterClient;
  readonly #catalog: TopicCatalog;
  readonly #maxBatchBytes: number;
  readonly #immediate = new Map<number, Semaphore>();

  constructor(cluster: ClusterClient, options: { maxBatchBytes: number }) {
    this.#cluster = cluster;
    this.#catalog = new TopicCatalog(cluster);
    this.#maxBatchBytes = options.maxBatchBytes;
  }

  topic(name: string, options: { fresh?: boolean } = {}): Promise<TopicInfo> {
    return this.#catalog.topic(name, options.fresh ?? false);
  }

  clusterId(): Promise<string | undefined> {
    return this.#cluster.clusterId();
  }

  /**
   * Names of all topics of the cluster that we may see, internal ones too.
   *
   * @throws {ProxyError} `kafka_unavailable`
   */
  async topicNames(): Promise<string[]> {
    const topics = await this.#cluster.metadata(undefined);
    return topics.filter(({ topicErrorCode }) => topicErrorCode === 0).map(({ topic }) => topic);
  }

  async fetch(
    nodeId: number,
    targets: readonly FetchTarget[],
    { isolation, waitMs }: { isolation: Isolation; waitMs: number },
  ): Promise<FetchAnswer[]> {
    const args = {
      isolationLevel: isolation === "committed" ? 1 : 0,
      maxWaitTime: waitMs,
      minBytes: 1,
      maxBytes: MAX_RESPONSE_BYTES,
      topics: byTopic(targets, ({ partition, offset, maxBytes }) => ({
        partition,
        fetchOffset: offset.toString(),
        maxBytes,
      })),
      rackId: "",
    };
    const exchange = async () => {
      try {
        // Each isolation level polls on a connection of its own: one would wait for the other.
        const lane = waitMs > 0 && isolation === "uncommitted" ? "uncommitted" : "";
        const link = await this.#cluster.node(nodeId, lane);
        return await link.fetch(waitMs > 0 ? LONG_POLL : CONTROL, args);
      } catch (error) {
        throw unavailable(`Cannot fetch from broker ${nodeId}`, error);
      }
    };
    const raw = waitMs > 0 ? await exchange() : await this.#immediateOf(nodeId).run(exchange);
    const { errorCode, partitions } = readFetchResponse(raw);
    if (errorCode !== 0) throw kafkaError(errorCode, `Cannot fetch from broker ${nodeId}`);
    const wanted = new Map(targets.map((target) => [keyOf(target), target]));
    const answers: FetchAnswer[] = [];
    for (const fetched of partitions) {
      const target = wanted.get(keyOf(fetched));
      if (target !== undefined) {
        const isAlone = targets.length === 1;
        answers.push(this.#answer(target, fetched, isolation, raw.payload.length, isAlone));
      }
    }
    return answers;
  }

  async offsets(
    topic: string,
    partitions: readonly number[],
    at: OffsetSpec,
    isolation: Isolation,
  ): Promise<Map<number, bigint>> {
    const timestamp = at === "earliest" ? EARLIEST : at === "latest" ? LATEST : at.timestampMs;
    const found = await this.#catalog.retrying(topic, async (info) => {
      const byLeader = Map.groupBy(partitions, (partition) => info.leaders.get(partition));
      const parts = await Promise.all(
        [...byLeader].map(([leader, own]) =>
          this.#listOffsets(topic, leader, own, timestamp, isolation)
        ),
      );
      return new Map(parts.flat());
    });
    const late = [...found].filter(([, offset]) => offset < 0n).map(([partition]) => partition);
    if (late.length === 0) return found;
    const ends = await this.offsets(topic, late, "latest", isolation);
    return new Map([...found, ...ends]);
  }

  async #listOffsets(
    topic: string,
    leader: number | undefined,
    partitions: readonly number[],
    timestamp: bigint,
    isolation: Isolation,
  ): Promise<[number, bigint][]> {
    const what = `Cannot look up offsets of "${topic}"`;
    if (leader === undefined) {
      throw new ProxyError(
        "kafka_unavailable",
        `${what}: partition ${partitions[0]} has no leader`,
      );
    }
    const link = await this.#cluster.node(leader);
    const answer = await link.send<ListOffsetsAnswer>("ListOffsets", {
      isolationLevel: isolation === "committed" ? 1 : 0,
      topics: [{
        topic,
        partitions: partitions.map((partition) => ({ partition, timestamp: timestamp.toString() })),
      }],
    });
    return answer.responses.flatMap((response) => response.partitions).map((found) => {
      if (found.errorCode !== 0) throw kafkaError(found.errorCode, what);
      return [found.partition, BigInt(found.offset)];
    });
  }

  #answer(
    target: FetchTarget,
    fetched: FetchedPartition,
    isolation: Isolation,
    responseBytes: number,
    isAlone: boolean,
  ): FetchAnswer {
    const { topic, partition, offset } = target;
    if (fetched.errorCode !== 0) {
      const reason = errorName(fetched.errorCode);
      const kind = FETCH_ERRORS[fetched.errorCode];
      if (kind !== undefined) return { topic, partition, kind, reason };
      const error = kafkaError(fetched.errorCode, `Cannot read "${topic}" partition ${partition}`);
      return { topic, partition, kind: "failed", error };
    }
    const aborted = isolation === "committed" ? fetched.aborted : [];
    const records = ownBytes(fetched.records, responseBytes);
    const run = readRecordBatches(records, aborted, this.#maxBatchBytes);
    const isAnything = run.next !== undefined && run.next > offset;
    if (run.error !== undefined && !isAnything) {
      return { topic, partition, kind: "failed", error: run.error };
    }
    if (records.length > 0 && run.next === undefined) {
      // The first batch of an answer comes whole however large it is (KIP-74). Taken for the end of
      // the partition, half a one would be asked for again and again, and never come.
      const reason = `only part of the record batch at offset ${offset} came`;
      if (!isAlone) return { topic, partition, kind: "moved", reason };
      const error = new ProxyError("corrupt_batch", `"${topic}" partition ${partition}: ${reason}`);
      return { topic, partition, kind: "failed", error };
    }
    const { highWatermark, lastStableOffset } = fetched;
    const end = isolation === "committed" && lastStableOffset >= 0n
      ? lastStableOffset
      : highWatermark;
    const next = isAnything ? run.next : offset;
    const chunk = {
      topic,
      partition,
      from: offset,
      next,
      end,
      batches: run.batches,
      bytes: records.length + CHUNK_OBJECT_BYTES + run.batches.length * BATCH_OBJECT_BYTES,
    };
    return { topic, partition, kind: "chunk", chunk };
  }

  #immediateOf(nodeId: number): Semaphore {
    let semaphore = this.#immediate.get(nodeId);
    if (semaphore === undefined) {
      this.#immediate.set(nodeId, semaphore = new Semaphore(IMMEDIATE_FETCHES));
    }
    return semaphore;
  }
}

/** A small part of a large response is copied out, so that it does not keep the rest alive. */
function ownBytes(records: Buffer, responseBytes: number): Buffer {
  return records.length * 2 < responseBytes ? Buffer.from(records) : records;
}

function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}

function byTopic<T>(targets: readonly FetchTarget[], part: (target: FetchTarget) => T) {
  const topics = Map.groupBy(targets, (target) => target.topic);
  return [...topics].map(([topic, own]) => ({ topic, partitions: own.map(part) }));
}
