import { Buffer } from "node:buffer";
import type { TopicInfo } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import type { ClusterClient } from "../../src/kafka/cluster_client.ts";
import { crc32c } from "../../src/kafka/crc32c.ts";
import { RecordWalker } from "../../src/protocol/record_walker.ts";
import { buildProduceResponse, type ProduceAnswerInput } from "./produce_response_builder.ts";

/** A batch as it came in a Produce request. */
export interface ReceivedBatch {
  readonly nodeId: number;
  readonly topic: string;
  readonly partition: number;
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
  readonly values: readonly string[];
  readonly bytes: Buffer;
}

/**
 * What happens to a batch: `store` it and say so, as it would be without a script; store it and
 * `forget` to name it in the answer, or `doubt` that the replicas have it; or answer this.
 */
export type BatchFate = "store" | "forget" | "doubt" | Partial<ProduceAnswerInput>;

/** What happens to the connection: `cut` before the request is worked on, or before its answer. */
export type RequestFate = "cut" | "cut before the answer";

const VERSION = 8;

/**
 * Brokers in memory, as far as writing goes: logs by partition, which follow producers' numbers as
 * Kafka's do (KIP-98, KIP-360), and faults on demand.
 */
export class FakeProducerCluster {
  /** Every batch that came, in order. */
  readonly received: ReceivedBatch[] = [];
  /** Batches in each Produce request. */
  readonly requests: number[] = [];
  /** What the next batches meet, one each; then all are stored. */
  readonly batchFates: BatchFate[] = [];
  /** What the next requests meet. */
  readonly requestFates: (RequestFate | undefined)[] = [];
  /** Leaders by partition; tests change them. */
  readonly leaders: (number | undefined)[];
  /** `max.message.bytes`, where it may be asked for. */
  limitBytes: number | undefined;
  /** Answer to InitProducerId. */
  idErrorCode = 0;
  /** Brokers that cannot be connected to. */
  readonly unreachable = new Set<number>();
  /** Whether there is the topic. */
  exists = true;
  /** Looks at the topic so far. */
  looks = 0;
  /** Versions of Produce. */
  versions = { minVersion: 3, maxVersion: 13 };
  readonly #logs = new Map<string, string[]>();
  readonly #producers = new Map<string, { id: bigint; epoch: number; last: Stored[] }>();
  #producerId = 40n;
  #heldNext: Promise<void> | undefined;
  #held: PromiseWithResolvers<void> | undefined;

  constructor(partitions = 1) {
    this.leaders = Array.from({ length: partitions }, () => 1);
  }

  /** The same, as the writer takes it. */
  get asCluster(): ClusterClient {
    return this as unknown as ClusterClient;
  }

  /** Values in a partition's log. */
  log(partition = 0, topic = "t"): readonly string[] {
    return this.#logs.get(`${topic}/${partition}`) ?? [];
  }

  /** Requests wait from now on until the returned function is called. */
  hold(): () => void {
    const held = this.#held = Promise.withResolvers<void>();
    return () => {
      if (this.#held === held) this.#held = undefined;
      held.resolve();
    };
  }

  /** The next request waits until the returned function is called, and no other. */
  holdNext(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#heldNext = promise;
    return resolve;
  }

  topic(name: string): Promise<TopicInfo> {
    this.looks++;
    if (!this.exists) {
      return Promise.reject(new ProxyError("unknown_topic", `Cannot read "${name}"`));
    }
    return Promise.resolve({ topic: name, leaders: new Map(this.leaders.entries()) });
  }

  any<T>(ask: (link: unknown) => Promise<T>): Promise<T> {
    return ask({
      send: (api: string) =>
        Promise.resolve(api === "InitProducerId" ? this.#id() : this.#config()),
    });
  }

  node(nodeId: number): Promise<unknown> {
    if (this.unreachable.has(nodeId)) {
      return Promise.reject(new ProxyError("kafka_unavailable", "connection refused"));
    }
    return Promise.resolve({
      versions: () => this.versions,
      raw: (_api: string, version: number, body: Buffer) => this.#produce(nodeId, version, body),
    });
  }

  #id() {
    return { errorCode: this.idErrorCode, producerId: `${++this.#producerId}`, producerEpoch: 0 };
  }

  #config() {
    const configName = "max.message.bytes";
    return {
      resources: [
        this.limitBytes === undefined
          ? { errorCode: 29, configEntries: [] }
          : { errorCode: 0, configEntries: [{ configName, configValue: `${this.limitBytes}` }] },
      ],
    };
  }

  async #produce(nodeId: number, version: number, body: Buffer): Promise<Buffer> {
    if (version !== VERSION) throw new Error(`Produce in version ${version}`);
    const batches = readRequest(nodeId, body);
    this.received.push(...batches);
    this.requests.push(batches.length);
    const heldNext = this.#heldNext;
    this.#heldNext = undefined;
    await (heldNext ?? this.#held?.promise);
    const fate = this.requestFates.shift();
    if (fate === "cut") throw new Error("Connection closed");
    const answers = batches.flatMap((batch) => this.#store(batch));
    if (fate !== undefined) throw new Error("Connection closed");
    return buildProduceResponse(version, answers);
  }

  #store(batch: ReceivedBatch): ProduceAnswerInput[] {
    const { topic, partition, nodeId, bytes } = batch;
    const fate = this.batchFates.shift() ?? "store";
    const answer = (rest: Partial<ProduceAnswerInput>) => [{ topic, partition, ...rest }];
    if (typeof fate === "object") return answer(fate);
    if (this.leaders[partition] !== nodeId) return answer({ errorCode: 6 });
    if (this.limitBytes !== undefined && bytes.length > this.limitBytes) {
      return answer({ errorCode: 10 });
    }
    const stored = this.#append(batch);
    if (fate === "doubt") return answer({ errorCode: 20 });
    return fate === "forget" ? [] : answer(stored);
  }

  #append(batch: ReceivedBatch): Partial<ProduceAnswerInput> {
    const { topic, partition, producerId: id, epoch, sequence, values } = batch;
    const key = `${topic}/${partition}`;
    const log = this.#logs.get(key) ?? [];
    this.#logs.set(key, log);
    const producerKey = `${key}/${id}`;
    const known = this.#producers.get(producerKey);
    if (known !== undefined) {
      if (epoch < known.epoch) return { errorCode: 47 };
      const { last } = known;
      if (epoch === known.epoch) {
        const end = sequence + values.length;
        const twin = last.find((it) => it.sequence === sequence && it.end === end);
        if (twin !== undefined) return { baseOffset: twin.offset };
        if (sequence !== last.at(-1)?.end) return { errorCode: 45 };
      } else if (sequence !== 0) {
        return { errorCode: 45 };
      }
    }
    const offset = BigInt(log.length);
    log.push(...values);
    const before = known?.epoch === epoch ? known.last : [];
    const last = [...before, { sequence, end: sequence + values.length, offset }].slice(-5);
    this.#producers.set(producerKey, { id, epoch, last });
    return { baseOffset: offset };
  }
}

interface Stored {
  readonly sequence: number;
  readonly end: number;
  readonly offset: bigint;
}

/** Reads a Produce request, and checks what a broker checks. */
function readRequest(nodeId: number, body: Buffer): ReceivedBatch[] {
  if (body.readInt16BE(2) !== -1) throw new Error("It does not ask for all replicas");
  let at = 8;
  const int32 = () => body.readInt32BE((at += 4) - 4);
  const received: ReceivedBatch[] = [];
  for (let topics = int32(); topics > 0; topics--) {
    const length = body.readInt16BE(at);
    const topic = body.toString("utf8", at += 2, at += length);
    for (let partitions = int32(); partitions > 0; partitions--) {
      const partition = int32();
      const size = int32();
      const bytes = Buffer.from(body.subarray(at, at += size));
      received.push({ nodeId, topic, partition, ...readBatch(bytes) });
    }
  }
  if (at !== body.length) throw new Error("There is more than the request");
  return received;
}

function readBatch(bytes: Buffer) {
  if (bytes.readUInt32BE(17) !== crc32c(bytes, 21)) throw new Error("The checksum is wrong");
  if (bytes.readInt32BE(8) !== bytes.length - 12) throw new Error("The length is wrong");
  const count = bytes.readInt32BE(57);
  const walker = new RecordWalker();
  walker.start(bytes.subarray(61), count, 0n);
  const values: string[] = [];
  while (walker.next()) {
    const { valueAt, valueLength } = walker;
    values.push(Buffer.from(walker.bytes.subarray(valueAt, valueAt + valueLength)).toString());
  }
  return {
    producerId: bytes.readBigInt64BE(43),
    epoch: bytes.readInt16BE(51),
    sequence: bytes.readInt32BE(53),
    values,
    bytes,
  };
}
