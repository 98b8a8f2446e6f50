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
  & Pick<Attack, "peers" | "bytes" | "forMs">;

/** How a load is run. */
export interface HostileLoadOptions {
  readonly kafka: string;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly attacks: readonly PlannedAttack[];
  /** How long the quiet figures are taken, in ms. */
  readonly quietMs: number;
  /** How long memory may take to come back, in ms. */
  readonly memoryMs: number;
  /** More arguments of the server. */
  readonly args?: readonly string[];
  readonly note?: (line: string) => void;
}

/** What legitimate clients and the process saw. */
export interface HostileLoadFigures {
  readonly quietP99Ms: number;
  readonly attacks: readonly {
    readonly name: AttackName;
    readonly p99Ms: number;
    readonly records: number;
    /** Peers that got as far as they wanted. */
    readonly reached: number;
    readonly mostBytes: number;
  }[];
  /** After a first round with a tenth of the peers. */
  readonly startBytes: number;
  readonly endBytes: number;
  /** Whether all legitimate clients were served to the end, without a hole. */
  readonly isWhole: boolean;
}

const CLIENTS = 5;
const RATE = 200;

/**
 * Hostile peers against a server of its own, one kind after the other, while clients read what is
 * produced: how long a record takes to them, quiet and under attack, and what memory is left in use.
 */
export async function runHostileLoad(options: HostileLoadOptions): Promise<HostileLoadFigures> {
  const { kafka, helper, topic, attacks, quietMs, memoryMs, note = () => {} } = options;
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
    // A first, smaller round: what a process of this runtime keeps once it has seen some of each.
    for (const { name, peers, bytes } of attacks) {
      const few = Math.ceil(peers / 10);
      await attacked(name, { peers: few, bytes, forMs: 500, hostname, port: Number(port), path });
    }
    const quiet = await window(delays, quietMs);
    const startBytes = proxy.rssBytes;
    note(`quiet: p99 ${quiet.p99Ms} ms of ${quiet.records}, ${mib(startBytes)} MiB`);
    const figures = [];
    for (const { name, ...attack } of attacks) {
      let mostBytes = proxy.rssBytes;
      const watch = setInterval(() => mostBytes = Math.max(mostBytes, proxy.rssBytes), 50);
      delays.length = 0;
      const reached = await attacked(name, { ...attack, hostname, port: Number(port), path });
      clearInterval(watch);
      const figure = { name, ...measured(delays), reached, mostBytes };
      figures.push(figure);
      note(
        `${name}: p99 ${figure.p99Ms} ms of ${figure.records}, ${reached} peers got there, ` +
          `at most ${mib(mostBytes)} MiB, then ${mib(proxy.rssBytes)} MiB`,
      );
    }
    await eventually(
      "memory to come back",
      () => proxy.rssBytes <= startBytes * MOST_GROWTH,
      { timeoutMs: memoryMs, everyMs: 200 },
    ).catch(() => false);
    const endBytes = proxy.rssBytes;
    const counted = clients.map(({ count }) => count);
    await eventually(
      "all clients to go on",
      () => clients.every(({ count }, i) => count > counted[i]),
    );
    clients.forEach((client) => client.verify());
    const isWhole = clients.every(({ closeInfo }) => closeInfo === undefined);
    return { quietP99Ms: quiet.p99Ms, attacks: figures, startBytes, endBytes, isWhole };
  } finally {
    for (const client of clients) await client.close();
  }
}

/** What a record takes to a client may be so many times the quiet figure under attack. */
export const MOST_P99_TIMES = 3;

/** Memory may be so many times the quiet figure in the end. */
export const MOST_GROWTH = 1.2;

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
