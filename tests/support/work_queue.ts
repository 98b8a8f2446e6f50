import type { KafkaCluster } from "../kafka/kafka_cluster.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { CommittedWatch } from "./committed_watch.ts";
import { eventually } from "./eventually.ts";
import { newTopic } from "./new_topic.ts";
import { ProxyProcess } from "./proxy_process.ts";
import { Random } from "./random.ts";
import { TcpRelay } from "./tcp_relay.ts";
import { V2Client, type V2Frame, type V2Records } from "./v2_client.ts";

/**
 * How a work queue is disturbed: a worker's socket is cut without a close, a proxy is killed, the
 * broker is killed and started again.
 */
export type Disturbance = "cut" | "kill" | "broker";

/** A work queue and what happens to it. */
export interface WorkQueueOptions {
  readonly kafka: KafkaCluster;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly seed: number;
  readonly records: number;
  readonly disturbances: number;
  /** Whether the broker is among them; the second one is it then. */
  readonly brokerToo?: boolean;
  readonly onDisturbed?: (what: Disturbance, acked: number, tookMs: number) => void;
}

/** What came of it. */
export interface WorkQueueReport {
  readonly records: number;
  readonly disturbances: Readonly<Record<Disturbance, number>>;
  /** Deliveries beyond one a record. */
  readonly repeats: number;
  /** Records that were delivered again though their acknowledgement had been answered. */
  readonly wrongRepeats: number;
  /** Records nobody acknowledged. */
  readonly lost: number;
  readonly stepsBack: number;
  readonly takenMs: number;
  /** Longest time from a disturbance until all partitions moved again. */
  readonly slowestMs: number;
}

const WORKERS = 4;
const PARTITIONS = 8;
const PROCESSES = 2;

/** Work is paced so that about so much time lies between two disturbances, in seconds. */
const PACE_SECONDS = 3;

/** A worker acknowledges so many records at a time, and waits for the answer of each tenth. */
const ACK_EVERY = 20;

/**
 * Workers of one balanced group over v2 that acknowledge what they have done, while sockets are cut
 * and proxies killed.
 *
 * What is checked: every record is acknowledged by somebody; each assignment goes on without a hole
 * from where it says it starts; no assignment starts below an acknowledgement that was answered
 * `committed` before; committed offsets never go backwards.
 *
 * @throws {Error} when a worker saw a hole, or the queue came to a stop
 */
export async function workQueue(options: WorkQueueOptions): Promise<WorkQueueReport> {
  await using queue = new WorkQueue(options);
  return await queue.run();
}

/** One partition as all workers together know it. */
class Progress {
  /** Everything below was acknowledged by some worker. */
  acked = 0n;
  /** Everything below was answered `committed`. */
  answered = 0n;
  delivered = 0n;
}

class WorkQueue implements AsyncDisposable {
  readonly #options: WorkQueueOptions;
  readonly #random: Random;
  readonly #group: string;
  readonly #processes: Promise<ProxyProcess>[] = [];
  readonly #progress = Array.from({ length: PARTITIONS }, () => new Progress());
  readonly #stopping = new AbortController();
  readonly #workers: Worker[] = [];
  #deliveries = 0;
  #wrongRepeats = 0;
  #wrong: Error | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#group = `${options.topic}-workers`;
  }

  async run(): Promise<WorkQueueReport> {
    const { kafka, helper, topic, records, disturbances, onDisturbed } = this.#options;
    const startMs = performance.now();
    await newTopic(helper, topic, { partitions: PARTITIONS });
    await helper.produce({ topic, count: records, valueBytes: 40 });
    for (let i = 0; i < PROCESSES; i++) this.#processes.push(startProcess(kafka.bootstrap));
    await Promise.all(this.#processes);
    await using watch = new CommittedWatch(helper, this.#group, 100);
    for (let i = 0; i < WORKERS; i++) this.#workers.push(this.#worker(i % PROCESSES));
    const done: Record<Disturbance, number> = { cut: 0, kill: 0, broker: 0 };
    let slowestMs = 0;
    for (let i = 0; i < disturbances; i++) {
      await this.#untilAcked(Math.floor(records * (i + 1) / (disturbances + 2)));
      const what = this.#choose(i);
      done[what]++;
      const fromMs = performance.now();
      const before = this.#acked;
      await this.#disturb(what);
      await this.#untilAcked(Math.min(before + 500, records));
      const tookMs = Math.round(performance.now() - fromMs);
      slowestMs = Math.max(slowestMs, tookMs);
      onDisturbed?.(what, this.#acked, tookMs);
    }
    await this.#untilAcked(records);
    const ends = await Promise.all(
      this.#progress.map((_, partition) => helper.listOffsets(topic, partition)),
    );
    await eventually(
      "all to be committed",
      () =>
        ends.every(({ latest }, partition) =>
          latest === 0 || watch.committed(topic, partition) === latest
        ),
      { timeoutMs: 30_000 },
    );
    await watch.stop();
    const acked = this.#progress.map((partition) => partition.acked);
    const lost = ends.reduce((sum, { latest }, i) => sum + latest - Number(acked[i]), 0);
    return {
      records,
      disturbances: done,
      repeats: this.#deliveries - records,
      wrongRepeats: this.#wrongRepeats,
      lost,
      stepsBack: watch.stepsBack.length,
      takenMs: Math.round(performance.now() - startMs),
      slowestMs,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    for (const process of await Promise.allSettled(this.#processes)) {
      if (process.status === "fulfilled") await process.value[Symbol.asyncDispose]();
    }
  }

  get #rate(): number {
    const { records, disturbances } = this.#options;
    return Math.ceil(records / ((disturbances + 1) * PACE_SECONDS * WORKERS));
  }

  get #acked(): number {
    return this.#progress.reduce((sum, { acked }) => sum + Number(acked), 0);
  }

  async #untilAcked(count: number): Promise<void> {
    await eventually(`${count} records to be acknowledged`, () => {
      if (this.#wrong !== undefined) throw this.#wrong;
      return this.#acked >= count;
    }, { timeoutMs: 60_000, everyMs: 10 });
  }

  #worker(index: number): Worker {
    return new Worker({
      url: async () => (await this.#processes[index]).url,
      topic: this.#options.topic,
      group: this.#group,
      rate: this.#rate,
      signal: this.#stopping.signal,
      assigned: (partition, next) => {
        const { answered } = this.#progress[partition];
        if (next < answered) this.#wrongRepeats += Number(answered - next);
      },
      delivered: (count) => this.#deliveries += count,
      acked: (partition, next) => {
        const own = this.#progress[partition];
        if (next > own.acked) own.acked = next;
      },
      committed: (partition, next) => {
        const own = this.#progress[partition];
        if (next > own.answered) own.answered = next;
      },
      failed: (error) => this.#wrong ??= error,
    });
  }

  #choose(index: number): Disturbance {
    const chosen = this.#random.next() < 0.6 ? "cut" : "kill";
    return this.#options.brokerToo && index === 1 ? "broker" : chosen;
  }

  async #disturb(what: Disturbance): Promise<void> {
    if (what === "broker") {
      const [node] = this.#options.kafka.nodes;
      await node.kill();
      await node.start();
      return;
    }
    if (what === "cut") return this.#random.pick(this.#workers).cut();
    const index = this.#random.between(0, PROCESSES);
    const process = await this.#processes[index];
    process.signal("SIGKILL");
    await process.ended();
    this.#processes[index] = startProcess(this.#options.kafka.bootstrap);
    await this.#processes[index];
  }
}

/** What a worker tells of. */
interface WorkerOptions {
  readonly url: () => Promise<string>;
  readonly topic: string;
  readonly group: string;
  readonly rate: number;
  readonly signal: AbortSignal;
  readonly assigned: (partition: number, next: bigint) => void;
  readonly delivered: (count: number) => void;
  readonly acked: (partition: number, next: bigint) => void;
  readonly committed: (partition: number, next: bigint) => void;
  readonly failed: (error: Error) => void;
}

/** A client that comes back whenever its connection ends. */
class Worker {
  readonly #options: WorkerOptions;
  readonly #running: Promise<void>;
  #relay: TcpRelay | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  cut(): void {
    this.#relay?.cut();
  }

  async stop(): Promise<void> {
    this.#relay?.cut();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal, failed } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#work();
      } catch (error) {
        if (error instanceof WorkError) failed(error);
        await sleep(50, signal);
      }
    }
  }

  async #work(): Promise<void> {
    const { url, topic, group, rate, signal, assigned, delivered, acked, committed } =
      this.#options;
    const address = await url();
    await using relay = new TcpRelay(address);
    this.#relay = relay;
    const next = new Map<number, bigint>();
    let acks = 0;
    // What comes after a cut is nobody's: a worker that is gone does no work.
    await using client = await V2Client.open(relay.through(address), {
      keep: false,
      onFrame: (frame) => {
        for (const [partition, offset] of assignedIn(frame)) {
          assigned(partition, offset);
          next.set(partition, offset);
        }
        if (frame.type === "committed") committed(frame.partition, BigInt(frame.next));
      },
      onRecords: (frame) => {
        check(frame, next);
        delivered(frame.records.length);
        for (let i = ACK_EVERY - 1;; i += ACK_EVERY) {
          const at = Math.min(i, frame.records.length - 1);
          const { offset } = frame.records[at];
          client.send({
            type: "ack",
            subscription: frame.subscription,
            topic,
            partition: frame.partition,
            offset,
            ...++acks % 10 === 0 && { id: 1_000_000 + acks },
          });
          acked(frame.partition, BigInt(offset) + 1n);
          if (at === frame.records.length - 1) break;
        }
      },
    });
    client.send({
      type: "subscribe",
      topics: [topic],
      group,
      ack: "client",
      maxUnacked: 500,
      maxRecords: 100,
      rate,
    });
    signal.addEventListener("abort", () => relay.cut(), { once: true });
    await client.closed;
  }
}

/** A worker was sent what it cannot be. */
class WorkError extends Error {}

function check({ partition, records }: V2Records, next: Map<number, bigint>): void {
  let wanted = next.get(partition);
  if (wanted === undefined) throw new WorkError(`Records of partition ${partition}, not assigned`);
  for (const { offset } of records) {
    if (BigInt(offset) !== wanted) {
      throw new WorkError(`Partition ${partition}: offset ${offset} where ${wanted} was due`);
    }
    wanted++;
  }
  next.set(partition, wanted);
}

function assignedIn(frame: V2Frame): [number, bigint][] {
  if (frame.type !== "subscribed" && frame.type !== "assigned") return [];
  return frame.partitions.map(({ partition, next }) => [partition, BigInt(next)]);
}

async function startProcess(bootstrap: string): Promise<ProxyProcess> {
  const proxy = await ProxyProcess.start({
    args: ["--kafka", bootstrap, "--commit-interval-ms", "200"],
  });
  await proxy.event("kafka_connected");
  return proxy;
}
