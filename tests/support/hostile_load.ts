import { fileURLToPath } from "node:url";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { eventually } from "./eventually.ts";
import type { Attack, AttackName } from "./hostile_peers.ts";
import { newTopic } from "./new_topic.ts";
import { ProxyProcess } from "./proxy_process.ts";
import { RecordClient } from "./record_client.ts";

const PEERS = fileURLToPath(new URL("hostile_peers.ts", import.meta.url));

/** One attack of a load. */
export type PlannedAttack =
  & { readonly name: AttackName }
  & Pick<Attack, "peers" | "bytes" | "forMs" | "connectsPerSecond" | "bytesPerSecond">;

/** How a load is run. */
export interface HostileLoadOptions {
  readonly kafka: string;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly attacks: readonly PlannedAttack[];
  /** How long the quiet figures are taken before each attack, in ms. */
  readonly quietMs: number;
  /** How long memory may take to come back, in ms. */
  readonly memoryMs: number;
  /** Clients that come, read and leave before anything is measured; none when left out. */
  readonly crowd?: number;
  /** How often all attacks are run; 1. */
  readonly rounds?: number;
  /** More arguments of the server. */
  readonly args?: readonly string[];
  readonly note?: (line: string) => void;
}

/** What legitimate clients and the process saw. */
export interface HostileLoadFigures {
  readonly attacks: readonly {
    readonly name: AttackName;
    /** What a record takes just before. */
    readonly quietP99Ms: number;
    /** And meanwhile. */
    readonly p99Ms: number;
    readonly records: number;
    /** Peers that got as far as they wanted. */
    readonly reached: number;
    readonly mostBytes: number;
  }[];
  readonly start: Memory;
  /** After each round. */
  readonly ends: readonly Memory[];
  /** Whether all legitimate clients were served to the end, without a hole. */
  readonly isWhole: boolean;
}

/** Physical memory of the process. */
export interface Memory {
  /** As it is found. */
  readonly bytes: number;
  /** Once it was asked to give back what it does not need (SIGUSR2, see docs/SECURITY.md). */
  readonly trimmedBytes: number;
}

const CLIENTS = 5;
const RATE = 200;

/**
 * Hostile peers against a server of its own, one kind after the other, while clients read what is
 * produced: how long a record takes to them, quiet and under attack, and what memory is left in use.
 */
export async function runHostileLoad(options: HostileLoadOptions): Promise<HostileLoadFigures> {
  const { kafka, helper, topic, attacks, quietMs, memoryMs, crowd = 0, note = () => {} } = options;
  const { rounds = 1 } = options;
  await newTopic(helper, topic);
  await using proxy = await ProxyProcess.start({
    args: ["--kafka", kafka, "--record-interval", "0", "--stall-timeout-ms", "2000"]
      .concat("--max-sockets", "20000", options.args ?? []),
  });
  await proxy.event("kafka_connected");
  const { hostname, port } = new URL(proxy.url);
  const path = `/?topic=${topic}&consumerGroup=&offset=latest`;
  const delays: number[] = [];
  const clients = await Promise.all(
    Array.from(
      { length: CLIENTS },
      () =>
        RecordClient.open(`${proxy.url}${path.slice(1)}&fields=timestamp`, {
          keep: false,
          onRecord: ({ timestamp }) => delays.push(Date.now() - timestamp!),
        }),
    ),
  );
  try {
    await using _ = await helper.backgroundProduce({ topic, ratePerSecond: RATE });
    await eventually("records", () => delays.length > CLIENTS * RATE, { timeoutMs: 30_000 });
    // A server in production has had clients; what it keeps for the next is no growth.
    for (let i = 0; i < 2; i++) await visit(`${proxy.url}?topic=${topic}&consumerGroup=`, crowd);
    await window(delays, quietMs);
    const start = await memory(proxy, Infinity);
    note(`at the beginning: ${told(start)}`);
    const figures = [];
    const ends: Memory[] = [];
    for (let round = 1; round <= rounds; round++) {
      for (const { name, ...attack } of attacks) {
        const { p99Ms: quietP99Ms } = await window(delays, quietMs);
        let mostBytes = proxy.rssBytes;
        const watch = setInterval(() => mostBytes = Math.max(mostBytes, proxy.rssBytes), 50);
        delays.length = 0;
        const reached = await attacked(name, { ...attack, hostname, port: Number(port), path });
        clearInterval(watch);
        const figure = { name, quietP99Ms, ...measured(delays), reached, mostBytes };
        figures.push(figure);
        note(
          `${name}: p99 ${quietP99Ms} ms, then ${figure.p99Ms} ms of ${figure.records}, ${reached} peers got there, ` +
            `at most ${mib(mostBytes)} MiB, then ${mib(proxy.rssBytes)} MiB`,
        );
      }
      await eventually(
        "memory to come back",
        () => proxy.rssBytes <= start.bytes * MOST_GROWTH,
        { timeoutMs: memoryMs, everyMs: 200 },
      ).catch(() => false);
      const end = await memory(proxy, start.trimmedBytes * MOST_GROWTH);
      ends.push(end);
      note(`after round ${round}: ${told(end)}`);
    }
    const counted = clients.map(({ count }) => count);
    await eventually(
      "all clients to go on",
      () => clients.every(({ count }, i) => count > counted[i]),
    );
    clients.forEach((client) => client.verify());
    const isWhole = clients.every(({ closeInfo }) => closeInfo === undefined);
    return { attacks: figures, start, ends, isWhole };
  } finally {
    for (const client of clients) await client.close();
  }
}

/** What a record takes to a client may be so many times the quiet figure under attack. */
export const MOST_P99_TIMES = 3;

/** Memory may be so many times the quiet figure in the end. */
export const MOST_GROWTH = 1.2;

/** Clients that come, get what there is, and leave, a hundred at a time. */
async function visit(url: string, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 100) {
    const clients = await Promise.all(
      Array.from({ length: Math.min(left, 100) }, () => RecordClient.open(url, { keep: false })),
    );
    await Promise.all(clients.map((client) => client.until(1)));
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** Asks the process for what it does not need, and waits for a second or until it is little enough. */
async function memory(proxy: ProxyProcess, enoughBytes: number): Promise<Memory> {
  const { rssBytes: bytes } = proxy;
  proxy.signal("SIGUSR2");
  const untilMs = performance.now() + 3_000;
  await eventually(
    "memory to be given back",
    () => performance.now() > untilMs || (enoughBytes < Infinity && proxy.rssBytes <= enoughBytes),
  );
  return { bytes, trimmedBytes: proxy.rssBytes };
}

function told({ bytes, trimmedBytes }: Memory): string {
  return `${mib(bytes)} MiB, ${mib(trimmedBytes)} MiB when asked to give back`;
}

async function window(delays: number[], ms: number) {
  delays.length = 0;
  const untilMs = performance.now() + ms;
  await eventually("the time to pass", () => performance.now() > untilMs, { timeoutMs: 2 * ms });
  return measured(delays);
}

function measured(delays: readonly number[]): { p99Ms: number; records: number } {
  const sorted = [...delays].sort((a, b) => a - b);
  return { p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? NaN, records: sorted.length };
}

async function attacked(name: AttackName, attack: Attack): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", PEERS, name, JSON.stringify(attack)],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(success ? stdout : stderr);
  if (!success) throw new Error(`The attack ${name} failed: ${text}`);
  return Number(text);
}

function mib(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}
