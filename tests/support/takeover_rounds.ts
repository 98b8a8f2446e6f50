import type { KafkaCluster } from "../kafka/kafka_cluster.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { CommittedWatch } from "./committed_watch.ts";
import { DeliveryLog, overlapMs, rangeText, recordsIn, repeatsIn } from "./delivery_log.ts";
import { eventually } from "./eventually.ts";
import { at } from "./heir.ts";
import { newTopic } from "./new_topic.ts";
import { ProxyProcess } from "./proxy_process.ts";
import { Random } from "./random.ts";
import { ThoroughClient } from "./thorough_client.ts";

/**
 * What a round does to the client that has the partition, and its process:
 *
 * - `takeover`: a newer client comes, at the same process or another;
 * - `crowd`: three newer clients come at once, at different processes;
 * - `leave`: it says goodbye, and another comes;
 * - `cut`: it vanishes without a word, and another comes;
 * - `stuck`: it reads no more, and another comes;
 * - `kill`: its process is killed with -9, and another comes elsewhere;
 * - `stop`: its process is stopped, another comes elsewhere, and the process wakes up again;
 * - `gone`: its process is stopped, another comes and goes, and the process wakes up again;
 * - `nobody`: it says goodbye, and two come at once at different processes.
 */
export const ACTIONS = [
  "takeover",
  "crowd",
  "leave",
  "cut",
  "stuck",
  "kill",
  "stop",
  "gone",
  "nobody",
] as const;

/** What a round does. */
export type Action = typeof ACTIONS[number];

/** Actions that leave the older one alive and able to drain: nothing may come twice. */
const ORDERLY: readonly Action[] = ["takeover", "crowd", "nobody"];

/** What the older client gets is not read when it comes, or is not sent when it is written. */
const READ_LATE: readonly Action[] = ["stuck", "stop", "gone"];

/** Fills all buffers on the way to a client that is stuck. */
const BURST = { count: 60_000, valueBytes: 200 };

/** What came of one round. */
export interface Round {
  readonly round: number;
  readonly action: Action;
  /** Indexes of the processes: the older client's, and the one that has it after the round. */
  readonly from: number;
  readonly to: number;
  /** From the handshake of the client that has it to its first record, in ms. */
  readonly tookMs: number;
  /** Records that came again. */
  readonly repeats: number;
  /**
   * From the first record of a later owner to the last of an earlier one, in ms: how long both sent;
   * undefined while it cannot be told, because the older one's bytes were read late on purpose.
   */
  readonly overlapMs: number | undefined;
  /** How often a committed offset went backwards. */
  readonly stepsBack: number;
}

/** How rounds are made. */
export interface RoundsOptions {
  readonly kafka: KafkaCluster;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly seed: number;
  readonly rounds: number;
  /** The rounds begin with these, in this order. */
  readonly first?: readonly Action[];
  /** No new round begins after so long. */
  readonly withinMs?: number;
  readonly onRound?: (round: Round) => void;
}

/** What came of all rounds. */
export interface RoundsReport {
  readonly rounds: readonly Round[];
  readonly records: number;
  readonly takenMs: number;
}

interface Owner {
  readonly name: string;
  readonly process: number;
  readonly client: ThoroughClient;
  readonly startMs: number;
}

const PROCESSES = 3;

/** Two connections of one process may be read in another order than they were written. */
const READ_JITTER_MS = 50;

/** Records each owner gets before the next round. */
const LEAST_RECORDS = 300;

/**
 * Rounds of takeovers, cuts and kills over three processes, one pinned partition, and numbered
 * records that go on all the time.
 *
 * @throws {Error} when a record was got by nobody, or by two where that must not be
 */
export async function takeoverRounds(options: RoundsOptions): Promise<RoundsReport> {
  await using rounds = await TakeoverRounds.start(options);
  return await rounds.run();
}

class TakeoverRounds implements AsyncDisposable {
  readonly #options: RoundsOptions;
  readonly #random: Random;
  readonly #group: string;
  readonly #log = new DeliveryLog();
  readonly #processes: Promise<ProxyProcess>[];
  readonly #opened: ThoroughClient[] = [];
  #names = 0;

  private constructor(options: RoundsOptions, processes: Promise<ProxyProcess>[]) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#group = `${options.topic}-group`;
    this.#processes = processes;
  }

  static async start(options: RoundsOptions): Promise<TakeoverRounds> {
    const { kafka, helper, topic } = options;
    await newTopic(helper, topic);
    const processes = Array.from({ length: PROCESSES }, () => startProcess(kafka.bootstrap));
    const rounds = new TakeoverRounds(options, processes);
    try {
      await Promise.all(processes);
      return rounds;
    } catch (error) {
      await rounds[Symbol.asyncDispose]();
      throw error;
    }
  }

  async run(): Promise<RoundsReport> {
    const { helper, topic, rounds: wanted, first = [], withinMs = Infinity } = this.#options;
    const startMs = performance.now();
    await using producer = await helper.backgroundProduce({
      topic,
      valueBytes: 30,
      ratePerSecond: 2_000,
    });
    await using watch = new CommittedWatch(helper, this.#group, 10);
    const rounds: Round[] = [];
    let owner = await this.#open(this.#random.between(0, PROCESSES));
    await owner.client.until(LEAST_RECORDS);
    while (rounds.length < wanted && performance.now() - startMs < withinMs) {
      const action = first[rounds.length] ?? this.#random.pick(ACTIONS);
      const older = owner;
      const runsBefore = this.#log.runs.length;
      const stepsBefore = watch.stepsBack.length;
      owner = await this.#act(action, older);
      await owner.client.until(LEAST_RECORDS);
      const round = this.#judge(
        { round: rounds.length + 1, action, from: older.process, to: owner.process },
        older,
        owner,
        runsBefore,
        watch.stepsBack.length - stepsBefore,
      );
      rounds.push(round);
      this.#options.onRound?.(round);
    }
    await producer.stop();
    const { latest } = await helper.listOffsets(topic, 0);
    await eventually("the last owner to have all", () => this.#log.next() === BigInt(latest), {
      timeoutMs: 20_000,
    });
    await owner.client.leave();
    await watch.stop();
    this.#log.verifyAll(new Map([[0, BigInt(latest)]]));
    return { rounds, records: latest, takenMs: performance.now() - startMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#opened) await client[Symbol.asyncDispose]();
    for (const process of await Promise.allSettled(this.#processes)) {
      if (process.status === "fulfilled") await process.value[Symbol.asyncDispose]();
    }
  }

  /** Does it, and returns who has the partition then. */
  async #act(action: Action, older: Owner): Promise<Owner> {
    const random = this.#random;
    switch (action) {
      case "takeover": {
        const owner = await this.#open(random.between(0, PROCESSES));
        await this.#evicted(older);
        return owner;
      }
      case "crowd": {
        const newer = await Promise.all([0, 1, 2].map((process) => this.#open(process)));
        await this.#evicted(older);
        return await this.#oneLeft(newer);
      }
      case "leave": {
        await older.client.leave();
        return await this.#open(random.between(0, PROCESSES));
      }
      case "cut": {
        await older.client.vanish();
        return await this.#open(random.between(0, PROCESSES));
      }
      case "stuck": {
        older.client.pause();
        const { helper, topic } = this.#options;
        await helper.produce({ topic, ...BURST });
        const owner = await this.#open(random.between(0, PROCESSES));
        await owner.client.until(1);
        older.client.resume();
        await this.#evicted(older);
        return owner;
      }
      case "kill": {
        const process = await this.#processes[older.process];
        process.signal("SIGKILL");
        await process.ended();
        await older.client.untilClosed();
        const { kafka } = this.#options;
        this.#processes[older.process] = startProcess(kafka.bootstrap);
        return await this.#open(this.#elsewhere(older.process));
      }
      case "stop": {
        const process = await this.#processes[older.process];
        process.signal("SIGSTOP");
        const owner = await this.#open(this.#elsewhere(older.process));
        await owner.client.until(LEAST_RECORDS);
        process.signal("SIGCONT");
        await this.#evicted(older);
        return owner;
      }
      case "gone": {
        const process = await this.#processes[older.process];
        process.signal("SIGSTOP");
        const guest = await this.#open(this.#elsewhere(older.process));
        await guest.client.until(LEAST_RECORDS);
        await guest.client.leave();
        process.signal("SIGCONT");
        await this.#evicted(older);
        return await this.#open(random.between(0, PROCESSES));
      }
      case "nobody": {
        await older.client.leave();
        const one = random.between(0, PROCESSES);
        const both = [one, this.#elsewhere(one)];
        return await this.#oneLeft(await Promise.all(both.map((process) => this.#open(process))));
      }
    }
  }

  async #open(process: number): Promise<Owner> {
    const { url } = await this.#processes[process];
    const { topic } = this.#options;
    const name = `${++this.#names}@${process}`;
    const startMs = performance.now();
    const client = await ThoroughClient.connect(
      at(url, { topic, consumerGroup: this.#group }),
      this.#log.client(name),
    );
    this.#opened.push(client);
    return { name, process, client, startMs };
  }

  async #evicted({ name, client }: Owner): Promise<void> {
    const { code, reason } = await client.untilClosed();
    if (code !== 4409) throw new Error(`${name} was closed with ${code} "${reason}", not 4409`);
  }

  async #oneLeft(owners: readonly Owner[]): Promise<Owner> {
    const left = await eventually("one of them to be left, with records", () => {
      const open = owners.filter(({ client }) => client.closeInfo === undefined);
      return open.length === 1 && open[0].client.count >= LEAST_RECORDS && open[0];
    }, { timeoutMs: 20_000 });
    for (const owner of owners) if (owner !== left) await this.#evicted(owner);
    return left;
  }

  #elsewhere(process: number): number {
    return (process + this.#random.between(1, PROCESSES)) % PROCESSES;
  }

  #judge(
    base: Pick<Round, "round" | "action" | "from" | "to">,
    older: Owner,
    owner: Owner,
    runsBefore: number,
    stepsBack: number,
  ): Round {
    const { action } = base;
    const log = this.#log;
    const now = log.next()!;
    const gaps = log.gaps(0, now);
    if (gaps.length > 0) this.#fail(base, `nobody got ${gaps.map(rangeText).join(", ")}`);
    const runs = [...log.of(older.name), ...log.runs.slice(runsBefore)];
    const round: Round = {
      ...base,
      tookMs: Math.round(log.of(owner.name)[0].firstMs - owner.startMs),
      repeats: recordsIn(repeatsIn(runs, 0)),
      overlapMs: READ_LATE.includes(action) ? undefined : overlapMs(runs, 0),
      stepsBack,
    };
    if (ORDERLY.includes(action) && round.repeats > 0) {
      this.#fail(base, `${round.repeats} records came twice`);
    }
    if (stepsBack > 0) this.#fail(base, `a committed offset went backwards ${stepsBack} times`);
    // Both connections are read by one event loop, so that a few ms say nothing.
    if ((round.overlapMs ?? 0) > READ_JITTER_MS) {
      this.#fail(base, `two owners for ${round.overlapMs} ms`);
    }
    return round;
  }

  #fail({ round, action }: Pick<Round, "round" | "action">, what: string): never {
    const { seed } = this.#options;
    throw new Error(`Round ${round} (${action}, seed ${seed}): ${what}\n${this.#log.text()}`);
  }
}

async function startProcess(bootstrap: string): Promise<ProxyProcess> {
  const proxy = await ProxyProcess.start({
    args: ["--kafka", bootstrap, "--commit-interval-ms", "100"],
  });
  await proxy.event("kafka_connected");
  return proxy;
}
