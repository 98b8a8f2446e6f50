/**
 * Program: clients of all kinds that come and go until standard input ends, each checking what it
 * gets.
 *
 * Usage: `soak_clients.ts JSON` with {@linkcode SoakClientsOptions}. Prints a
 * {@linkcode SoakClientsReport} as JSON in a line of its own every second, the last one when all
 * clients have left.
 *
 * @module
 */
import { KafkaProxyClient } from "../../src/client/mod.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { History } from "../support/history.ts";
import { Random } from "../support/random.ts";
import { RecordClient } from "../support/record_client.ts";
import { ThoroughClient } from "../support/thorough_client.ts";

/** Who comes, and for how long. */
export interface SoakClientsOptions {
  /** `ws://.../`. */
  readonly url: string;
  readonly topic: string;
  readonly partitions: number;
  /** Where producers write. */
  readonly writtenTopic: string;
  readonly seed: number;
  /** Clients of each kind at a time. */
  readonly kinds: Readonly<Record<SoakKind, number>>;
  /** A client stays between so long and so long. */
  readonly staySeconds: readonly [number, number];
}

/** What is known so far. */
export interface SoakClientsReport {
  readonly records: number;
  readonly produced: number;
  /** Clients that have come. */
  readonly clients: number;
  /** Records that came again in a group, as its guarantee allows. */
  readonly repeats: number;
  /** Everything that must not be: the first few, and how many. */
  readonly problems: readonly string[];
  readonly problemCount: number;
}

const KINDS = {
  reader,
  patientReader,
  binaryReader,
  pinnedGroup,
  ackingGroup,
  producer,
  sleeper,
  vanisher,
  dropper,
};

/** A way to use the server. */
export type SoakKind = keyof typeof KINDS;

interface Life {
  readonly options: SoakClientsOptions;
  /** One of its kind; a group's sessions follow each other under it. */
  readonly name: string;
  readonly random: Random;
  /** How long this one stays, in ms. */
  readonly stayMs: number;
  readonly signal: AbortSignal;
  /** Where the group's next session has to begin, by partition. */
  readonly next: Map<number, bigint>;
}

const MOST_PROBLEMS = 20;
const FRAME_RECORDS = 5;

const report = { records: 0, produced: 0, clients: 0, repeats: 0, problemCount: 0 };
const problems: string[] = [];

function problem(text: string): void {
  report.problemCount++;
  if (problems.length < MOST_PROBLEMS) problems.push(text);
}

function print(): void {
  console.log(JSON.stringify({ ...report, problems }));
}

/** A v1 reader of all partitions. */
function reader(life: Life): Promise<void> {
  return read(life, "");
}

/** The same, which lets records gather. */
function patientReader(life: Life): Promise<void> {
  return read(life, "&lingerMs=200");
}

async function read(life: Life, more: string): Promise<void> {
  const { options: { url, topic }, stayMs, signal } = life;
  const client = await RecordClient.open(
    `${url}?topic=${topic}&consumerGroup=&partition=all&fields=partition${more}`,
    { keep: false, onRecord: () => void report.records++ },
  );
  await Promise.race([sleep(stayMs, signal), client.closed]);
  if (client.closeInfo !== undefined) problem(`a reader was closed: ${told(client.closeInfo)}`);
  client.verify();
  await client.close();
}

/** The client library, without a group. */
async function binaryReader({ options, stayMs, signal }: Life): Promise<void> {
  const history = new History();
  const leaving = new AbortController();
  const timer = setTimeout(() => leaving.abort(), stayMs);
  signal.addEventListener("abort", () => leaving.abort(), { once: true });
  await using client = new KafkaProxyClient(options.url);
  const records = client.subscribe({ topics: [options.topic], from: "latest" });
  leaving.signal.addEventListener("abort", () => void records.close());
  for await (const { partition, offset } of records) {
    report.records++;
    history.add(partition, offset);
  }
  clearTimeout(timer);
  history.verify();
}

/** A v1 group's pinned partition: what is committed has come, to the last byte. */
async function pinnedGroup({ options, name, stayMs, signal, next }: Life): Promise<void> {
  const partition = partitionOf(name, options.partitions);
  const query = `?topic=${options.topic}&consumerGroup=soak-${name}&partition=${partition}`;
  const client = await ThoroughClient.connect(
    `${options.url}${query}&fields=partition`,
    (_, offset) => took(name, next, partition, offset),
  );
  await Promise.race([sleep(stayMs, signal), client.closed]);
  if (client.closeInfo !== undefined) problem(`${name} was closed: ${told(client.closeInfo)}`);
  await client.leave();
}

/** A group by the client library, which acknowledges each record. */
async function ackingGroup({ options, name, stayMs, signal, next }: Life): Promise<void> {
  const partition = partitionOf(name, options.partitions);
  await using client = new KafkaProxyClient(options.url);
  const records = client.subscribe({
    topics: [options.topic],
    group: `soak-${name}`,
    partitions: [partition],
  });
  const over = sleep(stayMs, signal).then(() => records.close());
  for await (const record of records) {
    took(name, next, partition, record.offset);
    record.ack();
  }
  await over;
}

/** Takes a group's record: it is the next, or one that came before. */
function took(name: string, next: Map<number, bigint>, partition: number, offset: bigint): void {
  report.records++;
  const due = next.get(partition) ?? offset;
  if (offset > due) {
    problem(`${name}: ${offset} of partition ${partition} came where ${due} was due`);
  }
  if (offset < due) report.repeats++;
  next.set(partition, offset + 1n);
}

/** Writes by the client library, and wants an offset for each record. */
async function producer({ options, name, random, stayMs, signal }: Life): Promise<void> {
  await using client = new KafkaProxyClient(options.url);
  const endMs = performance.now() + stayMs;
  for (let i = 0; performance.now() < endMs && !signal.aborted; i++) {
    const records = Array.from({ length: FRAME_RECORDS }, (_, j) => ({
      key: name,
      value: `${name} ${i} ${j}`.padEnd(100, " "),
    }));
    const written = await client.produce(options.writtenTopic, records);
    report.produced += written.length;
    await sleep(random.between(200, 1_000), signal);
  }
}

/** A reader that stops reading for a while. */
async function sleeper({ options, random, stayMs, signal }: Life): Promise<void> {
  const history = new History();
  const client = await ThoroughClient.connect(
    `${options.url}?topic=${options.topic}&consumerGroup=&partition=all&fields=partition`,
    (partition, offset) => {
      report.records++;
      history.add(partition, offset);
    },
  );
  const endMs = performance.now() + stayMs;
  while (performance.now() < endMs && !signal.aborted) {
    await sleep(random.between(500, 3_000), signal);
    client.pause();
    await sleep(random.between(500, 15_000), signal);
    client.resume();
  }
  if (client.closeInfo !== undefined) problem(`a sleeper was closed: ${told(client.closeInfo)}`);
  await client.leave();
  history.verify();
}

/** A reader that is gone without a word. */
async function vanisher({ options, stayMs, signal }: Life): Promise<void> {
  const client = await ThoroughClient.connect(
    `${options.url}?topic=${options.topic}&consumerGroup=&partition=all`,
    () => void report.records++,
  );
  await sleep(stayMs / 4, signal);
  await client.vanish();
}

/** A connection that says half of what it should, and is dropped. */
async function dropper({ options, random, stayMs, signal }: Life): Promise<void> {
  const { hostname, port } = new URL(options.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `GET /?topic=${options.topic} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n`;
  const bytes = new TextEncoder().encode(head.slice(0, random.between(1, head.length)));
  await connection.write(bytes);
  await sleep(stayMs / 8, signal);
}

function partitionOf(name: string, partitions: number): number {
  return Number(name.slice(name.indexOf("-") + 1)) % partitions;
}

function told({ code, reason }: { code: number; reason: string }): string {
  return `${code} ${reason}`;
}

/** One place for clients of a kind: one after the other. */
async function slot(
  options: SoakClientsOptions,
  kind: SoakKind,
  number: number,
  signal: AbortSignal,
): Promise<void> {
  const name = `${kind}-${number}`;
  const random = new Random(
    options.seed * 1_000_003 + number * 97 + Object.keys(KINDS).indexOf(kind),
  );
  const next = new Map<number, bigint>();
  const [least, most] = options.staySeconds;
  await sleep(random.between(0, 5_000), signal);
  while (!signal.aborted) {
    report.clients++;
    const stayMs = 1_000 * (least + random.next() * (most - least));
    try {
      await KINDS[kind]({ options, name, random, stayMs, signal, next });
    } catch (error) {
      problem(`${name}: ${error instanceof Error ? error.message : error}`);
      await sleep(1_000, signal);
    }
  }
}

if (import.meta.main) {
  const options: SoakClientsOptions = JSON.parse(Deno.args[0]);
  const over = new AbortController();
  const slots = Object.entries(options.kinds).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, i) => slot(options, kind as SoakKind, i, over.signal))
  );
  const printing = setInterval(print, 1_000);
  for await (const _ of Deno.stdin.readable);
  over.abort();
  await Promise.all(slots);
  clearInterval(printing);
  print();
  Deno.exit(0);
}
