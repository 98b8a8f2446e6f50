import type { Chunk } from "../core/chunk.ts";
import type { FetchAnswer, FetchTarget, Isolation, LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { Backoff } from "../stream/backoff.ts";
import { sleep } from "../stream/sleep.ts";
import type { ChunkCache } from "./chunk_cache.ts";

/** Where a cursor stands in one partition. */
export interface LogPosition {
  readonly offset: bigint;
}

/** What a partition log needs of its surroundings. */
export interface PartitionLogContext {
  readonly reader: LogReader;
  readonly cache: ChunkCache;
  /** Asks for records as they come, from the broker that leads the partition. */
  follow(log: PartitionLog, nodeId: number): void;
  /** What one fetch of a partition may bring, in bytes. */
  readonly chunkBytes: number;
  /** How long Kafka may be away before readers are told, in ms. */
  readonly awayMs: number;
  readonly signal: AbortSignal;
}

/** A topic must be unknown for so long, and so many times in a row, to count as deleted. */
const GONE_MS = 1_000;
const GONE_TIMES = 3;

/**
 * One partition as all cursors of this process share it: recently fetched chunks, at most one fetch
 * at a time for each offset, and one live end.
 *
 * A cursor finds its offset in the cache; or it is at the live end and waits for the long poll that
 * all live partitions of a broker share; or it fetches by itself, and what it brings serves those
 * who come after it.
 */
export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly isolation: Isolation;
  readonly #context: PartitionLogContext;
  readonly #positions = new Set<LogPosition>();
  readonly #waiting = new Set<() => void>();
  readonly #fetching = new Map<bigint, Promise<Chunk>>();
  /** Ascending, not overlapping; there may be holes between them. */
  readonly #chunks: Chunk[] = [];
  /** The offset the long poll asks for; undefined while nobody is at the end. */
  #tail: bigint | undefined;

  constructor(
    topic: string,
    partition: number,
    isolation: Isolation,
    context: PartitionLogContext,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.isolation = isolation;
    this.#context = context;
  }

  /** Cursors that read here. */
  get readers(): number {
    return this.#positions.size;
  }

  attach(position: LogPosition): void {
    this.#positions.add(position);
  }

  detach(position: LogPosition): void {
    this.#positions.delete(position);
  }

  /** The cached chunk that covers an offset. */
  cached(offset: bigint): Chunk | undefined {
    const chunk = this.#chunks[this.#indexBelow(offset)];
    if (chunk === undefined || offset >= chunk.next) return undefined;
    this.#context.cache.touch(chunk);
    return chunk;
  }

  /** Whether the long poll will bring this offset. */
  isLive(offset: bigint): boolean {
    return this.#tail !== undefined && offset >= this.#tail;
  }

  /** Resolves when the live end has moved or is no more, or when `signal` is aborted. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting.delete(end);
        signal.removeEventListener("abort", end);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#waiting.add(end);
      signal.addEventListener("abort", end);
    });
  }

  /** Makes the end of the partition, seen by a fetch that found nothing, the live end. */
  async goLive(offset: bigint): Promise<void> {
    if (this.#tail !== undefined || this.#context.signal.aborted) return;
    this.#tail = offset;
    try {
      const { leaders } = await this.#context.reader.topic(this.topic);
      const leader = leaders.get(this.partition);
      if (leader === undefined) this.endLive();
      else this.#context.follow(this, leader);
    } catch {
      // The reader's next fetch meets the same trouble and knows how to report it.
      this.endLive();
    }
  }

  /** The long poll has ended for this partition; those who wait fetch by themselves. */
  endLive(): void {
    this.#tail = undefined;
    this.#wake();
  }

  /**
   * What the long poll is to ask for, or undefined while every cursor is busy with a chunk or more
   * that it has not sent yet: backpressure is not being asked for.
   */
  liveTarget(): FetchTarget | undefined {
    if (this.#tail === undefined || !this.#isWanted()) return undefined;
    const { topic, partition } = this;
    return { topic, partition, offset: this.#tail, maxBytes: this.#context.chunkBytes };
  }

  /** Takes what the long poll brought; false ends it for this partition. */
  accept(answer: FetchAnswer): boolean {
    if (answer.kind !== "chunk") return false;
    const { chunk } = answer;
    if (chunk.from !== this.#tail) return true;
    if (chunk.next > chunk.from) {
      this.#insert(chunk);
      this.#tail = chunk.next;
      this.#wake();
    }
    return true;
  }

  /**
   * Fetches from an offset, as often as it takes while leaders move and brokers restart.
   *
   * Shape: a chunk whose `next` equals `offset` means that the partition ends there for now.
   *
   * @throws {ProxyError} `out_of_range`, `topic_deleted`, `kafka_unavailable` (after `awayMs`),
   * `old_format`, `corrupt_batch`, `forbidden`, `leaving`
   */
  fetch(offset: bigint, maxBytes: number): Promise<Chunk> {
    let fetching = this.#fetching.get(offset);
    if (fetching === undefined) {
      fetching = this.#fetch(offset, maxBytes).finally(() => this.#fetching.delete(offset));
      this.#fetching.set(offset, fetching);
    }
    return fetching;
  }

  /** Starts the fetch that the reader of `chunk` will need next, unless it is at the end. */
  fetchAhead(chunk: Chunk, maxBytes: number): void {
    const { next } = chunk;
    if (next >= chunk.end || this.isLive(next) || this.cached(next) !== undefined) return;
    this.fetch(next, maxBytes).catch(() => {
      // Nobody waits for it yet; the reader's own fetch reports what is wrong.
    });
  }

  /** @ignore Called by the cache. */
  evict(chunk: Chunk): void {
    const index = this.#indexBelow(chunk.from);
    if (this.#chunks[index] === chunk) this.#chunks.splice(index, 1);
  }

  /** Lets go of everything that is cached. */
  clear(): void {
    for (const chunk of this.#chunks.splice(0)) this.#context.cache.remove(chunk);
  }

  async #fetch(offset: bigint, maxBytes: number): Promise<Chunk> {
    const { reader, awayMs, signal } = this.#context;
    const backoff = new Backoff(20, 1_000);
    const startMs = performance.now();
    let gone = { sinceMs: 0, times: 0 };
    for (let fresh = false;; fresh = true) {
      if (signal.aborted) throw new ProxyError("leaving", "The process is leaving");
      const outcome = await this.#fetchOnce(offset, maxBytes, fresh);
      const nowMs = performance.now();
      if (outcome.kind === "chunk") {
        this.#insert(outcome.chunk);
        return outcome.chunk;
      }
      if (outcome.kind === "failed") throw outcome.error;
      if (outcome.kind === "out_of_range") throw await this.#outOfRange(offset, reader);
      if (outcome.kind === "gone") {
        gone = { sinceMs: gone.sinceMs || nowMs, times: gone.times + 1 };
        if (gone.times >= GONE_TIMES && nowMs - gone.sinceMs >= GONE_MS) throw this.#deleted();
      } else {
        gone = { sinceMs: 0, times: 0 };
        if (nowMs - startMs > awayMs) {
          throw new ProxyError(
            "kafka_unavailable",
            `${this.#name()} could not be read for ${
              Math.round(awayMs / 1000)
            } s: ${outcome.reason}`,
          );
        }
      }
      await sleep(backoff.next(), signal);
    }
  }

  async #fetchOnce(offset: bigint, maxBytes: number, fresh: boolean): Promise<Outcome> {
    const { reader } = this.#context;
    const { topic, partition, isolation } = this;
    try {
      const { leaders } = await reader.topic(topic, { fresh });
      if (!leaders.has(partition)) return { kind: "gone", reason: "no such partition" };
      const leader = leaders.get(partition);
      if (leader === undefined) return { kind: "moved", reason: "it has no leader" };
      const target = { topic, partition, offset, maxBytes };
      const [answer] = await reader.fetch(leader, [target], { isolation, waitMs: 0 });
      if (answer === undefined) {
        return { kind: "moved", reason: "the broker left it out of its answer" };
      }
      // The metadata's word counts, which is asked for anew: one broker may know a topic later than
      // the others, when it is new or the broker has just started.
      return answer.kind === "gone" ? { kind: "moved", reason: answer.reason } : answer;
    } catch (error) {
      const known = ProxyError.from(error);
      if (known.code === "unknown_topic") return { kind: "gone", reason: known.message };
      if (known.code === "kafka_unavailable") return { kind: "moved", reason: known.message };
      return { kind: "failed", error: known };
    }
  }

  async #outOfRange(offset: bigint, reader: LogReader): Promise<ProxyError> {
    const { topic, partition, isolation } = this;
    const [earliest, end] = await Promise.all(
      (["earliest", "latest"] as const).map(async (at) =>
        (await reader.offsets(topic, [partition], at, isolation)).get(partition)
      ),
    );
    return new ProxyError(
      "out_of_range",
      `Offset ${offset} of ${this.#name()} does not exist: it holds ${earliest} to ${end}`,
      { details: { partition, earliest: `${earliest}`, end: `${end}` } },
    );
  }

  #deleted(): ProxyError {
    return new ProxyError("topic_deleted", `${this.#name()} does not exist any more`);
  }

  #name(): string {
    return `"${this.topic}" partition ${this.partition}`;
  }

  /** Whether some cursor has less than a chunk left to read before the live end. */
  #isWanted(): boolean {
    if (this.#waiting.size > 0) return true;
    let bytes = 0;
    let from = this.#tail;
    for (let i = this.#chunks.length - 1; i >= 0 && bytes < this.#context.chunkBytes; i--) {
      bytes += this.#chunks[i].bytes;
      from = this.#chunks[i].from;
    }
    for (const { offset } of this.#positions) if (offset >= from!) return true;
    return false;
  }

  #insert(chunk: Chunk): void {
    if (chunk.next === chunk.from) return;
    const below = this.#indexBelow(chunk.from);
    const before = this.#chunks[below];
    const after = this.#chunks[below + 1];
    if (before !== undefined && before.next > chunk.from) return;
    if (after !== undefined && after.from < chunk.next) return;
    this.#chunks.splice(below + 1, 0, chunk);
    this.#context.cache.add(chunk, this);
  }

  /** Index of the last chunk that begins at or before an offset; -1 when there is none. */
  #indexBelow(offset: bigint): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#chunks[middle].from <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

type Outcome =
  | { readonly kind: "chunk"; readonly chunk: Chunk }
  | { readonly kind: "moved" | "gone" | "out_of_range"; readonly reason: string }
  | { readonly kind: "failed"; readonly error: ProxyError };
