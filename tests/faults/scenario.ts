import { ERROR_TABLE } from "../../src/core/error_table.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { CommittedWatch } from "../support/committed_watch.ts";
import { eventually } from "../support/eventually.ts";
import { newTopic } from "../support/new_topic.ts";
import type { Random } from "../support/random.ts";
import { checkHistory, findingsText, type Verdict } from "./check_history.ts";
import type { FaultWorld } from "./fault_world.ts";
import {
  type EndName,
  ENDS,
  type FaultName,
  FAULTS,
  LONG_MS,
  SHORT_MS,
  valueText,
} from "./faults.ts";
import type { ConsumerPromise, Entry } from "./history.ts";
import { Movement } from "./movement.ts";
import { type Ending, type Notes, WORKLOADS } from "./workload.ts";

/** Faults that follow each other while all workloads go on. */
export interface Scenario {
  readonly faults: readonly FaultName[];
  /** Whether what lasts does so for longer than all time-outs. */
  readonly isLong?: boolean;
  /** What happens to the topic when all of it was read. */
  readonly end?: EndName;
}

/** What came of a scenario. */
export interface ScenarioResult {
  readonly faults: readonly (FaultName | EndName)[];
  readonly seconds: number;
  readonly verdict: Verdict;
  /** From a fault that is over until everybody goes on in every partition, the longest, in ms. */
  readonly worstRecoveryMs: number;
  /** Longest time in which a producer, or a partition of a consumer, stood still, in ms. */
  readonly longestStillMs: number;
  /** Empty when nothing is wrong. */
  readonly problems: readonly string[];
}

/** At first. */
const PARTITIONS = 3;

/** What a client is told whose topic is gone: an error's name, a close code, the reason of a gap. */
const TOPIC_IS_GONE = [
  "topic_deleted",
  "unknown_topic",
  `${ERROR_TABLE.topic_deleted.closeCode}`,
  "recreated",
];

/** Every client is told within this time. */
const TOLD_MS = 30_000;

/**
 * How long a handing over may take in which the older owner does not know yet, in ms: longer than
 * its fault by this.
 */
const OVERLAP_MS = 5_000;

/** Lines of logs and of the history that are kept where somebody did not go on. */
const KEPT_LINES = 5_000;

/** Pause between two looks at what a group has committed, in ms. */
const LOOK_MS = 200;

/** Nothing takes longer to go on after a fault. */
const RECOVERY_MS = 60_000;

/** Everybody has to have a record of this long after a fault was over. */
const QUIET_MS = 500;

/** Runs a scenario on a topic of its own, and judges its history. */
export async function runScenario(
  world: FaultWorld,
  { faults, isLong = false, end }: Scenario,
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
  for (const { name, guarantee, group, isUntold } of WORKLOADS) {
    if (guarantee === undefined) continue;
    const own = group === undefined ? undefined : `${topic}-${group}`;
    consumers.set(name, { guarantee, group: own, isUntold });
  }
  const writing = new AbortController();
  const reading = new AbortController();
  const entries: Entry[] = [];
  const movement = new Movement(writers.map(({ name }) => name), [...consumers.keys()], PARTITIONS);
  const endings: Ending[] = [];
  const shared: Omit<Notes, "signal"> = { world, topic, entries, movement, endings };
  const watches = [...consumers.values()].flatMap(({ group }) =>
    group === undefined ? [] : [watched(world, group, entries)]
  );
  const run = ({ name, guarantee, run }: (typeof WORKLOADS)[number]) => {
    const { signal } = guarantee === undefined ? writing : reading;
    const group = consumers.get(name)?.group ?? "";
    return run({ ...shared, signal }, name, group).catch((error) => {
      const text = `${name}: ${error instanceof Error ? error.stack : error}`;
      endings.push({ who: name, code: "", text });
    });
  };
  const running = WORKLOADS.map(run);
  const problems: string[] = [];
  const lastsMs = isLong ? LONG_MS : SHORT_MS;
  let worstRecoveryMs = 0;
  let longestFaultMs = 0;
  let isCut = false;
  let isGone = false;
  let log: ReadonlyMap<number, string[]> | undefined;
  try {
    await goesOn(shared, performance.now());
    for (const fault of faults) {
      await sleep(random.between(200, 1_000));
      const beganMs = performance.now();
      await FAULTS[fault]({ world, topic, random, entries, movement, lastsMs });
      const overMs = performance.now();
      longestFaultMs = Math.max(longestFaultMs, overMs - beganMs);
      worstRecoveryMs = Math.max(worstRecoveryMs, await goesOn(shared, overMs));
    }
    writing.abort();
    await Promise.all(running.slice(0, writers.length));
    await reachEnds(shared);
    // One who has ended for good reads no more: that is its own finding, and not a loss.
    isCut = endings.length > 0;
    if (!isCut && end !== undefined) {
      log = await readLog(shared);
      isGone = true;
      await ENDS[end](shared);
      await allEnd(running);
    }
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
  log ??= await readLog(shared);
  const overlapMs = longestFaultMs + OVERLAP_MS;
  const verdict = checkHistory({ entries, consumers, log, isCut, overlapMs });
  const isFine = ({ code }: Ending) => isGone && TOPIC_IS_GONE.includes(code);
  problems.push(...endings.filter((ending) => !isFine(ending)).map(({ text }) => text));
  if (verdict.findings.length > 0) problems.push(findingsText(verdict));
  if (verdict.records < 50) problems.push(`only ${verdict.records} records were written`);
  const seconds = (performance.now() - startMs) / 1_000;
  const all = end === undefined ? faults : [...faults, end];
  return { faults: all, seconds, verdict, worstRecoveryMs, longestStillMs, problems };
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
    return { sessions, log: log.slice(-KEPT_LINES) };
  }));
  const nodes = await Promise.all(cluster.nodes.map(async (node) => {
    return {
      id: node.id,
      isRunning: node.isRunning,
      log: (await node.log(KEPT_LINES)).split("\n"),
    };
  }));
  const history = entries.slice(-KEPT_LINES);
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
  for (let partition = 0; partition < movement.partitions; partition++) {
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

/** Waits until nobody runs any more: each was told that its topic is gone. */
async function allEnd(running: readonly Promise<void>[]): Promise<void> {
  let isOver = false;
  void Promise.all(running).then(() => isOver = true);
  await eventually("all to end, their topic gone", () => isOver, { timeoutMs: TOLD_MS });
}

/** All values there ever were, as Kafka's own consumer has read them. */
async function readLog(
  { world, topic, entries, movement }: Omit<Notes, "signal">,
): Promise<Map<number, string[]>> {
  const log = new Map<number, string[]>();
  for (let partition = 0; partition < movement.partitions; partition++) log.set(partition, []);
  for (const entry of entries) {
    if (entry.kind === "trimmed") Object.assign(log.get(entry.partition)!, entry.values);
  }
  for (const [partition, values] of log) {
    for (const { offset, value } of await world.helper.read({ topic, partition })) {
      values[offset] = valueText(value);
    }
  }
  return log;
}
