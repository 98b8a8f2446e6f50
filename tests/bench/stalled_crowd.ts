/**
 * `deno task bench:stalled`: what a hundred clients that stop reading cost the server and its other
 * clients, and that they miss nothing when they read on; and the same for one that sleeps among
 * hundreds that keep up.
 *
 * A topic is written at a steady rate. Others read on, one of them measures how old records are when
 * they come: before, during the stall, while those that stalled catch up, and after.
 *
 * The figures go to standard output as JSON. Ends with code 1 when a record is missing or repeated or
 * a limit is not kept, with 2 when misused.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import type { LatencyResult } from "./latency_counter.ts";
import { runProgram, ServerProgram } from "./program.ts";
import { ReadersProcess } from "./readers_process.ts";

const VALUE_BYTES = 100;

/** Who stalls, beside whom, and on what. */
export interface StalledCrowdOptions {
  readonly stalled: number;
  readonly live: number;
  readonly seconds: number;
  readonly ratePerSecond: number;
}

/** One stretch of the run: how old records were at a client that keeps up, and what memory did. */
export interface Phase extends LatencyResult {
  /** The most the process had, less what it had at the start of the phase. */
  readonly grownBytes: number;
}

/** What was measured, in the order in which it was. */
export interface StalledCrowdResult {
  /** Nobody stalls. */
  readonly before: Phase;
  readonly during: Phase;
  /** Those that stalled read on and catch up. */
  readonly waking: Phase;
  /** Nobody stalls again: what time alone has done. */
  readonly after: Phase;
  /** Records that each of the stalled ones had when all was read. */
  readonly records: number;
  /** How far behind they were when they woke, in records. */
  readonly behind: number;
}

/** Measures one stall on a proxy of its own. */
export async function measureStalledCrowd(
  kafka: string,
  helper: KafkaHelper,
  topic: string,
  { stalled, live, seconds, ratePerSecond }: StalledCrowdOptions,
): Promise<StalledCrowdResult> {
  const count = seconds * ratePerSecond;
  const probe = `${topic}-probe`;
  await helper.createTopic(topic);
  await helper.createTopic(probe);
  // The readers answer no pings.
  const args = ["--kafka", kafka, "--ping-timeout-seconds", "0"];
  await using proxy = await ProxyProcess.start({ args });
  await proxy.event("kafka_connected");
  const url = `${proxy.url}?topic=${topic}&consumerGroup=&offset=0`;
  const common = { url, from: 0, valueBytes: VALUE_BYTES };
  await using others = await ReadersProcess.start({ ...common, sockets: live });
  await using sleepers = await ReadersProcess.start({ ...common, sockets: stalled });
  await helper.produce({ topic, count: 1_000, valueBytes: VALUE_BYTES });
  await Promise.all([others.until(1_000), sleepers.until(1_000)]);

  let records = 1_000;
  const phase = async (): Promise<Phase> => {
    const startNumber = records;
    records += count;
    const growth = watchGrowth(proxy);
    const latency = probeLatency(proxy, kafka, probe, seconds);
    await helper.produce({ topic, count, ratePerSecond, valueBytes: VALUE_BYTES, startNumber });
    await others.until(records);
    return { ...await latency, grownBytes: await growth.end() };
  };
  const before = await phase();
  await sleepers.until(records);
  await sleepers.read(false);
  const during = await phase();
  const behind = records - (await sleepers.look()).leastNext;
  await sleepers.read(true);
  const waking = await phase();
  await sleepers.until(records);
  const after = await phase();
  await sleepers.until(records);
  return { before, during, waking, after, records, behind };
}

function watchGrowth(proxy: ProxyProcess): { end(): Promise<number> } {
  const startBytes = proxy.rssBytes;
  let mostBytes = startBytes;
  const watching = new AbortController();
  const watch = async () => {
    while (!watching.signal.aborted) {
      mostBytes = Math.max(mostBytes, proxy.rssBytes);
      await sleep(50, watching.signal);
    }
  };
  const watched = watch();
  return {
    async end() {
      watching.abort();
      await watched;
      return mostBytes - startBytes;
    },
  };
}

/** A hundred records a second on a topic of their own, to one client of the same proxy. */
async function probeLatency(
  proxy: ProxyProcess,
  kafka: string,
  topic: string,
  seconds: number,
): Promise<LatencyResult> {
  const records = Math.max(100 * (seconds - 1), 50);
  const url = `${proxy.url}?topic=${topic}&consumerGroup=`;
  await using client = await ServerProgram.start("latency_websocket.ts", [url, "20", `${records}`]);
  await runProgram("latency_producer.ts", [kafka, topic, "100", `${records}`]);
  return await client.result<LatencyResult>();
}

/** Growth that is allowed while clients stall. */
export const MOST_GROWTH_BYTES: number = 64_000_000;

/** What is wrong with a result; empty when nothing is. */
export function stalledProblems(result: StalledCrowdResult): string[] {
  const { before, during, waking, after } = result;
  const problems: string[] = [];
  if (during.grownBytes >= MOST_GROWTH_BYTES) {
    problems.push(`the process grew by ${Math.round(during.grownBytes / 1e6)} MB`);
  }
  const quiet = Math.max(before.p99, after.p99);
  for (
    const [name, { p99 }] of [["while they stalled", during], ["as they woke", waking]] as const
  ) {
    if (p99 > 2 * quiet + 20) {
      problems.push(
        `p99 of the others was ${p99} ms ${name}, not ${quiet}`,
      );
    }
  }
  return problems;
}

const USAGE = `Usage: deno task bench:stalled [--seconds N] [--rate N]

  --seconds N  how long they stall (default 40)
  --rate N     records a second (default 50000)`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "40" },
      rate: { type: "string", default: "50000" },
    },
  });
  const [seconds, ratePerSecond] = [Number(values.seconds), Number(values.rate)];
  if (!(Number.isInteger(seconds) && seconds > 1 && ratePerSecond > 0)) {
    console.error(USAGE);
    return 2;
  }
  await using cluster = await KafkaCluster.start({ fast: false, onProgress: console.error });
  await using helper = await KafkaHelper.start(cluster.bootstrap, cluster);
  const problems: string[] = [];
  for (
    const [name, stalled, live, rate] of [
      ["100 stalled, 10 read on", 100, 10, ratePerSecond],
      ["1 asleep, 500 read on", 1, 500, ratePerSecond / 25],
    ] as const
  ) {
    const options = { stalled, live, seconds, ratePerSecond: Math.ceil(rate) };
    const topic = `stalled-${stalled}`;
    const result = await measureStalledCrowd(cluster.bootstrap, helper, topic, options);
    console.log(JSON.stringify({ name, ...options, ...result }));
    problems.push(...stalledProblems(result).map((problem) => `${name}: ${problem}`));
  }
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
