import { comebackAfter } from "../../src/client/comeback.ts";
import { PASSING_CODES } from "../../src/client/live_subscription.ts";
import { ClientError, type Gap, KafkaProxyClient, ProduceError } from "../../src/client/mod.ts";
import { ERROR_TABLE } from "../../src/core/error_table.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { ThoroughClient, UpgradeError } from "../support/thorough_client.ts";
import {
  V2Client,
  type V2Frame,
  type V2FrameOf,
  type V2Records,
  V2RequestError,
} from "../support/v2_client.ts";
import type { FaultWorld } from "./fault_world.ts";
import type { ConsumerPromise, Entry } from "./history.ts";
import type { Movement } from "./movement.ts";

/** What ended a client for good. */
export interface Ending {
  readonly who: string;
  /** An error's name, or a close code; empty where the client itself failed. */
  readonly code: string;
  readonly text: string;
}

/** Where a workload writes down what it sees. */
export interface Notes {
  readonly world: FaultWorld;
  readonly topic: string;
  readonly signal: AbortSignal;
  readonly entries: Entry[];
  /** Who has come how far: producers by their offsets, consumers by each partition's records. */
  readonly movement: Movement;
  /** None should be while the topic is there. */
  readonly endings: Ending[];
}

/** Somebody who uses the proxy while faults happen. */
export interface Workload {
  readonly name: string;
  /** Undefined: it only writes. */
  readonly guarantee?: ConsumerPromise["guarantee"];
  /** The end of the name of the group it reads for, behind the topic. */
  readonly group?: string;
  /** What retention took of what it was to read, it is not told: only the server's log is. */
  readonly isUntold?: boolean;
  /** Until the signal is aborted, or it has ended for good. */
  readonly run: (notes: Notes, name: string, group: string) => Promise<void>;
}

/** Pauses that suit faults of seconds. */
const PAUSES = { firstMs: 50, mostMs: 1_000, restartMs: 500 };
const WRITE_PAUSE_MS = 25;
const WRITE_RECORDS = 10;
const COME_BACK_MS = 100;

/** Retention has passed a client: it may come back, but not to where it was. */
const LEFT_BEHIND = ERROR_TABLE.out_of_range.closeCode;

/** Everybody who takes part in a scenario. */
export const WORKLOADS: readonly Workload[] = [
  { name: "writer-a", run: write },
  { name: "writer-b", run: write },
  { name: "library reader", guarantee: "exactly once", run: libraryReader },
  { name: "library group", guarantee: "at least once", group: "library", run: libraryGroup },
  { name: "v1 reader", guarantee: "exactly once", run: v1Reader },
  { name: "v1 group", guarantee: "at least once", group: "v1", isUntold: true, run: v1Group },
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

/** Notes that offsets will not come to a consumer, as it was told; `to` is exclusive. */
function missed(
  { entries, movement }: Notes,
  gap: { consumer: string; partition: number; from: bigint; to: bigint },
): void {
  entries.push({ kind: "missed", ...gap });
  movement.missed(gap.consumer, gap.partition, gap.to);
}

/** For the client library: notes a gap, and ends the subscription where the topic is another one. */
function onGap(notes: Notes, consumer: string, over: () => void): (gap: Gap) => void {
  return (gap) => {
    if (gap.reason !== "recreated") return missed(notes, { consumer, ...gap });
    notes.endings.push({ who: consumer, code: gap.reason, text: `${consumer}: another topic` });
    over();
  };
}

/** Notes that a client of the library has ended for good. */
function ended({ endings, signal }: Notes, who: string, error: unknown): void {
  if (signal.aborted) return;
  const code = error instanceof ClientError ? error.code : "";
  endings.push({ who, code, text: `${who}: ${error}` });
}

/** Reads each partition, those too that are added meanwhile, until every one has ended. */
async function eachPartition(
  { signal, movement }: Notes,
  read: (partition: number) => Promise<void>,
): Promise<void> {
  const reading: Promise<void>[] = [];
  let over = 0;
  while (!signal.aborted && (over === 0 || over < reading.length)) {
    while (reading.length < movement.partitions) {
      reading.push(read(reading.length).finally(() => over++));
    }
    await sleep(COME_BACK_MS, signal);
  }
  await Promise.all(reading);
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
        ended(notes, name, error);
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
  const records = client.subscribe({
    topics: [topic],
    from: "earliest",
    onGap: onGap(notes, consumer, () => void records.close()),
  });
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
    ended(notes, consumer, error);
  }
}

/** A group of pinned partitions, acknowledged and flushed; now and then it begins anew. */
async function libraryGroup(notes: Notes, consumer: string, group: string): Promise<void> {
  const { world, topic, signal, entries, movement } = notes;
  for (let session = 1; !signal.aborted; session++) {
    const all = Array.from({ length: movement.partitions }, (_, partition) => partition);
    entries.push({ kind: "began", consumer, session });
    const client = new KafkaProxyClient(world.relayedUrl, { pauses: PAUSES });
    let isOver = false;
    const records = client.subscribe({
      topics: [topic],
      group,
      partitions: all,
      onGap: onGap(notes, consumer, () => {
        isOver = true;
        void records.close();
      }),
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
      ended(notes, consumer, error);
      isOver = true;
    }
    signal.removeEventListener("abort", close);
    await client.close();
    if (isOver) return;
  }
}

/** A v1 client of each partition that comes back by its offset. */
async function v1Reader(notes: Notes, consumer: string): Promise<void> {
  const { world, topic, movement } = notes;
  await eachPartition(notes, async (partition) => {
    await comingBack(notes, consumer, async () => {
      const from = movement.next(consumer, partition);
      const query = `?topic=${topic}&consumerGroup=&partition=${partition}&offset=${from}`;
      try {
        return await ThoroughClient.connect(`${world.relayedUrl}${query}`, (_, offset, message) => {
          const value = message ?? "";
          got(notes, { kind: "received", consumer, session: 1, partition, offset, value });
        });
      } catch (error) {
        const earliest = error instanceof UpgradeError ? error.answer?.earliest : undefined;
        if (typeof earliest === "string") {
          missed(notes, { consumer, partition, from, to: BigInt(earliest) });
        }
        throw error;
      }
    });
  });
}

/** A v1 client of each partition of a group that comes back, to the proxies in turn. */
async function v1Group(notes: Notes, consumer: string, group: string): Promise<void> {
  const { world, topic, entries } = notes;
  let session = 0;
  await eachPartition(notes, async (partition) => {
    await comingBack(notes, consumer, () => {
      const own = ++session;
      entries.push({ kind: "began", consumer, session: own, partition });
      const query = `?topic=${topic}&consumerGroup=${group}&partition=${partition}`;
      return ThoroughClient.connect(`${world.directUrl(own)}${query}`, (_, offset, message) => {
        const value = message ?? "";
        got(notes, { kind: "received", consumer, session: own, partition, offset, value });
      });
    });
  });
}

/** Until its close says that nothing would change. */
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
    if (!signal.aborted && comebackAfter(code) === "stop" && code !== LEFT_BEHIND) {
      endings.push({ who: consumer, code: `${code}`, text: `${consumer}: ${code} ${reason}` });
      return;
    }
    await sleep(COME_BACK_MS, signal);
  }
}

/** Bare v2: comes back by the last token it was given, and leaves out what it has had since. */
async function v2Reader(notes: Notes, consumer: string): Promise<void> {
  const { topic, entries, movement } = notes;
  let resume: string | undefined;
  await comingBackV2(notes, consumer, (client) => ({
    onFrame: (frame) => {
      if (frame.type === "position") resume = frame.resume;
      if (frame.type === "gap") missed(notes, gapOf(consumer, frame));
      if (frame.type !== "subscribed" || frame.recovered === undefined) return;
      for (let partition = 0; partition < movement.partitions; partition++) {
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
          if (frame.type === "gap") missed(notes, gapOf(consumer, frame));
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

function gapOf(consumer: string, { partition, from, to }: V2FrameOf<"gap">) {
  return { consumer, partition, from: BigInt(from), to: BigInt(to) };
}

/** What a bare v2 client does in one of its connections. */
interface V2Time {
  readonly onFrame: (frame: V2Frame) => void;
  readonly onRecords: (frame: V2Records) => void;
  readonly onGone?: () => void;
  readonly request: Readonly<Record<string, unknown>>;
}

/** Subscribes on one connection after the other, until something says that this is over. */
async function comingBackV2(
  { world, signal, endings }: Notes,
  consumer: string,
  begin: (client: () => V2Client) => V2Time,
): Promise<void> {
  const left = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  let isOver = false;
  const over = (code: string, message: string) => {
    if (signal.aborted || isOver) return;
    isOver = true;
    endings.push({ who: consumer, code, text: `${consumer}: ${code}: ${message}` });
  };
  while (!signal.aborted && !isOver) {
    let client: V2Client | undefined;
    const time = begin(() => client!);
    try {
      client = await V2Client.open(world.relayedUrl, {
        keep: false,
        onRecords: (frame) => {
          if (!isOver) time.onRecords(frame);
        },
        onFrame: (frame) => {
          if (frame.type === "gap" && frame.reason === "recreated") {
            over(frame.reason, "another topic");
            void client?.close();
          }
          time.onFrame(frame);
          if (frame.type !== "ended") return;
          if (!PASSING_CODES.includes(frame.code)) over(frame.code, frame.message);
          void client?.close();
        },
      });
      await client.ask({ type: "subscribe", credit: 1_000, ...time.request });
      await Promise.race([client.closed, left]);
      client.verify();
    } catch (error) {
      if (error instanceof V2RequestError && !PASSING_CODES.includes(error.code)) {
        over(error.code, `${error}`);
      }
      if (error instanceof TypeError) over("", `${error}`);
      await sleep(COME_BACK_MS, signal);
    }
    const closeInfo = client?.closeInfo;
    if (closeInfo !== undefined && comebackAfter(closeInfo.code) === "stop") {
      if (closeInfo.code !== 1000) over(`${closeInfo.code}`, closeInfo.reason);
    }
    await client?.close();
    time.onGone?.();
  }
}
