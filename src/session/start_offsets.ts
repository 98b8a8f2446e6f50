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

/**
 * Turns a start position into offsets, inclusive.
 *
 * Shape: the end itself is a valid start and waits. `-N` counts offsets and stops at the earliest;
 * a time after the last record is the end.
 *
 * @throws {ProxyError} `out_of_range` for an offset that does not exist, with the valid range;
 * `unknown_topic`, `kafka_unavailable`
 */
export async function startOffsets(
  { topic, partitions, isolation }: StartTarget,
  start: StartPosition,
  reader: LogReader,
): Promise<Map<number, bigint>> {
  const at = (spec: "earliest" | "latest") => reader.offsets(topic, partitions, spec, isolation);
  switch (start.kind) {
    case "earliest":
    case "latest":
      return await at(start.kind);
    case "timestamp":
      return await reader.offsets(
        topic,
        partitions,
        { timestampMs: start.timestampMs },
        isolation,
      );
    case "last": {
      const [earliest, end] = await Promise.all([at("earliest"), at("latest")]);
      return new Map(
        partitions.map((partition) => {
          const wanted = end.get(partition)! - start.records;
          const first = earliest.get(partition)!;
          return [partition, wanted > first ? wanted : first];
        }),
      );
    }
    case "offset": {
      const [earliest, end] = await Promise.all([at("earliest"), at("latest")]);
      for (const partition of partitions) {
        checkRange(topic, partition, start.offset, earliest.get(partition)!, end.get(partition)!);
      }
      return new Map(partitions.map((partition) => [partition, start.offset]));
    }
  }
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
): Promise<Map<number, bigint>> {
  const [earliest, end] = await Promise.all([
    reader.offsets(topic, partitions, "earliest", isolation),
    reader.offsets(topic, partitions, "latest", "uncommitted"),
  ]);
  return new Map(
    partitions.map((partition) => {
      const first = earliest.get(partition)!;
      const position = committed.get(partition);
      if (position === undefined) return [partition, first];
      if (position >= first && position <= end.get(partition)!) return [partition, position];
      events.emit("position_reset", {
        topic,
        partition,
        group,
        committed: position,
        earliest: first,
      });
      return [partition, first];
    }),
  );
}

function checkRange(
  topic: string,
  partition: number,
  offset: bigint,
  earliest: bigint,
  end: bigint,
): void {
  if (offset >= earliest && offset <= end) return;
  throw new ProxyError(
    "out_of_range",
    `Cannot start "${topic}" partition ${partition} at offset ${offset}: ` +
      `it holds ${earliest} to ${end}`,
    { details: { partition, earliest: earliest.toString(), end: end.toString() } },
  );
}
