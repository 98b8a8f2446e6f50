/**
 * `deno run -A tests/bench/stalled_memory.ts`: what a client that stops reading costs the server.
 *
 * A topic is written at full speed to its end. A client reads it through a proxy in a process of its
 * own for a while, so that the server is warm, then reads nothing more for 40 s and keeps its
 * connection. The proxy's memory is read from the operating system meanwhile (`VmRSS`).
 *
 * The table goes to standard output, progress to standard error. Ends with code 1 when the process
 * grew by 32 MB or more while its client stalled (where another one reads on, by so much more than
 * in the control row, where both do: V8 takes its time to give memory back), with 2 when misused.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { StuckPeer } from "../support/stuck_peer.ts";

const MEGABYTE = 1_000_000;

/** The process may grow by less than this, in bytes. */
export const MOST_GROWTH_BYTES: number = 32 * MEGABYTE;

/** How long a client reads and then stalls, and who else is there. */
export interface StallOptions {
  /** Bootstrap brokers. */
  readonly kafka: string;
  readonly helper: KafkaHelper;
  /** A new one. */
  readonly topic: string;
  readonly warmMs: number;
  readonly stallMs: number;
  /** Another client reads on; otherwise nobody does. @default {false} */
  readonly isAccompanied?: boolean;
  /** The client stops reading; otherwise it is the control row. @default {true} */
  readonly isStalled?: boolean;
}

/** What was measured. */
export interface StallResult {
  /** Memory when the client stopped reading, in bytes. */
  readonly startBytes: number;
  /** The most after that, in bytes. */
  readonly mostBytes: number;
  readonly endBytes: number;
  /** Records written while the client stalled. */
  readonly produced: number;
}

/** Measures one stall, on a proxy of its own. */
export async function measureStall(options: StallOptions): Promise<StallResult> {
  const { kafka, helper, topic, warmMs, stallMs, isAccompanied = false, isStalled = true } =
    options;
  await helper.createTopic(topic);
  await using _producing = await helper.backgroundProduce({ topic, ratePerSecond: 0 });
  await using proxy = await ProxyProcess.start({ args: ["--kafka", kafka] });
  await proxy.event("kafka_connected");
  const url = `${proxy.url}?topic=${topic}&offset=0&consumerGroup=`;
  using companion = isAccompanied ? await StuckPeer.connect(url) : undefined;
  using client = await StuckPeer.connect(url);

  const startMs = performance.now();
  const isOver = () => performance.now() - startMs > warmMs + stallMs;
  const reading = companion?.skim(isOver);
  await client.skim(() => performance.now() - startMs > warmMs);
  const startBytes = proxy.rssBytes;
  const { latest: before } = await helper.listOffsets(topic, 0);
  const readingOn = isStalled ? undefined : client.skim(isOver);
  let mostBytes = 0;
  while (!isOver()) {
    mostBytes = Math.max(mostBytes, proxy.rssBytes);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await Promise.all([reading, readingOn]);
  const { latest: after } = await helper.listOffsets(topic, 0);
  const endBytes = proxy.rssBytes;
  return {
    startBytes,
    mostBytes: Math.max(mostBytes, endBytes),
    endBytes,
    produced: after - before,
  };
}

/** The control comes before the row that is compared with it. */
const ROWS = [
  { name: "alone", isAccompanied: false, isStalled: true },
  { name: "control: two that read on", isAccompanied: true, isStalled: false },
  { name: "next to one that reads on", isAccompanied: true, isStalled: true },
];

const USAGE = `Usage: deno run -A tests/bench/stalled_memory.ts [--seconds N] [--warm N]

  --seconds N  how long the client stalls (default 40)
  --warm N     how long it reads before (default 20)`;

async function main(): Promise<number> {
  const seconds = readSeconds();
  if (seconds === undefined) {
    console.error(USAGE);
    return 2;
  }
  await using cluster = await KafkaCluster.start({ fast: false, onProgress: console.error });
  await using helper = await KafkaHelper.start(cluster.bootstrap, cluster);
  const kafka = cluster.bootstrap;
  let isTooMuch = false;
  let controlBytes = 0;
  console.log("| stalled client | MB at its stop | MB most | MB at the end | MB grown | written |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  for (const [index, { name, ...row }] of ROWS.entries()) {
    console.error(`${name} ...`);
    const topic = `stalled-${index}`;
    const times = { warmMs: seconds.warm * 1_000, stallMs: seconds.stall * 1_000 };
    const result = await measureStall({ kafka, helper, topic, ...times, ...row });
    const { startBytes, mostBytes, endBytes, produced } = result;
    const grownBytes = mostBytes - startBytes;
    if (!row.isStalled) controlBytes = grownBytes;
    else isTooMuch ||= grownBytes - controlBytes >= MOST_GROWTH_BYTES;
    const cells = [startBytes, mostBytes, endBytes, grownBytes].map((bytes) =>
      (bytes / MEGABYTE).toFixed(1)
    );
    console.log(`| ${name} | ${cells.join(" | ")} | ${produced} |`);
    await helper.deleteTopic(topic);
  }
  if (isTooMuch) console.error(`Grown by ${MOST_GROWTH_BYTES / MEGABYTE} MB or more`);
  return isTooMuch ? 1 : 0;
}

function readSeconds(): { stall: number; warm: number } | undefined {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "40" },
      warm: { type: "string", default: "20" },
    },
  });
  const [stall, warm] = [Number(values.seconds), Number(values.warm)];
  return stall > 0 && warm > 0 ? { stall, warm } : undefined;
}

if (import.meta.main) Deno.exit(await main());
