import type { LogReader } from "../core/ports.ts";
import type { Log } from "../observe/events.ts";
import type { PumpedPartition } from "../session/frame_pump.ts";
import type { StreamFigures } from "../session/topic_stream.ts";

/** A partition's counts at its last report. */
interface Counted {
  readonly received: number;
  readonly sent: number;
  readonly atMs: number;
}

/**
 * Reports every partition a group reads through this process, each interval: where the partition
 * ends, how far behind the client is, and what went through since the last report. `received` counts
 * records that came from Kafka, `sent` those given to the socket.
 */
export class GroupReport {
  readonly #streams: () => Iterable<StreamFigures>;
  readonly #reader: LogReader;
  readonly #events: Log;
  readonly #intervalMs: number;
  readonly #last = new WeakMap<PumpedPartition, Counted>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #reporting: Promise<void> | undefined;
  #reportedMs = performance.now();

  constructor(
    streams: () => Iterable<StreamFigures>,
    options: { reader: LogReader; events: Log; intervalMs: number },
  ) {
    this.#streams = streams;
    this.#reader = options.reader;
    this.#events = options.events;
    this.#intervalMs = options.intervalMs;
  }

  /** Starts the interval; 0 never reports. */
  start(): void {
    if (this.#intervalMs === 0) return;
    this.#reportedMs = performance.now();
    this.#timer = setInterval(() => void this.report(), this.#intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reports now, or when Kafka has answered; a topic whose end cannot be looked up is left out. */
  report(): Promise<void> {
    return this.#reporting ??= this.#report().finally(() => this.#reporting = undefined);
  }

  async #report(): Promise<void> {
    const nowMs = performance.now();
    const nothing = { received: 0, sent: 0, atMs: this.#reportedMs };
    this.#reportedMs = nowMs;
    const groups = [...this.#streams()].filter(({ group }) => group !== undefined);
    const byTopic = Map.groupBy(groups, ({ topic }) => topic);
    await Promise.all([...byTopic].map(async ([topic, streams]) => {
      const partitions = new Set(streams.flatMap((stream) => [...stream.partitions.keys()]));
      if (partitions.size === 0) return;
      try {
        const ends = await this.#reader.offsets(topic, [...partitions], "latest", "uncommitted");
        for (const stream of streams) this.#stream(stream, ends, nowMs, nothing);
      } catch {
        // Kafka is away, or the topic is: the sessions report that themselves.
      }
    }));
  }

  #stream(
    { topic, group, partitions }: StreamFigures,
    ends: Map<number, bigint>,
    nowMs: number,
    nothing: Counted,
  ): void {
    for (const [partition, pumped] of partitions) {
      const latest = ends.get(partition);
      if (latest === undefined) continue;
      const last = this.#last.get(pumped) ?? nothing;
      const { next } = pumped;
      const received = pumped.received - last.received;
      const sent = pumped.sent - last.sent;
      const durationMs = Math.round(nowMs - last.atMs);
      this.#last.set(pumped, { received: pumped.received, sent: pumped.sent, atMs: nowMs });
      this.#events.emit("partition_report", {
        group: group!,
        topic,
        partition,
        latest,
        next,
        backlog: latest > next ? latest - next : 0n,
        received,
        sent,
        durationMs,
        recordsPerSecond: Math.round(sent * 1_000 / Math.max(durationMs, 1)),
      });
    }
  }
}
