import type { KafkaCluster } from "../kafka/kafka_cluster.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { CommittedWatch } from "./committed_watch.ts";
import { DeliveryLog, overlapMs, recordsIn } from "./delivery_log.ts";
import { eventually } from "./eventually.ts";
import { at } from "./heir.ts";
import { newTopic } from "./new_topic.ts";
import { ProxyProcess } from "./proxy_process.ts";
import { Random } from "./random.ts";
import { ThoroughClient } from "./thorough_client.ts";

/** What happens to a group: a member joins, says goodbye, vanishes; its process is killed. */
export type ChurnStep = "join" | "leave" | "cut" | "kill";

/** How a group is churned. */
export interface ChurnOptions {
  readonly kafka: KafkaCluster;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly seed: number;
  /** Steps go on for so long. */
  readonly forMs: number;
  /** The steps begin with these, in this order. */
  readonly first?: readonly ChurnStep[];
  readonly onStep?: (step: ChurnStep, members: number, quietMs: number) => void;
}

/** What came of it. */
export interface ChurnReport {
  readonly steps: Readonly<Record<ChurnStep, number>>;
  readonly records: number;
  readonly repeats: number;
  /** Rebalances that members took part in. */
  readonly assignments: number;
  /** Longest time in which two members had the same partition, by what they received. */
  readonly overlapMs: number;
  /** Longest time from a step until all partitions moved again, by kind of step. */
  readonly quietMs: Readonly<Record<ChurnStep, number>>;
  readonly looks: number;
}

interface Member {
  readonly name: string;
  readonly process: number;
  readonly client: ThoroughClient;
}

const PARTITIONS = 12;
const MEMBERS = 4;
const PROCESSES = 2;

/** A killed process's members are missed after the session time-out; then Kafka goes on. */
const QUIET_LIMIT_MS = 30_000;

/**
 * Members of one balanced group over 12 partitions that come and go while numbered records go on
 * all the time.
 *
 * @throws {Error} when a record was got by nobody, when members got records out of order, when one
 * came twice although nobody was killed or cut, or when a committed offset went backwards
 */
export async function balancedChurn(options: ChurnOptions): Promise<ChurnReport> {
  await using churn = await BalancedChurn.start(options);
  return await churn.run();
}

class BalancedChurn implements AsyncDisposable {
  readonly #options: ChurnOptions;
  readonly #random: Random;
  readonly #group: string;
  readonly #log = new DeliveryLog();
  readonly #processes: Promise<ProxyProcess>[];
  readonly #ended: ProxyProcess[] = [];
  readonly #opened: ThoroughClient[] = [];
  #members: Member[] = [];
  #names = 0;

  private constructor(options: ChurnOptions, processes: Promise<ProxyProcess>[]) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#group = `${options.topic}-group`;
    this.#processes = processes;
  }

  static async start(options: ChurnOptions): Promise<BalancedChurn> {
    const { kafka, helper, topic } = options;
    await newTopic(helper, topic, { partitions: PARTITIONS });
    const processes = Array.from({ length: PROCESSES }, () => startProcess(kafka.bootstrap));
    const churn = new BalancedChurn(options, processes);
    try {
      await Promise.all(processes);
      return churn;
    } catch (error) {
      await churn[Symbol.asyncDispose]();
      throw error;
    }
  }

  async run(): Promise<ChurnReport> {
    const { helper, topic, forMs, first = [], onStep } = this.#options;
    await using producer = await helper.backgroundProduce({
      topic,
      valueBytes: 30,
      ratePerSecond: 2_400,
    });
    await using watch = new CommittedWatch(helper, this.#group, 50);
    const steps: Record<ChurnStep, number> = { join: 0, leave: 0, cut: 0, kill: 0 };
    const quietMs: Record<ChurnStep, number> = { join: 0, leave: 0, cut: 0, kill: 0 };
    for (let i = 0; i < MEMBERS; i++) await this.#join();
    await this.#allMove();
    const startMs = performance.now();
    for (let i = 0; performance.now() - startMs < forMs || i < first.length; i++) {
      const step = first[i] ?? this.#choose();
      steps[step]++;
      await this.#take(step);
      const moveMs = await this.#allMove();
      quietMs[step] = Math.max(quietMs[step], moveMs);
      onStep?.(step, this.#members.length, moveMs);
      if (watch.stepsBack.length > 0) {
        throw this.#wrong(`after a ${step}: committed ${JSON.stringify(watch.stepsBack)}`);
      }
    }
    await producer.stop();
    const ends = new Map<number, bigint>();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { latest } = await helper.listOffsets(topic, partition);
      ends.set(partition, BigInt(latest));
    }
    await eventually(
      "the members to have all",
      () => [...ends].every(([partition, end]) => this.#log.next(partition) === end),
      { timeoutMs: QUIET_LIMIT_MS },
    );
    await eventually(
      "all to be committed",
      () =>
        [...ends].every(([partition, end]) => watch.committed(topic, partition) === Number(end)),
      { timeoutMs: QUIET_LIMIT_MS },
    );
    for (const { client } of this.#members) await client.leave();
    await watch.stop();
    if (watch.stepsBack.length > 0) throw this.#wrong("a committed offset went backwards");
    this.#log.verifyAll(ends);
    const numbers = [...ends.keys()];
    const repeats = numbers.map((partition) => recordsIn(this.#log.repeats(partition)));
    const repeated = repeats.reduce((sum, count) => sum + count, 0);
    if (steps.kill + steps.cut + steps.leave === 0 && repeated > 0) {
      throw this.#wrong(`${repeated} records came twice`);
    }
    return {
      steps,
      records: [...ends.values()].reduce((sum, end) => sum + Number(end), 0),
      repeats: repeated,
      assignments: await this.#assignments(),
      overlapMs: Math.max(
        ...numbers.map((partition) => overlapMs(this.#log.runs, partition)),
      ),
      quietMs,
      looks: watch.looks,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#opened) await client[Symbol.asyncDispose]();
    for (const process of await Promise.allSettled(this.#processes)) {
      if (process.status === "fulfilled") await process.value[Symbol.asyncDispose]();
    }
  }

  #choose(): ChurnStep {
    const { length } = this.#members;
    if (length <= 2) return "join";
    if (length >= 2 * MEMBERS) return this.#random.pick(["leave", "cut"]);
    return this.#random.pick(["join", "join", "join", "leave", "leave", "cut", "kill"]);
  }

  async #take(step: ChurnStep): Promise<void> {
    if (step === "join") return await this.#join();
    const member = this.#random.pick(this.#members);
    if (step === "leave") {
      this.#forget([member]);
      await member.client.leave();
    } else if (step === "cut") {
      this.#forget([member]);
      await member.client.vanish();
    } else {
      const index = member.process;
      const process = await this.#processes[index];
      process.signal("SIGKILL");
      await process.ended();
      this.#ended.push(process);
      const dead = this.#members.filter((one) => one.process === index);
      this.#forget(dead);
      for (const { client } of dead) await client.untilClosed();
      this.#processes[index] = startProcess(this.#options.kafka.bootstrap);
      await this.#processes[index];
      while (this.#members.length < 3) await this.#join();
    }
  }

  async #join(): Promise<void> {
    const index = this.#random.between(0, PROCESSES);
    const { url } = await this.#processes[index];
    const name = `${++this.#names}@${index}`;
    const { topic } = this.#options;
    const client = await ThoroughClient.connect(
      at(url, { topic, consumerGroup: this.#group, partition: "all" }),
      this.#log.client(name),
    );
    this.#opened.push(client);
    this.#members.push({ name, process: index, client });
  }

  #forget(members: readonly Member[]): void {
    this.#members = this.#members.filter((member) => !members.includes(member));
  }

  /** Waits until every partition has got further; returns how long that took. */
  async #allMove(): Promise<number> {
    const startMs = performance.now();
    const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    const before = all.map((partition) => this.#log.next(partition) ?? 0n);
    await eventually("all partitions to get further", () => {
      for (const { name, client } of this.#members) {
        if (client.closeInfo === undefined) continue;
        const { code, reason } = client.closeInfo;
        throw this.#wrong(`${name} was closed with ${code} "${reason}"`);
      }
      return all.every((partition) => (this.#log.next(partition) ?? 0n) > before[partition] + 20n);
    }, { timeoutMs: QUIET_LIMIT_MS });
    return Math.round(performance.now() - startMs);
  }

  async #assignments(): Promise<number> {
    const all = [...this.#ended, ...await Promise.all(this.#processes)];
    return all.reduce((sum, process) => sum + process.events("assigned").length, 0);
  }

  #wrong(what: string): Error {
    return new Error(`Seed ${this.#options.seed}: ${what}\n${this.#log.text()}`);
  }
}

async function startProcess(bootstrap: string): Promise<ProxyProcess> {
  const proxy = await ProxyProcess.start({
    args: ["--kafka", bootstrap, "--commit-interval-ms", "200"],
  });
  await proxy.event("kafka_connected");
  return proxy;
}
