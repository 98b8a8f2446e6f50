import type { FrameSink, Isolation, LogReader } from "../core/ports.ts";
import type { Log } from "../observe/events.ts";
import type { PumpedPartition } from "../session/frame_pump.ts";
import type { ReportedSession } from "../session/reported_session.ts";
import type { StreamFigures } from "../session/topic_stream.ts";

/** A cursor that stands below the end for so long, with nothing in its way, is stuck, in ms. */
const STUCK_MS = 30_000;

/** Pause between two looks, in ms. */
const LOOK_MS = 5_000;

/** What is watched. */
export interface WatchedSession {
  readonly session: ReportedSession;
  readonly sink: Pick<FrameSink, "hasRoom">;
}

/** Where a cursor stood when it was looked at last. */
interface Seen {
  readonly next: bigint;
  belowSinceMs: number | undefined;
  isReported: boolean;
}

interface Standing {
  readonly id: string;
  readonly stream: StreamFigures;
  readonly partition: number;
  readonly pumped: PumpedPartition;
  readonly seen: Seen;
}

/**
 * Watches for cursors that stand still below the end of their partition though their socket has
 * room and their client wants more: nothing but a fault of ours or of the broker's explains that,
 * and nothing else would show it. It reports; it mends nothing.
 *
 * Kafka is asked for the ends of partitions whose cursors stand still, one look-up a topic and look.
 */
export class CursorWatch {
  readonly #sessions: () => Iterable<WatchedSession>;
  readonly #reader: LogReader;
  readonly #events: Log;
  readonly #stuckMs: number;
  readonly #seen = new WeakMap<PumpedPartition, Seen>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking: Promise<void> | undefined;
  #stuck = 0;

  constructor(
    sessions: () => Iterable<WatchedSession>,
    options: { reader: LogReader; events: Log; stuckMs?: number },
  ) {
    this.#sessions = sessions;
    this.#reader = options.reader;
    this.#events = options.events;
    this.#stuckMs = options.stuckMs ?? STUCK_MS;
  }

  /** Cursors that were stuck at the last look. */
  get stuck(): number {
    return this.#stuck;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks now; never rejects. */
  look(): Promise<void> {
    return this.#looking ??= this.#look().finally(() => this.#looking = undefined);
  }

  async #look(): Promise<void> {
    const byTopic = Map.groupBy(
      this.#standing(),
      ({ stream: { topic, isolation } }) => `${isolation} ${topic}`,
    );
    const stuck = await Promise.all(
      [...byTopic.values()].map((standing) => this.#stuckOf(standing)),
    );
    this.#stuck = stuck.reduce((sum, count) => sum + count, 0);
  }

  /** Cursors that have not moved since the last look, and could have. */
  #standing(): Standing[] {
    const standing: Standing[] = [];
    for (const { session: { id, streams }, sink } of this.#sessions()) {
      const { hasRoom } = sink;
      for (const stream of streams) {
        const mayMove = hasRoom && stream.isWanted;
        for (const [partition, pumped] of stream.partitions) {
          const seen = this.#seen.get(pumped);
          if (mayMove && seen?.next === pumped.next) {
            standing.push({ id, stream, partition, pumped, seen });
          } else {
            const { next } = pumped;
            this.#seen.set(pumped, { next, belowSinceMs: undefined, isReported: false });
          }
        }
      }
    }
    return standing;
  }

  /** How many of these, all of one topic, are stuck. */
  async #stuckOf(standing: readonly Standing[]): Promise<number> {
    const { topic, isolation } = standing[0].stream;
    const ends = await this.#ends(topic, isolation, standing.map(({ partition }) => partition));
    const nowMs = performance.now();
    let stuck = 0;
    for (const { id, stream, partition, pumped, seen } of standing) {
      const end = ends.get(partition);
      if (end === undefined || pumped.next !== seen.next || end <= seen.next) {
        seen.belowSinceMs = undefined;
        continue;
      }
      seen.belowSinceMs ??= nowMs;
      const forMs = Math.round(nowMs - seen.belowSinceMs);
      if (forMs < Math.max(this.#stuckMs, 2 * stream.pauseMs)) continue;
      stuck++;
      if (seen.isReported) continue;
      seen.isReported = true;
      const { group } = stream;
      const { next } = seen;
      this.#events.emit("cursor_stuck", { session: id, group, topic, partition, next, end, forMs });
    }
    return stuck;
  }

  async #ends(
    topic: string,
    isolation: Isolation,
    partitions: readonly number[],
  ): Promise<Map<number, bigint>> {
    try {
      return await this.#reader.offsets(topic, [...new Set(partitions)], "latest", isolation);
    } catch {
      return new Map(); // Kafka is away, which others report
    }
  }
}
