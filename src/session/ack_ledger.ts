import type { FrameSink } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { sleep } from "../stream/sleep.ts";
import type { Ledger } from "./ledger.ts";

/** A frame that is not wholly acknowledged. */
interface SentFrame {
  readonly next: bigint;
  readonly records: number;
}

/** One partition while it is ours. */
class AckedPartition {
  /** Everything below it was acknowledged before, here or elsewhere. */
  readonly start: bigint;
  /** Everything below it is acknowledged, or was before the start. */
  acked: bigint;
  /** Everything below it was sent, or has no record. */
  sent: bigint;
  /** What is to be committed, once something was acknowledged; a seek leaves it where it was. */
  due: bigint | undefined;
  /**
   * What Kafka has taken from us. The start is not: a client that comes back starts where it has
   * acknowledged, which the server before may not have written.
   */
  committed: bigint | undefined;
  #frames: SentFrame[] = [];
  #records = 0;

  constructor(start: bigint) {
    this.start = start;
    this.acked = this.sent = start;
  }

  get frames(): readonly SentFrame[] {
    return this.#frames;
  }

  set frames(frames: SentFrame[]) {
    this.#frames = frames;
    this.#records = frames.reduce((sum, { records }) => sum + records, 0);
  }

  /** Records that were sent and not acknowledged; in a frame with holes, at most so many. */
  get unacked(): number {
    const first = this.#frames[0];
    if (first === undefined) return 0;
    const left = first.next - this.acked;
    const acked = left < BigInt(first.records) ? first.records - Number(left) : 0;
    return this.#records - acked;
  }

  /** Everything below it is acknowledged, and may be committed. */
  ack(next: bigint): void {
    this.acked = this.due = next;
  }

  push(frame: SentFrame): void {
    this.#frames.push(frame);
    this.#records += frame.records;
  }

  /** Forgets the frames before an offset. */
  drop(next: bigint): void {
    let count = 0;
    for (const frame of this.#frames) {
      if (frame.next > next) break;
      this.#records -= frame.records;
      count++;
    }
    this.#frames.splice(0, count);
  }
}

/**
 * The ledger of `client`: a position may be committed when the client has acknowledged it.
 *
 * Acknowledgements are cumulative and only ever move forwards. When the last record that was sent is
 * acknowledged, so is everything after it that has no record: control records, compacted ones.
 */
export class AckLedger implements Ledger {
  readonly #partitions = new Map<number, AckedPartition>();
  readonly #waiting = new Set<() => void>();

  /** Records sent and not acknowledged. */
  get unacked(): number {
    let records = 0;
    for (const partition of this.#partitions.values()) records += partition.unacked;
    return records;
  }

  assigned(partition: number, offset: bigint): void {
    if (this.#partitions.get(partition)?.sent === offset) return;
    this.#partitions.set(partition, new AckedPartition(offset));
  }

  reached(partition: number, next: bigint, _atBytes: number, records: number): void {
    const own = this.#partitions.get(partition);
    if (own === undefined) return;
    if (records > 0) own.push({ next, records });
    own.sent = next;
    if (own.frames.length === 0) own.ack(next);
  }

  took(): void {}

  /**
   * The client has processed everything up to and including `offset`; returns the position that will
   * be committed for it.
   *
   * @throws {ProxyError} `fenced` for a partition that is not ours (any more), `bad_frame` for an
   * offset that was not sent
   */
  ack(topic: string, partition: number, offset: bigint): bigint {
    const own = this.#own(topic, partition);
    const next = offset + 1n;
    if (next > own.sent) {
      throw new ProxyError(
        "bad_frame",
        `Cannot acknowledge offset ${offset} of "${topic}" partition ${partition}: ` +
          `what was sent ends before ${own.sent}`,
      );
    }
    if (next > own.acked) {
      own.drop(next);
      own.ack(own.frames.length === 0 ? own.sent : next);
      for (const look of [...this.#waiting]) look();
    } else if (own.due === undefined || own.due < next) {
      // Known to us, and perhaps not to Kafka.
      own.due = next > own.start ? next : own.start;
    }
    return next;
  }

  /**
   * What was sent from `offset` on counts as not sent: it will be delivered again.
   *
   * @throws {ProxyError} `fenced`, `bad_frame` for an offset that was not sent, or is acknowledged
   */
  nack(topic: string, partition: number, offset: bigint): void {
    const own = this.#own(topic, partition);
    if (offset < own.acked || offset >= own.sent) {
      throw new ProxyError(
        "bad_frame",
        `Cannot deliver offset ${offset} of "${topic}" partition ${partition} again: what was ` +
          `sent and not acknowledged is ${own.acked} to ${own.sent - 1n}`,
      );
    }
    const kept = own.frames.filter(({ next }) => next <= offset);
    const cut = own.frames[kept.length];
    if (cut !== undefined) {
      // Of the frame that holds it, what comes before stays; with holes that is fewer records.
      const records = cut.records - Number(minimum(cut.next - offset, BigInt(cut.records)));
      if (records > 0) kept.push({ next: offset, records });
    }
    own.frames = kept;
    own.sent = offset;
  }

  /**
   * The client goes on at another offset; acknowledgements count from there. What it acknowledged
   * before will be committed nevertheless.
   */
  moved(partition: number, offset: bigint): void {
    const own = this.#partitions.get(partition);
    if (own === undefined) return;
    own.acked = own.sent = offset;
    own.frames = [];
    for (const look of [...this.#waiting]) look();
  }

  due(again = false): Map<number, bigint> {
    const entries = [...this.#partitions].filter(([, own]) => again || own.due !== own.committed);
    return new Map(entries.map(([partition, own]) => [partition, own.due ?? own.start]));
  }

  committed(positions: ReadonlyMap<number, bigint>): void {
    for (const [partition, next] of positions) {
      const own = this.#partitions.get(partition);
      if (own !== undefined) own.committed = next;
    }
  }

  /** Whether Kafka has this position, or a later one. */
  isCommitted(partition: number, next: bigint): boolean {
    const own = this.#partitions.get(partition);
    return own?.committed !== undefined && own.committed >= next;
  }

  /** Whether a partition is ours, so that its acknowledgements will be committed. */
  has(partition: number): boolean {
    return this.#partitions.has(partition);
  }

  keep(partitions: readonly number[]): void {
    for (const partition of [...this.#partitions.keys()]) {
      if (!partitions.includes(partition)) this.#partitions.delete(partition);
    }
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves when everything that was sent is acknowledged, the client gone, or time is up. */
  async settled(sink: FrameSink, timeoutMs: number): Promise<void> {
    if (this.unacked === 0 || sink.isClosed) return;
    const over = new AbortController();
    const look = () => {
      if (this.unacked === 0) over.abort();
    };
    this.#waiting.add(look);
    void sink.closed.then(() => over.abort());
    await sleep(timeoutMs, over.signal);
    this.#waiting.delete(look);
  }

  #own(topic: string, partition: number): AckedPartition {
    const own = this.#partitions.get(partition);
    if (own !== undefined) return own;
    throw new ProxyError(
      "fenced",
      `"${topic}" partition ${partition} is not this subscription's (any more)`,
    );
  }
}

function minimum(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
