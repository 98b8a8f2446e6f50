import type { KafkaCluster } from "../kafka/kafka_cluster.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { newTopic } from "./new_topic.ts";
import { ProxyProcess } from "./proxy_process.ts";
import { V2Client, V2RequestError } from "./v2_client.ts";

/** Many sockets that write at the same time, while the broker is restarted. */
export interface ProduceStormOptions {
  readonly kafka: KafkaCluster;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly records: number;
  readonly sockets: number;
  /** How often the broker is restarted, at even distances. */
  readonly restarts: number;
  readonly onProgress?: (text: string) => void;
}

/** What came of it. */
export interface ProduceStormReport {
  readonly records: number;
  readonly stored: number;
  readonly failed: number;
  readonly unknown: number;
  /** Of those whose outcome was unknown, the ones that are there. */
  readonly unknownStored: number;
  /** Said to be stored at an offset where something else is, or nothing. */
  readonly misplaced: number;
  /** Records that are there twice. */
  readonly twice: number;
  /** Said to have failed, and there all the same. */
  readonly failedStored: number;
  /** Pairs of one socket in one partition that stand in the wrong order. */
  readonly disordered: number;
  readonly takenMs: number;
}

const PARTITIONS = 6;
const FRAME_RECORDS = 20;
const MOST_WAITING = 3;

type Outcome = { partition: number; offset: bigint } | "failed" | "unknown";

/**
 * Writes numbered records through many sockets and compares what the server said of each with what
 * Kafka's own consumer reads afterwards.
 *
 * @throws {Error} when the storm comes to a stop
 */
export async function produceStorm(options: ProduceStormOptions): Promise<ProduceStormReport> {
  const { kafka, helper, topic, records, sockets, restarts, onProgress } = options;
  const startMs = performance.now();
  await newTopic(helper, topic, { partitions: PARTITIONS });
  await using proxy = await ProxyProcess.start({ args: ["--kafka", kafka.bootstrap] });
  await proxy.event("kafka_connected");
  const outcomes = new Map<string, Outcome>();
  const each = Math.ceil(records / sockets);
  const writers = Array.from(
    { length: sockets },
    (_, socket) => write(proxy.url, topic, socket, each, outcomes),
  );
  const all = Promise.all(writers);
  for (let i = 1; i <= restarts; i++) {
    const due = Math.floor(sockets * each * i / (restarts + 1));
    let isOver = false;
    void all.finally(() => isOver = true).catch(() => {});
    while (outcomes.size < due && !isOver) await sleep(20);
    onProgress?.(`restart ${i} at ${outcomes.size} answers`);
    await kafka.nodes[0].kill();
    await sleep(500);
    await kafka.nodes[0].start();
  }
  await all;
  return { ...await compare(helper, topic, outcomes), takenMs: performance.now() - startMs };
}

async function write(
  url: string,
  topic: string,
  socket: number,
  count: number,
  outcomes: Map<string, Outcome>,
): Promise<void> {
  await using client = await V2Client.open(url);
  const waiting = new Set<Promise<void>>();
  for (let from = 0; from < count; from += FRAME_RECORDS) {
    const names = Array.from(
      { length: Math.min(FRAME_RECORDS, count - from) },
      (_, i) => `${socket}:${from + i}`,
    );
    const records = names.map((value, i) => ({ value, partition: (from + i) % PARTITIONS }));
    const answer = send(client, topic, records, outcomes).finally(() => waiting.delete(answer));
    waiting.add(answer);
    if (waiting.size >= MOST_WAITING) await Promise.race(waiting);
  }
  await Promise.all(waiting);
}

async function send(
  client: V2Client,
  topic: string,
  records: readonly { value: string; partition: number }[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  try {
    const { results } = await client.ask<"produced">({ type: "produce", topic, records }, 120_000);
    for (const [i, result] of results.entries()) {
      outcomes.set(
        records[i].value,
        "offset" in result
          ? { partition: result.partition, offset: BigInt(result.offset) }
          : result.outcome,
      );
    }
  } catch (error) {
    if (!(error instanceof V2RequestError)) throw error;
    for (const { value } of records) outcomes.set(value, "failed");
  }
}

async function compare(
  helper: KafkaHelper,
  topic: string,
  outcomes: ReadonlyMap<string, Outcome>,
): Promise<Omit<ProduceStormReport, "takenMs">> {
  const places = new Map<string, { partition: number; offset: bigint }[]>();
  let disordered = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const last = new Map<string, number>();
    for (const { value, offset } of await helper.read({ topic, partition })) {
      const name = new TextDecoder().decode(Uint8Array.fromBase64(value!));
      const [socket, number] = name.split(":");
      if (Number(number) < (last.get(socket) ?? -1)) disordered++;
      last.set(socket, Number(number));
      const known = places.get(name);
      const place = { partition, offset: BigInt(offset) };
      if (known === undefined) places.set(name, [place]);
      else known.push(place);
    }
  }
  const counts = { stored: 0, failed: 0, unknown: 0, unknownStored: 0, misplaced: 0 };
  let failedStored = 0;
  for (const [name, outcome] of outcomes) {
    const found = places.get(name) ?? [];
    if (typeof outcome !== "string") {
      counts.stored++;
      const isThere = found.some(({ partition, offset }) =>
        partition === outcome.partition && offset === outcome.offset
      );
      if (!isThere) counts.misplaced++;
    } else {
      counts[outcome]++;
      if (found.length > 0 && outcome === "unknown") counts.unknownStored++;
      if (found.length > 0 && outcome === "failed") failedStored++;
    }
  }
  const twice = [...places.values()].filter(({ length }) => length > 1).length;
  return { records: outcomes.size, ...counts, failedStored, twice, disordered };
}
