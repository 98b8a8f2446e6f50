import { sleep } from "../../src/stream/sleep.ts";
import { CommittedWatch } from "../support/committed_watch.ts";
import { eventually } from "../support/eventually.ts";
import { newTopic } from "../support/new_topic.ts";
import type { Random } from "../support/random.ts";
import { checkHistory, findingsText, type Verdict } from "./check_history.ts";
import type { FaultWorld } from "./fault_world.ts";
import { type FaultName, FAULTS, LONG_MS, SHORT_MS } from "./faults.ts";
import type { ConsumerPromise, Entry } from "./history.ts";
import { Movement } from "./movement.ts";
import { type Notes, WORKLOADS } from "./workload.ts";

/** Faults that follow each other while all workloads go on. */
export interface Scenario {
  readonly faults: readonly FaultName[];
  /** Whether what lasts does so for longer than all time-outs. */
  readonly isLong?: boolean;
}

/** What came of a scenario. */
export interface ScenarioResult {
  readonly faults: readonly FaultName[];
  readonly seconds: number;
  readonly verdict: Verdict;
  /** From a fault that is over until everybody goes on in every partition, the longest, in ms. */
  readonly worstRecoveryMs: number;
  /** Longest time in which a producer, or a partition of a consumer, stood still, in ms. */
  readonly longestStillMs: number;
  /** Empty when nothing is wrong. */
  readonly problems: readonly string[];
}

const PARTITIONS = 3;

/**
 * How long a handing over may take in which the older owner does not know yet, in ms: longer than
 * its fault by this.
 */
const OVERLAP_MS = 5_000;

/** Lines of logs and of the history that are kept where somebody did not go on. */
const TOLD = 5_000;

/** Pause between two looks at what a group has committed, in ms. */
const LOOK_MS = 200;

/** Nothing takes longer to go on after a fault. */
const RECOVERY_MS = 60_000;

/** Everybody has to have a record of this long after a fault was over. */
const QUIET_MS = 500;

/** Runs a scenario on a topic of its own, and judges its history. */
export async function runScenario(
  world: FaultWorld,
  { faults, isLong = false }: Scenario,
  random: Random,
  topic: string,
): Promise<ScenarioResult> {
  const startMs = performance.now();
  await newTopic(world.helper, topic, {
    partitions: PARTITIONS,
    replicationFactor: 3,
    configs: { "min.insync.replicas": "2" },
  });
  const writers = WORKLOADS.filter(({ guarantee }) => guarantee === undefined);
  const consumers = new Map<string, ConsumerPromise>();
  for (const { name, guarantee, group } of WORKLOADS) {
    if (guarantee === undefined) continue;
    consumers.set(name, { guarantee, ...group !== undefined && { group: `${topic}-${group}` } });
  }
  const writing = new AbortController();
  const reading = new AbortController();
  const entries: Entry[] = [];
  const movement = new Movement(writers.map(({ name }) => name), [...consumers.keys()], PARTITIONS);
  const endings: string[] = [];
  const shared: Omit<Notes, "signal"> = {
    world,
    topic,
    partitions: PARTITIONS,
    entries,
    movement,
    endings,
  };
  const watches = [...consumers.values()].flatMap(({ group }) =>
    group === undefined ? [] : [watched(world, group, entries)]
  );
  const run = ({ name, guarantee, run }: (typeof WORKLOADS)[number]) => {
    const { signal } = guarantee === undefined ? writing : reading;
    const group = consumers.get(name)?.group ?? "";
    return run({ ...shared, signal }, name, group).catch((error) => {
      endings.push(`${name}: ${error instanceof Error ? error.stack : error}`);
    });
  };
  const running = WORKLOADS.map(run);
  const problems: string[] = [];
  const lastsMs = isLong ? LONG_MS : SHORT_MS;
  let worstRecoveryMs = 0;
  let longestFaultMs = 0;
  let isCut = false;
  try {
    await goesOn(shared, performance.now());
    for (const fault of faults) {
      await sleep(random.between(200, 1_000));
      const beganMs = performance.now();
      await FAULTS[fault]({ world, topic, random, entries, lastsMs });
      const overMs = performance.now();
      longestFaultMs = Math.max(longestFaultMs, overMs - beganMs);
      worstRecoveryMs = Math.max(worstRecoveryMs, await goesOn(shared, overMs));
    }
    writing.abort();
    await Promise.all(running.slice(0, writers.length));
    await reachEnds(shared);
    // One who has ended for good reads no more: that is its own finding, and not a loss.
    isCut = endings.length > 0;
  } catch (error) {
    // What has not come yet is not lost; but nobody waits for it any longer.
    isCut = true;
    const file = await written(world, entries);
    problems.push(`${error instanceof Error ? error.message : error}; more is in ${file}`);
  }
  const longestStillMs = movement.longestMs;
  writing.abort();
  reading.abort();
  await Promise.all(running);
  await Promise.all(watches.map((watch) => watch.stop()));
  const log = await readLog(world, topic);
  const overlapMs = longestFaultMs + OVERLAP_MS;
  const verdict = checkHistory({ entries, consumers, log, isCut, overlapMs });
  problems.push(...endings);
  if (verdict.findings.length > 0) problems.push(findingsText(verdict));
  if (verdict.records < 50) problems.push(`only ${verdict.records} records were written`);
  const seconds = (performance.now() - startMs) / 1_000;
  return { faults, seconds, verdict, worstRecoveryMs, longestStillMs, problems };
}

/**
 * A file of what the proxies say of their sessions, what they and the brokers have logged, and the
 * end of the history.
 */
async function written(
  { proxies, cluster }: FaultWorld,
  entries: readonly Entry[],
): Promise<string> {
  const file = await Deno.makeTempFile({ prefix: "kafka-proxy-faults-", suffix: ".json" });
  const said = await Promise.all(proxies.map(async ({ httpUrl, log }) => {
    const sessions = await fetch(`${httpUrl}api/sessions`).then((answer) => answer.json(), String);
    return { sessions, log: log.slice(-TOLD) };
  }));
  const nodes = await Promise.all(cluster.nodes.map(async (node) => {
    return { id: node.id, isRunning: node.isRunning, log: (await node.log(TOLD)).split("\n") };
  }));
  const history = entries.slice(-TOLD);
  const plain = (_: string, value: unknown) => typeof value === "bigint" ? `${value}` : value;
  await Deno.writeTextFile(file, JSON.stringify({ said, nodes, history }, plain, 1));
  return file;
}

/** Writes down what Kafka's own client sees committed for a group. */
function watched({ helper }: FaultWorld, group: string, entries: Entry[]): CommittedWatch {
  return new CommittedWatch(helper, group, LOOK_MS, ({ partition, offset }, askedMs) => {
    entries.push({ kind: "looked", group, partition, offset: BigInt(offset), askedMs });
  });
}

/** Waits until everybody has moved since a moment; gives how long that took, in ms. */
async function goesOn({ movement, endings }: Omit<Notes, "signal">, sinceMs: number) {
  const still = () => movement.still(sinceMs + QUIET_MS);
  try {
    await eventually("all to go on", () => still().length === 0 || endings.length > 0, {
      timeoutMs: RECOVERY_MS,
      everyMs: 10,
    });
  } catch {
    throw new Error(`did not go on within ${RECOVERY_MS} ms: ${still().join("; ")}`);
  }
  return Math.max(performance.now() - sinceMs - QUIET_MS, 0);
}

/** Waits until every consumer has reached the end of every partition. */
async function reachEnds({ world, topic, movement, endings }: Omit<Notes, "signal">) {
  const ends: bigint[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    ends.push(BigInt((await world.helper.listOffsets(topic, partition)).latest));
  }
  const behind = () => movement.behind(ends);
  try {
    await eventually("all to reach the end", () => behind().length === 0 || endings.length > 0, {
      timeoutMs: RECOVERY_MS,
      everyMs: 10,
    });
  } catch {
    throw new Error(`Not at the ends ${ends} within ${RECOVERY_MS} ms: ${behind().join("; ")}`);
  }
}

/** All values, as Kafka's own consumer has them. */
async function readLog(world: FaultWorld, topic: string): Promise<Map<number, string[]>> {
  const log = new Map<number, string[]>();
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const values: string[] = [];
    for (const { offset, value } of await world.helper.read({ topic, partition })) {
      values[offset] = new TextDecoder().decode(Uint8Array.fromBase64(value ?? ""));
    }
    log.set(partition, values);
  }
  return log;
}
