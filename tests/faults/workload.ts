import { comebackAfter } from "../../src/client/comeback.ts";
import { PASSING_CODES } from "../../src/client/live_subscription.ts";
import { ClientError, KafkaProxyClient, ProduceError } from "../../src/client/mod.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { ThoroughClient } from "../support/thorough_client.ts";
import { V2Client, type V2Frame, type V2Records, V2RequestError } from "../support/v2_client.ts";
import type { FaultWorld } from "./fault_world.ts";
import type { ConsumerPromise, Entry } from "./history.ts";
import type { Movement } from "./movement.ts";

/** Where a workload writes down what it sees. */
export interface Notes {
  readonly world: FaultWorld;
  readonly topic: string;
  readonly partitions: number;
  readonly signal: AbortSignal;
  readonly entries: Entry[];
  /** Who has come how far: producers by their offsets, consumers by each partition's records. */
  readonly movement: Movement;
  /** What ended a client for good; none should. */
  readonly endings: string[];
}

/** Somebody who uses the proxy while faults happen. */
export interface Workload {
  readonly name: string;
  /** Undefined: it only writes. */
  readonly guarantee?: ConsumerPromise["guarantee"];
  /** The end of the name of the group it reads for, behind the topic. */
  readonly group?: string;
  /** Until the signal is aborted. */
  readonly run: (notes: Notes, name: string, group: string) => Promise<void>;
}

/** Pauses that suit faults of seconds. */
const PAUSES = { firstMs: 50, mostMs: 1_000, restartMs: 500 };
const WRITE_PAUSE_MS = 25;
const WRITE_RECORDS = 10;
const COME_BACK_MS = 100;

/** Everybody who takes part in a scenario. */
export const WORKLOADS: readonly Workload[] = [
  { name: "writer-a", run: write },
  { name: "writer-b", run: write },
  { name: "library reader", guarantee: "exactly once", run: libraryReader },
  { name: "library group", guarantee: "at least once", group: "library", run: libraryGroup },
  { name: "v1 reader", guarantee: "exactly once", run: v1Reader },
  { name: "v1 group", guarantee: "at least once", group: "v1", run: v1Group },
  { name: "v2 reader", guarantee: "exactly once", run: v2Reader },
  { name: "v2 balanced group", guarantee: "at least once", group: "balanced", run: balancedGroup },
];

/** Notes a record of a consumer. */
function got(
  { entries, movement }: Notes,
  entry: Extract<Entry, { kind: "received" | "memberReceived" }>,
): void {
  entries.push(entry);
  movement.read(entry.consumer, entry.partition, entry.offset);
}

/** Writes numbered records with keys; what it is told of each is written down. */
async function write(notes: Notes, name: string): Promise<void> {
  const { world, topic, signal, entries, movement } = notes;
  await using client = new KafkaProxyClient(world.relayedUrl, { pauses: PAUSES });
  for (let number = 0; !signal.aborted; number += WRITE_RECORDS) {
    const values = Array.from({ length: WRITE_RECORDS }, (_, i) => `${name}:${number + i}`);
    const records = values.map((value, i) => ({ key: `${name} ${i % 5}`, value }));
    try {
      const places = await client.produce(topic, records);
      for (const [i, outcome] of places.entries()) {
        entries.push({ kind: "written", value: values[i], outcome });
      }
      movement.wrote(name);
    } catch (error) {
      if (!(error instanceof ProduceError)) {
        if (error instanceof ClientError && !signal.aborted) {
          notes.endings.push(`${name}: ${error}`);
        }
        return;
      }
      for (const [i, result] of error.results.entries()) {
        const outcome = "outcome" in result ? result.outcome : result;
        entries.push({ kind: "written", value: values[i], outcome });
      }
      await sleep(COME_BACK_MS, signal);
    }
    await sleep(WRITE_PAUSE_MS, signal);
  }
}

/** One subscription object through all faults. */
async function libraryReader(notes: Notes, consumer: string): Promise<void> {
  const { world, topic, signal } = notes;
  await using client = new KafkaProxyClient(world.relayedUrl, { pauses: PAUSES });
  const records = client.subscribe({ topics: [topic], from: "earliest" });
  signal.addEventListener("abort", () => void records.close());
  try {
    for await (const { partition, offset, value } of records) {
      got(notes, {
        kind: "received",
        consumer,
        session: 1,
        partition,
        offset,
        value: value ?? "",
      });
    }
  } catch (error) {
    notes.endings.push(`${consumer}: ${error}`);
  }
}

/** A group of pinned partitions, acknowledged and flushed; now and then it begins anew. */
async function libraryGroup(notes: Notes, consumer: string, group: string): Promise<void> {
  const { world, topic, partitions, signal, entries } = notes;
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  for (let session = 1; !signal.aborted; session++) {
    entries.push({ kind: "began", consumer, session });
    const client = new KafkaProxyClient(world.relayedUrl, { pauses: PAUSES });
    const records = client.subscribe({ topics: [topic], group, partitions: all });
    const close = () => void records.close();
    signal.addEventListener("abort", close);
    const next = new Map<number, bigint>();
    const confirm = async () => {
      const claimed = new Map(next);
      await records.flush();
      for (const [partition, next] of claimed) {
        entries.push({ kind: "confirmed", consumer, partition, next });
      }
    };
    let count = 0;
    try {
      for await (const record of records) {
        const { partition, offset, value } = record;
        got(notes, {
          kind: "received",
          consumer,
          session,
          partition,
          offset,
          value: value ?? "",
        });
        record.ack();
        next.set(partition, offset + 1n);
        if (++count % 200 === 0) await confirm();
        // What was read since the last confirmation may come again; what was before, not.
        if (count >= 1_000) break;
      }
    } catch (error) {
      if (!signal.aborted) notes.endings.push(`${consumer}: ${error}`);
    }
    signal.removeEventListener("abort", close);
    await client.close();
  }
}

/** A v1 client of each partition that comes back by its offset. */
async function v1Reader(notes: Notes, consumer: string): Promise<void> {
  const { world, topic, partitions, movement } = notes;
  const one = async (partition: number) => {
    await comingBack(notes, consumer, () => {
      const offset = movement.next(consumer, partition);
      const query = `?topic=${topic}&consumerGroup=&partition=${partition}&offset=${offset}`;
      return ThoroughClient.connect(`${world.relayedUrl}${query}`, (_, offset, message) => {
        const value = message ?? "";
        got(notes, { kind: "received", consumer, session: 1, partition, offset, value });
      });
    });
  };
  await Promise.all(Array.from({ length: partitions }, (_, partition) => one(partition)));
}

/** A v1 client of each partition of a group that comes back, to the proxies in turn. */
async function v1Group(notes: Notes, consumer: string, group: string): Promise<void> {
  const { world, topic, partitions, entries } = notes;
  let session = 0;
  const one = async (partition: number) => {
    await comingBack(notes, consumer, () => {
      const own = ++session;
      entries.push({ kind: "began", consumer, session: own, partition });
      const query = `?topic=${topic}&consumerGroup=${group}&partition=${partition}`;
      return ThoroughClient.connect(`${world.directUrl(own)}${query}`, (_, offset, message) => {
        const value = message ?? "";
        got(notes, { kind: "received", consumer, session: own, partition, offset, value });
      });
    });
  };
  await Promise.all(Array.from({ length: partitions }, (_, partition) => one(partition)));
}

async function comingBack(
  { signal, endings }: Notes,
  consumer: string,
  connect: () => Promise<ThoroughClient>,
): Promise<void> {
  while (!signal.aborted) {
    let client: ThoroughClient;
    try {
      client = await connect();
    } catch {
      await sleep(COME_BACK_MS, signal);
      continue;
    }
    const left = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    await Promise.race([client.closed, left]);
    if (client.closeInfo === undefined) await client.leave();
    const { code, reason } = await client.closed;
    const isFinal = comebackAfter(code) === "stop";
    if (!signal.aborted && isFinal) endings.push(`${consumer}: ${code} ${reason}`);
    await sleep(COME_BACK_MS, signal);
  }
}

/** Bare v2: comes back by the last token it was given, and leaves out what it has had since. */
async function v2Reader(notes: Notes, consumer: string): Promise<void> {
  const { topic, partitions, entries, movement } = notes;
  let resume: string | undefined;
  await comingBackV2(notes, consumer, (client) => ({
    onFrame: (frame) => {
      if (frame.type === "position") resume = frame.resume;
      if (frame.type !== "subscribed" || frame.recovered === undefined) return;
      for (let partition = 0; partition < partitions; partition++) {
        entries.push({ kind: "claimed", consumer, partition, recovered: frame.recovered });
      }
    },
    onRecords: ({ subscription, partition, records }) => {
      for (const record of records) {
        const offset = BigInt(record.offset);
        if (offset < movement.next(consumer, partition)) continue;
        const value = `${record.value}`;
        got(notes, { kind: "received", consumer, session: 1, partition, offset, value });
      }
      client().send({ type: "credit", subscription, records: records.length });
    },
    request: { topics: [topic], from: "earliest", ...resume !== undefined && { resume } },
  }));
}

/** Two members of a balanced group on bare v2, each of which comes back. */
async function balancedGroup(notes: Notes, consumer: string, group: string): Promise<void> {
  const { topic, entries } = notes;
  const one = async (name: string) => {
    let time = 0;
    await comingBackV2(notes, consumer, (client) => {
      const member = `${name}${++time}`;
      const owned = new Set<number>();
      const own = (kind: "assigned" | "revoked", partition: number) => {
        if (kind === "assigned") owned.add(partition);
        else owned.delete(partition);
        entries.push({ kind, consumer, member, partition, atMs: performance.now() });
      };
      return {
        onFrame: (frame) => {
          if (frame.type === "assigned") {
            for (const { partition } of frame.partitions) own("assigned", partition);
          }
          if (frame.type === "revoked") {
            for (const [, partition] of frame.partitions) own("revoked", partition);
          }
          if (frame.type === "committed") {
            const { partition, next } = frame;
            entries.push({ kind: "confirmed", consumer, partition, next: BigInt(next) });
          }
        },
        onRecords: ({ subscription, partition, records }) => {
          for (const { offset, value } of records) {
            got(notes, {
              kind: "memberReceived",
              consumer,
              member,
              partition,
              offset: BigInt(offset),
              value: `${value}`,
            });
          }
          const last = records.at(-1)!.offset;
          client().send({ type: "ack", subscription, topic, partition, offset: last });
          client().send({ type: "credit", subscription, records: records.length });
        },
        onGone: () => {
          for (const partition of [...owned]) own("revoked", partition);
        },
        request: { topics: [topic], group, ack: "client" },
      };
    });
  };
  await Promise.all([one("a"), one("b")]);
}

/** What a bare v2 client does in one of its connections. */
interface V2Time {
  readonly onFrame: (frame: V2Frame) => void;
  readonly onRecords: (frame: V2Records) => void;
  readonly onGone?: () => void;
  readonly request: Readonly<Record<string, unknown>>;
}

/** Subscribes on one connection after the other; whatever says that this is over, is an ending. */
async function comingBackV2(
  { world, signal, endings }: Notes,
  consumer: string,
  begin: (client: () => V2Client) => V2Time,
): Promise<void> {
  const left = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  const over = (text: string) => {
    if (!signal.aborted) endings.push(`${consumer}: ${text}`);
  };
  while (!signal.aborted) {
    let client: V2Client | undefined;
    const time = begin(() => client!);
    try {
      client = await V2Client.open(world.relayedUrl, {
        keep: false,
        onRecords: time.onRecords,
        onFrame: (frame) => {
          time.onFrame(frame);
          if (frame.type !== "ended") return;
          if (!PASSING_CODES.includes(frame.code)) over(`ended: ${frame.code}: ${frame.message}`);
          void client?.close();
        },
      });
      await client.ask({ type: "subscribe", credit: 1_000, ...time.request });
      await Promise.race([client.closed, left]);
      client.verify();
    } catch (error) {
      const isFinal = error instanceof V2RequestError && !PASSING_CODES.includes(error.code) ||
        error instanceof TypeError;
      if (isFinal) over(`${error}`);
      await sleep(COME_BACK_MS, signal);
    }
    const closeInfo = client?.closeInfo;
    if (closeInfo !== undefined && comebackAfter(closeInfo.code) === "stop") {
      if (closeInfo.code !== 1000) over(`${closeInfo.code} ${closeInfo.reason}`);
    }
    await client?.close();
    time.onGone?.();
  }
}
