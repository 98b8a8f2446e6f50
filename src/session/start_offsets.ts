import type { Isolation, LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { Log } from "../observe/events.ts";
import type { StartPosition } from "../protocol/start_position.ts";

/** The partitions a session begins with. */
export interface StartTarget {
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly isolation: Isolation;
}

/** Where to start a topic: one position for all partitions, or an offset for some of them. */
export type TopicStart =
  | StartPosition
  | { readonly kind: "offsets"; readonly offsets: ReadonlyMap<number, bigint> };

/** What to do about an offset that does not exist. */
export type OnRange = "error" | "earliest" | "latest";

/** Offsets that will not come: `from` inclusive, `to` exclusive. */
export interface Gap {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: "retention" | "recreated" | "oversize" | "skipped";
}

/** Where partitions start, inclusive, and what is missed by it. */
export interface Starts {
  readonly offsets: ReadonlyMap<number, bigint>;
  readonly gaps: readonly Gap[];
  /** Of the topic they are of, where it is known. */
  readonly topicId?: string;
}

/**
 * Turns a start position into offsets, inclusive.
 *
 * Shape: the end itself is a valid start and waits. `-N` counts offsets and stops at the earliest;
 * a time after the last record is the end. Of `offsets`, partitions without one are left out.
 *
 * @throws {ProxyError} `out_of_range` for an offset that does not exist, with the valid range, where
 * `onRange` says so; `unknown_topic`, `kafka_unavailable`
 */
export async function resolveStarts(
  target: StartTarget,
  start: TopicStart,
  reader: LogReader,
  onRange: OnRange = "error",
): Promise<Starts> {
  const { topic, partitions, isolation } = target;
  const at = (spec: "earliest" | "latest") => reader.offsets(topic, partitions, spec, isolation);
  switch (start.kind) {
    case "earliest":
    case "latest":
      return { offsets: await at(start.kind), gaps: [] };
    case "timestamp": {
      const { timestampMs } = start;
      return {
        offsets: await reader.offsets(topic, partitions, { timestampMs }, isolation),
        gaps: [],
      };
    }
    case "last": {
      const [earliest, end] = await Promise.all([at("earliest"), at("latest")]);
      const offsets = partitions.map((partition): [number, bigint] => {
        const wanted = end.get(partition)! - start.records;
        const first = earliest.get(partition)!;
        return [partition, wanted > first ? wanted : first];
      });
      return { offsets: new Map(offsets), gaps: [] };
    }
    case "offset":
    case "offsets": {
      const [earliest, end] = await Promise.all([at("earliest"), at("latest")]);
      const offsets = new Map<number, bigint>();
      const gaps: Gap[] = [];
      for (const partition of partitions) {
        const wanted = start.kind === "offset" ? start.offset : start.offsets.get(partition);
        if (wanted === undefined) continue;
        const range = { earliest: earliest.get(partition)!, end: end.get(partition)! };
        const { next, gap } = nearest({ topic, partition, wanted, ...range }, onRange);
        offsets.set(partition, next);
        if (gap !== undefined) gaps.push(gap);
      }
      return { offsets, gaps };
    }
  }
}

/** {@linkcode resolveStarts}, where a position that does not exist is an error. */
export async function startOffsets(
  target: StartTarget,
  start: StartPosition,
  reader: LogReader,
): Promise<ReadonlyMap<number, bigint>> {
  return (await resolveStarts(target, start, reader)).offsets;
}

/** A position, and what exists. */
export interface WantedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly wanted: bigint;
  readonly earliest: bigint;
  readonly end: bigint;
}

/**
 * The position itself where it exists, otherwise the one that `onRange` names, with what is missed.
 *
 * @throws {ProxyError} `out_of_range`
 */
export function nearest(
  { topic, partition, wanted, earliest, end }: WantedOffset,
  onRange: OnRange,
): { next: bigint; gap?: Gap } {
  if (wanted >= earliest && wanted <= end) return { next: wanted };
  if (onRange === "error") {
    throw new ProxyError(
      "out_of_range",
      `Cannot start "${topic}" partition ${partition} at offset ${wanted}: ` +
        `it holds ${earliest} to ${end}`,
      { details: { partition, earliest: earliest.toString(), end: end.toString() } },
    );
  }
  const next = onRange === "earliest" ? earliest : end;
  // Past the end, the partition is another one than the position is of.
  const reason = wanted > end ? "recreated" : "retention";
  return { next, gap: { partition, from: wanted, to: next, reason } };
}

/**
 * Where a group goes on: the committed offset, or the earliest where it has none or where retention
 * has passed the committed one, which is reported.
 */
export async function committedOffsets(
  { topic, partitions, isolation }: StartTarget,
  group: string,
  committed: ReadonlyMap<number, bigint>,
  { reader, events }: { reader: LogReader; events: Log },
): Promise<Starts> {
  const [earliest, end] = await Promise.all([
    reader.offsets(topic, partitions, "earliest", isolation),
    reader.offsets(topic, partitions, "latest", "uncommitted"),
  ]);
  const offsets = new Map<number, bigint>();
  const gaps: Gap[] = [];
  for (const partition of partitions) {
    const first = earliest.get(partition)!;
    const position = committed.get(partition);
    if (position === undefined) {
      offsets.set(partition, first);
      continue;
    }
    const range = { earliest: first, end: end.get(partition)! };
    const { next, gap } = nearest({ topic, partition, wanted: position, ...range }, "earliest");
    offsets.set(partition, next);
    if (gap === undefined) continue;
    gaps.push(gap);
    events.emit("position_reset", {
      topic,
      partition,
      group,
      committed: position,
      earliest: first,
    });
  }
  return { offsets, gaps };
}
