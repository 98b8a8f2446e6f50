import { fileURLToPath } from "node:url";
import { sleep } from "../../src/stream/sleep.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { connectionsTo } from "../support/broker_connections.ts";
import { total, value } from "../support/metric_series.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { leastOfEach, slopePerHour } from "./slope.ts";
import type { SoakClientsOptions, SoakClientsReport, SoakKind } from "./soak_clients.ts";

const CLIENTS = fileURLToPath(new URL("soak_clients.ts", import.meta.url));

const COUNT_TIMERS = fileURLToPath(new URL("count_timers.ts", import.meta.url));

const PARTITIONS = 3;

/** How long, how much, and who. */
export interface SoakOptions {
  readonly bootstrap: string;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly seconds: number;
  readonly seed: number;
  /** Records a second that are written beside those of the clients. */
  readonly recordsPerSecond: number;
  readonly kinds: Readonly<Record<SoakKind, number>>;
  readonly staySeconds: readonly [number, number];
  readonly sampleSeconds: number;
  readonly onProgress?: (line: string) => void;
}

/** What the process had at one time. */
export interface Sample {
  readonly seconds: number;
  readonly residentMb: number;
  readonly heapMb: number;
  readonly externalMb: number;
  readonly fileDescriptors: number;
  /** Pending, but for those inside the runtime. */
  readonly timers: number;
  readonly brokerConnections: number;
  readonly sockets: number;
  readonly partitionLogs: number;
  readonly cacheMb: number;
  readonly bufferedMb: number;
  /** Event-loop delay, 99 in 100 of the last seconds. */
  readonly loopDelayMs: number;
  /** Records all clients have got so far. */
  readonly records: number;
}

/** A figure that must not grow. */
export interface SoakSlope {
  readonly name: string;
  readonly perHour: number;
  readonly most: number;
  readonly unit: string;
  /** From the beginning of what counts to the end, the least and the most seen. */
  readonly least: number;
  readonly greatest: number;
}

/** What a run has shown. */
export interface SoakReport {
  readonly seconds: number;
  readonly seed: number;
  readonly clients: SoakClientsReport;
  /** Records written to the topic beside the clients'. */
  readonly written: number;
  readonly samples: readonly Sample[];
  readonly slopes: readonly SoakSlope[];
}

/** The share of a run at its beginning that is not looked at: caches and code get warm. */
const WARM_UP_SHARE = 0.2;

/** Memory is in use when it is still there after the garbage of this share of a run was collected. */
const WINDOW_SHARE = 0.04;

/** The most that figures may grow in an hour, as their slope; noise alone gives some. */
const MOST_PER_HOUR = {
  residentMb: [25, "MB"],
  heapMb: [15, "MB"],
  externalMb: [10, "MB"],
  fileDescriptors: [6, ""],
  timers: [20, ""],
  brokerConnections: [1, ""],
  partitionLogs: [1, ""],
  loopDelayMs: [20, "ms"],
} as const;

/** Runs clients of all kinds against a proxy of its own, and watches the process. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { bootstrap, helper, topic, seconds, seed, recordsPerSecond, onProgress } = options;
  const { kinds, staySeconds, sampleSeconds } = options;
  const writtenTopic = `${topic}-written`;
  for (const name of [topic, writtenTopic]) {
    await helper.createTopic(name, { partitions: PARTITIONS });
  }
  const args = ["--kafka", bootstrap, "--record-interval", "0", "--max-sockets", "5000"];
  await using proxy = await ProxyProcess.start({ args, preload: COUNT_TIMERS });
  await proxy.event("kafka_connected");
  const background = await helper.backgroundProduce({
    topic,
    ratePerSecond: recordsPerSecond,
    valueBytes: 100,
  });
  const clients = SoakClients.start({
    url: proxy.url,
    topic,
    partitions: PARTITIONS,
    writtenTopic,
    seed,
    kinds,
    staySeconds,
  });
  const samples: Sample[] = [];
  const ports = bootstrap.split(",").map((address) => Number(address.split(":")[1]));
  const startMs = performance.now();
  let told = 0;
  let isOver = false;
  while (!isOver) {
    const nextMs = startMs + (samples.length + 1) * sampleSeconds * 1_000;
    await sleep(nextMs - performance.now());
    const nowSeconds = (performance.now() - startMs) / 1_000;
    const sample = await look(proxy, ports, Math.round(nowSeconds), clients.report.records);
    samples.push(sample);
    onProgress?.(JSON.stringify(sample));
    for (const problem of clients.report.problems.slice(told)) onProgress?.(`WRONG: ${problem}`);
    told = clients.report.problems.length;
    // By count: a timer may be early, and the clock would then ask for one look more.
    isOver = samples.length * sampleSeconds >= seconds;
  }
  const { count: written } = await background.stop();
  const report = await clients.end();
  return { seconds, seed, clients: report, written, samples, slopes: slopes(samples) };
}

async function look(
  proxy: ProxyProcess,
  ports: readonly number[],
  seconds: number,
  records: number,
): Promise<Sample> {
  const text = await (await fetch(`${proxy.httpUrl}metrics`)).text();
  const gauge = (name: string, labels = {}) => value(text, `kafka_proxy_${name}`, labels) ?? 0;
  const mb = (bytes: number) => Math.round(bytes / 1e4) / 100;
  return {
    seconds,
    residentMb: mb(proxy.rssBytes),
    heapMb: mb(gauge("heap_used_bytes")),
    externalMb: mb(gauge("external_bytes")),
    timers: await timers(proxy),
    fileDescriptors: [...Deno.readDirSync(`/proc/${proxy.pid}/fd`)].length,
    brokerConnections: connectionsTo(ports, proxy.pid),
    sockets: total(text, "kafka_proxy_sockets"),
    partitionLogs: gauge("partition_logs"),
    cacheMb: mb(gauge("cache_bytes")),
    bufferedMb: mb(gauge("buffered_bytes")),
    loopDelayMs: Math.round(gauge("event_loop_delay_seconds", { quantile: "0.99" }) * 1e5) / 100,
    records,
  };
}

/** What count_timers.ts says in the process. */
async function timers({ otherLines }: ProxyProcess): Promise<number> {
  const [port] = otherLines.flatMap((line) => /timers .* port (\d+)/.exec(line)?.[1] ?? []);
  return Number(await (await fetch(`http://127.0.0.1:${port}`)).text());
}

/** What each figure has grown by in an hour, once warm. */
export function slopes(samples: readonly Sample[]): SoakSlope[] {
  const endSeconds = samples.at(-1)!.seconds;
  const warmSeconds = endSeconds * WARM_UP_SHARE;
  const warm = samples.filter(({ seconds }) => seconds >= warmSeconds);
  return Object.entries(MOST_PER_HOUR).map(([name, [most, unit]]) => {
    const points = warm.map((sample) => ({
      seconds: sample.seconds,
      value: sample[name as keyof typeof MOST_PER_HOUR],
    }));
    const values = points.map(({ value }) => value);
    const perHour = slopePerHour(leastOfEach(points, endSeconds * WINDOW_SHARE));
    const [least, greatest] = [Math.min(...values), Math.max(...values)];
    return { name, perHour, most, unit, least, greatest };
  });
}

/** What is wrong with a run; empty when nothing is. */
export function soakProblems({ clients, slopes }: SoakReport): string[] {
  const problems = [...clients.problems];
  for (const { name, perHour, most, unit } of slopes) {
    if (perHour > most) {
      problems.push(`${name} grows by ${perHour.toFixed(1)} ${unit} an hour, more than ${most}`);
    }
  }
  return problems;
}

/** The clients, in a process of their own. */
class SoakClients {
  report: SoakClientsReport = {
    records: 0,
    produced: 0,
    clients: 0,
    repeats: 0,
    problems: [],
    problemCount: 0,
  };
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#read = this.#readLines();
  }

  static start(options: SoakClientsOptions): SoakClients {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", CLIENTS, JSON.stringify(options)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return new SoakClients(child);
  }

  /** Has all of them leave. */
  async end(): Promise<SoakClientsReport> {
    await this.#child.stdin.close();
    await this.#read;
    const { code } = await this.#child.status;
    if (code !== 0) throw new Error(`The clients ended with code ${code}`);
    return this.report;
  }

  async #readLines(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      const last = lines.at(-1);
      if (last !== undefined) this.report = JSON.parse(last);
    }
  }
}
