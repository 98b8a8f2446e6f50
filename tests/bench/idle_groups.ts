/**
 * `deno run -A tests/bench/idle_groups.ts`: what an idle client in a group costs one proxy process:
 * processor time, memory and connections to the broker, for pinned partitions (each with a lease)
 * and for members of balanced groups, above what the process costs without any client.
 *
 * Prints a table; ends with code 1 when a session costs 0.1 % of a core or 400 KB or more.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { connectionsTo } from "../support/broker_connections.ts";
import { at } from "../support/heir.ts";
import { newTopic } from "../support/new_topic.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { RecordClient } from "../support/record_client.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { processCpuSeconds } from "./process_cpu.ts";

/** The most that one session may cost. */
const MOST_CORE_PERCENT = 0.1;
const MOST_BYTES = 400 * 1024;

/** Joins and what they left to collect are over by then, in ms. */
const SETTLE_MS = 8_000;

interface Cost {
  readonly corePercent: number;
  readonly rssBytes: number;
  readonly connections: number;
}

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      sessions: { type: "string", default: "200" },
      seconds: { type: "string", default: "20" },
    },
  });
  const [sessions, seconds] = [Number(values.sessions), Number(values.seconds)];
  if (!(Number.isInteger(sessions) && sessions > 0 && seconds > 0)) {
    console.error("Usage: idle_groups.ts [--sessions N] [--seconds N]");
    return 2;
  }
  await using kafka = await KafkaCluster.start({ onProgress: console.error });
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  const topic = "idle";
  await newTopic(helper, topic, { partitions: 10 });
  await helper.produce({ topic, count: 10 });

  console.log(`${sessions} idle sessions, ${seconds} s each`);
  console.log("sessions  % of a core, each  KB each  broker connections");
  let isOver = false;
  for (const kind of ["pinned", "balanced"] as const) {
    const queryOf = (i: number) => ({
      topic,
      consumerGroup: `${kind}-${i}`,
      partition: kind === "pinned" ? i % 10 : "all",
    });
    const { before, during } = await measure(kafka, sessions, seconds, queryOf);
    const corePercent = (during.corePercent - before.corePercent) / sessions;
    const bytes = (during.rssBytes - before.rssBytes) / sessions;
    console.log([
      kind.padEnd(8),
      corePercent.toFixed(4).padStart(18),
      (bytes / 1024).toFixed(0).padStart(8),
      `${before.connections} -> ${during.connections}`.padStart(19),
    ].join(" "));
    if (corePercent >= MOST_CORE_PERCENT || bytes >= MOST_BYTES) isOver = true;
  }
  if (isOver) console.error(`Over ${MOST_CORE_PERCENT} % of a core or ${MOST_BYTES} bytes each`);
  return isOver ? 1 : 0;
}

async function measure(
  kafka: KafkaCluster,
  sessions: number,
  seconds: number,
  queryOf: (i: number) => Record<string, string | number>,
): Promise<{ before: Cost; during: Cost }> {
  const args = ["--kafka", kafka.bootstrap, "--record-interval", "0"];
  await using proxy = await ProxyProcess.start({ args });
  await proxy.event("kafka_connected");
  const clients: RecordClient[] = [];
  const open = async (i: number) => {
    const client = await RecordClient.open(at(proxy.url, queryOf(i)), { keep: false });
    clients.push(client);
    await client.until(1, { timeoutMs: 60_000 });
  };
  await open(sessions); // code and connections that all sessions share
  await clients.pop()!.close();
  const before = await cost(proxy, kafka, seconds);
  for (let i = 0; i < sessions; i += 20) {
    const some = Array.from({ length: Math.min(20, sessions - i) }, (_, j) => open(i + j));
    await Promise.all(some);
  }
  const during = await cost(proxy, kafka, seconds);
  for (const client of clients) await client.close();
  return { before, during };
}

async function cost(proxy: ProxyProcess, kafka: KafkaCluster, seconds: number): Promise<Cost> {
  await sleep(SETTLE_MS);
  const startMs = performance.now();
  const startCpu = processCpuSeconds(proxy.pid)!;
  await sleep(seconds * 1_000);
  const tookSeconds = (performance.now() - startMs) / 1_000;
  return {
    corePercent: (processCpuSeconds(proxy.pid)! - startCpu) / tookSeconds * 100,
    rssBytes: proxy.rssBytes,
    connections: connectionsTo(kafka.nodes.map(({ port }) => port), proxy.pid),
  };
}
