import { comebackAfter } from "../../src/client/comeback.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { ClientError, KafkaProxyClient, ProduceError } from "../../src/client/mod.ts";
import { CommittedWatch } from "../support/committed_watch.ts";
import { ThoroughClient } from "../support/thorough_client.ts";
import { V2Client, type V2Records } from "../support/v2_client.ts";
import type { FaultWorld } from "./fault_world.ts";
import type { Entry, Guarantee } from "./history.ts";

/** Where a workload writes down what it sees. */
export interface Notes {
  readonly world: FaultWorld;
  readonly topic: string;
  readonly partitions: number;
  readonly signal: AbortSignal;
  readonly entries: Entry[];
  /** Whether everything that is written has come; asked by whoever waits for the end. */
  readonly reached: Map<string, bigint[]>;
  /** Last moment at which a consumer got a record, and at which a producer got an offset. */
  readonly movedMs: Map<string, number>;
  /** What ended a client for good; none should. */
  readonly endings: string[];
}

/** Somebody who uses the proxy while faults happen. */
export interface Workload {
  readonly name: string;
  /** Undefined: it only writes. */
  readonly guarantee: Guarantee | undefined;
  /** Until the signal is aborted. */
  readonly run: (notes: Notes, name: string) => Promise<void>;
}

/** Pauses that suit faults of seconds. */
const PAUSES = { firstMs: 50, mostMs: 1_000, restartMs: 500 };
const WRITE_PAUSE_MS = 25;
const WRITE_RECORDS = 10;
const COME_BACK_MS = 100;

/** Everybody who takes part in a scenario. */
export const WORKLOADS: readonly Workload[] = [
  { name: "writer-a", guarantee: undefined, run: write },
  { name: "writer-b", guarantee: undefined, run: write },
  { name: "library reader", guarantee: "exactly once", run: libraryReader },
  { name: "library group", guarantee: "at least once", run: libraryGroup },
  { name: "v1 reader", guarantee: "exactly once", run: v1Reader },
  { name: "v1 group", guarantee: "at least once", run: v1Group },
  { name: "v2 balanced group", guarantee: "at least once", run: balancedGroup },
];

/** Notes a record of a consumer. */
function got(
  { entries, reached, movedMs }: Notes,
  consumer: string,
  entry: Extract<Entry, { kind: "received" | "memberReceived" }>,
): void {
  entries.push(entry);
  movedMs.set(consumer, performance.now());
  const own = reached.get(consumer)!;
  if (entry.offset >= own[entry.partition]) own[entry.partition] = entry.offset + 1n;
}

/** Writes numbered records with keys; what it is told of each is written down. */
async function write(notes: Notes, name: string): Promise<void> {
  const { world, topic, signal, entries, movedMs } = notes;
  await using client = new KafkaProxyClient(world.relayedUrl, { pauses: PAUSES });
  for (let number = 0; !signal.aborted; number += WRITE_RECORDS) {
    const values = Array.from({ length: WRITE_RECORDS }, (_, i) => `${name}:${number + i}`);
    const records = values.map((value, i) => ({ key: `${name} ${i % 5}`, value }));
    try {
      const places = await client.produce(topic, records);
      for (const [i, outcome] of places.entries()) {
        entries.push({ kind: "written", value: values[i], outcome });
      }
      movedMs.set(name, performance.now());
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
      got(notes, consumer, {
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
async function libraryGroup(notes: Notes, consumer: string): Promise<void> {
  const { world, topic, partitions, signal, entries } = notes;
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  await using watch = new CommittedWatch(world.helper, `${topic}-library`, 200);
  for (let session = 1; !signal.aborted; session++) {
    entries.push({ kind: "began", consumer, session });
    const client = new KafkaProxyClient(world.relayedUrl, { pauses: PAUSES });
    const records = client.subscribe({
      topics: [topic],
      group: `${topic}-library`,
      partitions: all,
    });
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
        got(notes, consumer, {
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
  await watch.stop();
  for (const { partition, from, to } of watch.stepsBack) {
    const group = `${topic}-library`;
    entries.push({ kind: "looked", group, partition, offset: BigInt(from) });
    entries.push({ kind: "looked", group, partition, offset: BigInt(to) });
  }
}

/** A v1 client of each partition that comes back by its offset. */
async function v1Reader(notes: Notes, consumer: string): Promise<void> {
  const { world, topic, partitions, reached } = notes;
  const one = async (partition: number) => {
    await comingBack(notes, consumer, () => {
      const offset = reached.get(consumer)![partition];
      const query = `?topic=${topic}&consumerGroup=&partition=${partition}&offset=${offset}`;
      return ThoroughClient.connect(`${world.directUrl}${query}`, (_, offset, message) => {
        const value = message ?? "";
        got(notes, consumer, { kind: "received", consumer, session: 1, partition, offset, value });
      });
    });
  };
  await Promise.all(Array.from({ length: partitions }, (_, partition) => one(partition)));
}

/** A v1 client of each partition of a group that comes back and goes on where it was committed. */
async function v1Group(notes: Notes, consumer: string): Promise<void> {
  const { world, topic, partitions, entries } = notes;
  let session = 0;
  const one = async (partition: number) => {
    await comingBack(notes, consumer, () => {
      const own = ++session;
      entries.push({ kind: "began", consumer, session: own });
      const query = `?topic=${topic}&consumerGroup=${topic}-v1&partition=${partition}`;
      return ThoroughClient.connect(`${world.directUrl}${query}`, (_, offset, message) => {
        const value = message ?? "";
        got(notes, consumer, {
          kind: "received",
          consumer,
          session: own,
          partition,
          offset,
          value,
        });
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

/** Two members of a balanced group on bare v2, each of which comes back. */
async function balancedGroup(notes: Notes, consumer: string): Promise<void> {
  const { world, topic, signal, entries } = notes;
  const one = async (name: string) => {
    for (let time = 1; !signal.aborted; time++) {
      const member = `${name}${time}`;
      const owned = new Set<number>();
      const own = (kind: "assigned" | "revoked", partition: number) => {
        if (kind === "assigned") owned.add(partition);
        else owned.delete(partition);
        entries.push({ kind, consumer, member, partition, atMs: performance.now() });
      };
      let client: V2Client | undefined;
      const onRecords = (frame: V2Records) => {
        const { subscription, partition, records } = frame;
        for (const { offset, value } of records) {
          got(notes, consumer, {
            kind: "memberReceived",
            consumer,
            member,
            partition,
            offset: BigInt(offset),
            value: `${value}`,
          });
        }
        const last = records.at(-1)!.offset;
        client?.send({ type: "ack", subscription, topic, partition, offset: last });
        client?.send({ type: "credit", subscription, records: records.length });
      };
      try {
        client = await V2Client.open(world.relayedUrl, {
          keep: false,
          onRecords,
          onFrame: (frame) => {
            if (frame.type === "assigned") {
              for (const { partition } of frame.partitions) own("assigned", partition);
            }
            if (frame.type === "revoked") {
              for (const [, partition] of frame.partitions) own("revoked", partition);
            }
            if (frame.type === "ended") void client?.close();
          },
        });
        await client.ask({
          type: "subscribe",
          topics: [topic],
          group: `${topic}-balanced`,
          ack: "client",
          credit: 1_000,
        });
        const left = new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve());
        });
        await Promise.race([client.closed, left]);
      } catch {
        await sleep(COME_BACK_MS, signal);
      }
      await client?.close();
      for (const partition of [...owned]) own("revoked", partition);
    }
  };
  await Promise.all([one("a"), one("b")]);
}
