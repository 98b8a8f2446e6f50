/**
 * `deno task bench:crowd`: many readers of one topic that is written twice as fast as they can take
 * it, and what that costs the broker.
 *
 * First all keep up with a burst: what the broker sends for all of them, beside what it sends for
 * one. A second burst is there before they read it, which tells what they can take. Then records
 * are written for a while at twice that rate, counted every second; then the readers read on until
 * each has every record. A TCP relay before the broker counts its bytes.
 *
 * The figures go to standard output as JSON, progress to standard error. Ends with code 1 when a
 * record is missing or repeated or a limit is not kept, with 2 when misused.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { sleep } from "../../src/stream/sleep.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { RelayedKafka } from "../support/relayed_kafka.ts";
import { processCpuSeconds, processPeakRssBytes } from "./process_cpu.ts";
import { ReadersProcess } from "./readers_process.ts";
import { median } from "./statistics.ts";

const VALUE_BYTES = 100;

/** The broker may send so many times what it sends for one reader. */
export const MOST_KEEPING_UP = 1.2;
export const MOST_BEHIND = 1.5;

/** How large the crowd is, and for how long it is offered too much. */
export interface CrowdOptions {
  readonly sockets: number;
  /** Records of a burst. */
  readonly burst: number;
  readonly seconds: number;
  /** Most records a second that are offered. */
  readonly mostPerSecond?: number;
}

/** What was measured. */
export interface CrowdResult {
  /** Of what is there already. */
  readonly deliveriesPerSecond: number;
  /** In each second of the overload. */
  readonly behindPerSecond: readonly number[];
  /** While the rest was read, after the writing had ended. */
  readonly afterPerSecond: number;
  readonly offeredPerSecond: number;
  readonly records: number;
  /** Bytes of the broker, as multiples of what one reader of the same records gets. */
  readonly burstReads: number;
  readonly behindReads: number;
  /** Largest distance between the first and the last reader, in records. */
  readonly spread: number;
  readonly baseBytes: number;
  readonly peakBytes: number;
  readonly proxyCpuSeconds: number;
}

/** Measures a crowd on a proxy of its own. */
export async function measureCrowd(
  kafka: RelayedKafka,
  topic: string,
  { sockets, burst, seconds, mostPerSecond = Infinity }: CrowdOptions,
): Promise<CrowdResult> {
  const { helper } = kafka;
  await helper.createTopic(topic);
  // The readers answer no pings.
  const quiet = ["--record-interval", "0", "--ping-timeout-seconds", "0"];
  const args = ["--kafka", kafka.bootstrap, ...quiet, "--max-sockets", `${1e6}`];
  await using proxy = await ProxyProcess.start({ args });
  await proxy.event("kafka_connected");
  const url = `${proxy.url}?topic=${topic}&consumerGroup=&offset=0`;
  await using readers = await ReadersProcess.start({
    url,
    sockets,
    from: 0,
    valueBytes: VALUE_BYTES,
  });
  const baseBytes = proxy.rssBytes;
  const startBytes = await kafka.sentBytes();
  const reached = readers.until(burst);
  await helper.produce({ topic, count: burst, valueBytes: VALUE_BYTES });
  await reached;
  const burstBytes = await kafka.sentBytes() - startBytes;

  // What they can take is what they take when it is all there already.
  await readers.read(false);
  await helper.produce({ topic, count: burst, valueBytes: VALUE_BYTES, startNumber: burst });
  const before = await readers.look();
  await readers.read(true);
  const taken = await readers.until(2 * burst);
  const deliveriesPerSecond = rate(taken.deliveries - before.deliveries, taken.atMs - before.atMs);
  console.error(`${deliveriesPerSecond} deliveries/s of what is there`);

  const ratePerSecond = Math.min(Math.ceil(2 * deliveriesPerSecond / sockets), mostPerSecond);
  const producing = await helper.backgroundProduce({
    topic,
    ratePerSecond,
    valueBytes: VALUE_BYTES,
    startNumber: 2 * burst,
  });
  const behindPerSecond: number[] = [];
  let spread = 0;
  let last = await readers.look();
  for (let i = 0; i < seconds; i++) {
    await sleep(1_000);
    const now = await readers.look();
    behindPerSecond.push(rate(now.deliveries - last.deliveries, now.atMs - last.atMs));
    spread = Math.max(spread, now.mostNext - now.leastNext);
    last = now;
    console.error(`${behindPerSecond.at(-1)} deliveries/s, spread ${now.mostNext - now.leastNext}`);
  }
  const { count } = await producing.stop();
  const records = 2 * burst + count;
  const end = await readers.until(records);
  const crowdBytes = await kafka.sentBytes() - startBytes;
  const proxyCpuSeconds = processCpuSeconds(proxy.pid)!;
  const peakBytes = processPeakRssBytes(proxy.pid)!;
  await readers[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();

  const one = await oneReader(kafka, topic, burst, records);
  return {
    deliveriesPerSecond,
    behindPerSecond,
    afterPerSecond: rate(end.deliveries - last.deliveries, end.atMs - last.atMs),
    offeredPerSecond: ratePerSecond * sockets,
    records,
    burstReads: burstBytes / one.burstBytes,
    behindReads: crowdBytes / one.bytes,
    spread,
    baseBytes,
    peakBytes,
    proxyCpuSeconds,
  };
}

/** What the broker sends for one reader of the same records, on a proxy of its own. */
async function oneReader(kafka: RelayedKafka, topic: string, burst: number, records: number) {
  await using proxy = await ProxyProcess.start({ args: ["--kafka", kafka.bootstrap] });
  await proxy.event("kafka_connected");
  const startBytes = await kafka.sentBytes();
  const url = `${proxy.url}?topic=${topic}&consumerGroup=&offset=0`;
  await using readers = await ReadersProcess.start({
    url,
    sockets: 1,
    from: 0,
    valueBytes: VALUE_BYTES,
  });
  await readers.until(records);
  const bytes = await kafka.sentBytes() - startBytes;
  return { bytes, burstBytes: bytes * burst / records };
}

/** What is wrong with a result; empty when nothing is. */
export function crowdProblems(result: CrowdResult, memoryBytes: number): string[] {
  const problems: string[] = [];
  const { deliveriesPerSecond, behindPerSecond, burstReads, behindReads } = result;
  if (burstReads > MOST_KEEPING_UP) {
    problems.push(`the broker sent the burst ${burstReads.toFixed(2)} times`);
  }
  if (behindReads > MOST_BEHIND) {
    problems.push(`the broker sent the records ${behindReads.toFixed(2)} times`);
  }
  const later = median(behindPerSecond.slice(Math.floor(behindPerSecond.length / 2)));
  if (later < deliveriesPerSecond / 2) {
    problems.push(`deliveries/s fell from ${deliveriesPerSecond} to ${later}`);
  }
  const grown = result.peakBytes - result.baseBytes;
  if (grown > memoryBytes) problems.push(`memory grew by ${Math.round(grown / 1e6)} MB`);
  return problems;
}

function rate(deliveries: number, ms: number): number {
  return Math.round(deliveries / ms * 1_000);
}

const USAGE = `Usage: deno task bench:crowd [--sockets N] [--burst N] [--seconds N]

  --sockets N  readers (default 1000)
  --burst N    records written at once (default 30000)
  --seconds N  how long they are offered twice what they can take (default 60)`;

/** The setting's default, and as much again for what the runtime makes of it. */
const MEMORY_BYTES = 2 * (256 << 20);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      sockets: { type: "string", default: "1000" },
      burst: { type: "string", default: "30000" },
      seconds: { type: "string", default: "60" },
    },
  });
  const options = {
    sockets: Number(values.sockets),
    burst: Number(values.burst),
    seconds: Number(values.seconds),
  };
  if (!Object.values(options).every((value) => Number.isInteger(value) && value > 0)) {
    console.error(USAGE);
    return 2;
  }
  await using kafka = await RelayedKafka.start({ fast: false, onProgress: console.error });
  const result = await measureCrowd(kafka, "crowd", options);
  console.log(JSON.stringify(result));
  const problems = crowdProblems(result, MEMORY_BYTES);
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
