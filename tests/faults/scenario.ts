import { sleep } from "../../src/stream/sleep.ts";
import { eventually } from "../support/eventually.ts";
import { newTopic } from "../support/new_topic.ts";
import type { Random } from "../support/random.ts";
import { checkHistory, findingsText, type Verdict } from "./check_history.ts";
import type { FaultWorld } from "./fault_world.ts";
import { type FaultName, FAULTS } from "./faults.ts";
import type { Entry, Guarantee } from "./history.ts";
import { type Notes, WORKLOADS } from "./workload.ts";

/** Faults that follow each other while all workloads go on. */
export interface Scenario {
  readonly faults: readonly FaultName[];
}

/** What came of a scenario. */
export interface ScenarioResult {
  readonly faults: readonly FaultName[];
  readonly seconds: number;
  readonly verdict: Verdict;
  /** From a fault that is over until every workload goes on, the longest, in ms. */
  readonly worstRecoveryMs: number;
  /** Empty when nothing is wrong. */
  readonly problems: readonly string[];
}

const PARTITIONS = 3;

/** How long a handing over may take in which the older owner does not know yet, in ms. */
const OVERLAP_MS = 15_000;

/** Nothing takes longer to go on after a fault. */
const RECOVERY_MS = 60_000;

/** Everybody has to have a record of this long after a fault was over. */
const QUIET_MS = 500;

/** Runs a scenario on a topic of its own, and judges its history. */
export async function runScenario(
  world: FaultWorld,
  { faults }: Scenario,
  random: Random,
  topic: string,
): Promise<ScenarioResult> {
  const startMs = performance.now();
  await newTopic(world.helper, topic, {
    partitions: PARTITIONS,
    replicationFactor: 3,
    configs: { "min.insync.replicas": "2" },
  });
  const readers = WORKLOADS.filter(({ guarantee }) => guarantee !== undefined);
  const writing = new AbortController();
  const reading = new AbortController();
  const entries: Entry[] = [];
  const shared: Omit<Notes, "signal"> = {
    world,
    topic,
    partitions: PARTITIONS,
    entries,
    reached: new Map(readers.map(({ name }) => [name, new Array(PARTITIONS).fill(0n)])),
    movedMs: new Map(),
    endings: [],
  };
  const running = WORKLOADS.map(({ name, guarantee, run }) => {
    const { signal } = guarantee === undefined ? writing : reading;
    return run({ ...shared, signal }, name).catch((error) => {
      shared.endings.push(`${name}: ${error instanceof Error ? error.stack : error}`);
    });
  });
  const problems: string[] = [];
  let worstRecoveryMs = 0;
  let isCut = false;
  try {
    await goesOn(shared, performance.now());
    for (const fault of faults) {
      await sleep(random.between(200, 1_000));
      await FAULTS[fault]({ world, topic, random, entries });
      const recoveryMs = await goesOn(shared, performance.now());
      worstRecoveryMs = Math.max(worstRecoveryMs, recoveryMs);
    }
    writing.abort();
    await Promise.all(running.slice(0, WORKLOADS.length - readers.length));
    await reachEnds(shared);
    // One who has ended for good reads no more: that is its own finding, and not a loss.
    isCut = shared.endings.length > 0;
  } catch (error) {
    // What has not come yet is not lost; but nobody waits for it any longer.
    isCut = true;
    problems.push(error instanceof Error ? error.message : `${error}`);
  }
  writing.abort();
  reading.abort();
  await Promise.all(running);
  const log = await readLog(world, topic);
  const consumers = new Map(readers.map(({ name, guarantee }): [string, Guarantee] => [
    name,
    guarantee!,
  ]));
  const verdict = checkHistory({ entries, consumers, log, isCut, overlapMs: OVERLAP_MS });
  problems.push(...shared.endings);
  if (verdict.findings.length > 0) problems.push(findingsText(verdict));
  if (verdict.records < 50) problems.push(`only ${verdict.records} records were written`);
  const seconds = (performance.now() - startMs) / 1_000;
  return { faults, seconds, verdict, worstRecoveryMs, problems };
}

/** Waits until every workload has moved since a moment; gives how long that took, in ms. */
async function goesOn({ movedMs, endings }: Omit<Notes, "signal">, sinceMs: number) {
  const still = () =>
    WORKLOADS.filter(({ name }) => (movedMs.get(name) ?? 0) <= sinceMs + QUIET_MS);
  try {
    await eventually("all to go on", () => still().length === 0 || endings.length > 0, {
      timeoutMs: RECOVERY_MS,
      everyMs: 10,
    });
  } catch {
    const names = still().map(({ name }) => name).join(", ");
    throw new Error(`${names} did not go on within ${RECOVERY_MS} ms`);
  }
  return Math.max(performance.now() - sinceMs - QUIET_MS, 0);
}

/** Waits until every consumer has reached the end of every partition. */
async function reachEnds({ world, topic, reached, endings }: Omit<Notes, "signal">) {
  const ends: bigint[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    ends.push(BigInt((await world.helper.listOffsets(topic, partition)).latest));
  }
  const behind = () =>
    [...reached].filter(([, own]) => ends.some((end, partition) => own[partition] < end));
  try {
    await eventually("all to reach the end", () => behind().length === 0 || endings.length > 0, {
      timeoutMs: RECOVERY_MS,
      everyMs: 10,
    });
  } catch {
    const names = behind().map(([name, own]) => `${name} at ${own}`).join("; ");
    throw new Error(`Not at the ends ${ends} within ${RECOVERY_MS} ms: ${names}`);
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
