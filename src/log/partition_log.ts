import type { Chunk } from "../core/chunk.ts";
import type { FetchAnswer, FetchTarget, Isolation, LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { Backoff } from "../stream/backoff.ts";
import { sleep } from "../stream/sleep.ts";
import type { ChunkCache } from "./chunk_cache.ts";
import { ChunkRow } from "./chunk_row.ts";
import { Convoy, type LogPosition } from "./convoy.ts";

/** What a partition log needs of its surroundings. */
export interface PartitionLogContext {
  readonly reader: LogReader;
  readonly cache: ChunkCache;
  /** Asks for records as they come, from the broker that leads the partition. */
  follow(log: PartitionLog, nodeId: number): void;
  /** Lets others have a new log: this one is of a topic that is no more. */
  replaced(log: PartitionLog): void;
  /** What one fetch of a partition may bring, in bytes. */
  readonly chunkBytes: number;
  /** What the cache has for each partition that is fetched from now, in bytes. */
  roomBytes(): number;
  /** How long Kafka may be away before readers are told, in ms. */
  readonly awayMs: number;
  readonly signal: AbortSignal;
}

/** How many cursors are where: waiting at the end, inside the cache, or reading by themselves. */
export interface CursorStates {
  live: number;
  cached: number;
  catchUp: number;
}

/** A topic must be unknown for so long, and so many times in a row, to count as deleted. */
const GONE_MS = 1_000;
const GONE_TIMES = 3;

/** Small chunks are joined into one of at most this part of what a fetch may bring. */
const JOINED_PARTS = 16;

/** Whoever waits for others looks again after so long, in ms. */
const LOOK_MS = 5;

/** A partition counts as being fetched from for so long after a fetch, in ms. */
const FETCHING_MS = 500;

/** Kafka is away, or does not let us in for now: it is asked again for a while. */
const AWAY: ReadonlySet<string> = new Set(["kafka_unavailable", "kafka_auth_failed"]);

/**
 * One partition as all cursors of this process share it: recently fetched chunks, at most one fetch
 * at a time for each stretch, and one live end.
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
  readonly #row: ChunkRow;
  readonly #convoy: Convoy;
  #fetchedMs = -Infinity;
  /** Bytes an offset takes, as the last chunk had it; 0 before there was one. */
  #offsetBytes = 0;
  /** The offset the long poll asks for; undefined while nobody is at the end. */
  #tail: bigint | undefined;
  /** Where the partition ended when the tail was read. */
  #end = 0n;
  /** Of the topic as it was first seen, where brokers have ids. */
  #topicId: string | undefined;
  #isRetired = false;
  /** The long poll ended badly: the topic may be another one by now, so look before the next fetch. */
  #isSuspect = false;

  constructor(
    topic: string,
    partition: number,
    isolation: Isolation,
    context: PartitionLogContext,
    topicId?: string,
  ) {
    this.#topicId = topicId;
    this.topic = topic;
    this.partition = partition;
    this.isolation = isolation;
    this.#context = context;
    this.#row = new ChunkRow(context.chunkBytes / JOINED_PARTS);
    this.#convoy = new Convoy(
      this.#row,
      this.#positions,
      (chunk) => context.cache.bytesOf(chunk),
    );
  }

  /** Cursors that read here. */
  get readers(): number {
    return this.#positions.size;
  }

  /** Whether somebody fetches from it, or did a moment ago. */
  get isFetching(): boolean {
    return this.#fetching.size > 0 || performance.now() - this.#fetchedMs < FETCHING_MS;
  }

  /** Counts, holds and lets go of its chunks. */
  get cache(): ChunkCache {
    return this.#context.cache;
  }

  /** Counts where the cursors are now. */
  countStates(states: CursorStates): void {
    for (const { offset } of this.#positions) {
      if (this.isLive(offset)) states.live++;
      else if (this.#row.covering(offset) !== undefined) states.cached++;
      else states.catchUp++;
    }
  }

  /** Counts a chunk given to a cursor, from the cache or fetched for it. */
  gave(fromCache: boolean): void {
    this.#context.cache.gave(fromCache);
  }

  attach(position: LogPosition): void {
    this.#positions.add(position);
  }

  detach(position: LogPosition): void {
    this.#positions.delete(position);
  }

  /** The cached chunk that covers an offset. */
  cached(offset: bigint): Chunk | undefined {
    const chunk = this.#row.covering(offset);
    if (chunk !== undefined) this.#context.cache.touch(chunk);
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
   * that it has not sent yet: backpressure is not being asked for. Undefined too while the first of
   * a crowd that is behind has to wait for the others.
   */
  liveTarget(): FetchTarget | undefined {
    const tail = this.#tail;
    if (tail === undefined || !this.#isWanted()) return undefined;
    const { topic, partition } = this;
    const { chunkBytes, roomBytes } = this.#context;
    if (tail < this.#end && this.#convoy.waitMs(tail, chunkBytes, roomBytes(), 0) > 0) {
      return undefined;
    }
    return { topic, partition, offset: tail, maxBytes: chunkBytes };
  }

  /** Takes what the long poll brought; false ends it for this partition. */
  accept(answer: FetchAnswer): boolean {
    if (answer.kind !== "chunk") {
      this.#isSuspect = true;
      return false;
    }
    const { chunk } = answer;
    if (chunk.from !== this.#tail) return true;
    if (chunk.next > chunk.from) {
      this.#insert(chunk);
      this.#tail = chunk.next;
      this.#end = chunk.end;
      // Those who keep up have left these two; who is behind gets them in one.
      this.#join(this.#row.length - 3);
      this.#wake();
    }
    return true;
  }

  /**
   * Makes few of the many small chunks from an offset on, as a trickle leaves them, so that they go
   * out in one frame; but none that another cursor would have to begin in the middle of.
   */
  gather(offset: bigint): void {
    let index = this.#row.indexBelow(offset);
    while (index >= 0 && index < this.#row.length - 1) if (!this.#join(index)) index++;
  }

  /**
   * Fetches from an offset, as often as it takes while leaders move and brokers restart; but waits
   * for what others fetch already, and for those behind when there is no room to run ahead of them.
   *
   * Shape: a chunk that covers the offset, and may begin before it; one whose `next` equals `offset`
   * means that the partition ends there for now.
   *
   * @throws {ProxyError} `out_of_range`, `topic_deleted`, `kafka_unavailable` (after `awayMs`),
   * `old_format`, `corrupt_batch`, `forbidden`, `leaving`
   */
  fetch(offset: bigint, maxBytes: number): Promise<Chunk> {
    let fetching = this.#fetching.get(offset);
    if (fetching === undefined) {
      fetching = this.#inStep(offset, maxBytes).finally(() => this.#fetching.delete(offset));
      this.#fetching.set(offset, fetching);
    }
    return fetching;
  }

  /** Starts the fetch that the reader of `chunk` will need next, unless it is at the end. */
  fetchAhead(chunk: Chunk, maxBytes: number): void {
    const { next } = chunk;
    if (next >= chunk.end || this.isLive(next) || this.cached(next) !== undefined) return;
    if (this.#waitMs(next, maxBytes, 0) > 0) return;
    this.fetch(next, maxBytes).catch(() => {
      // Nobody waits for it yet; the reader's own fetch reports what is wrong.
    });
  }

  /** @ignore Called by the cache. */
  evict(chunk: Chunk): void {
    this.#row.remove(chunk);
  }

  /** @ignore Called by the cache. */
  demand(): (chunk: Chunk) => number {
    return this.#convoy.demand();
  }

  /** Whether it is of the topic with this id, as far as ids are known. */
  isOf(topicId: string | undefined): boolean {
    this.#topicId ??= topicId;
    return topicId === undefined || this.#topicId === topicId;
  }

  /**
   * The topic was deleted and made again: offsets mean other records now, so that nothing that is
   * cached counts any more, and every cursor is told.
   */
  retire(): void {
    this.#isRetired = true;
    this.clear();
    this.endLive();
  }

  /** Lets go of everything that is cached. */
  clear(): void {
    for (const chunk of this.#row.clear()) this.#context.cache.remove(chunk);
  }

  async #inStep(offset: bigint, maxBytes: number): Promise<Chunk> {
    const { signal } = this.#context;
    const under = this.#underWay(offset, maxBytes);
    // Whoever asked for that meets its failure; here it only means to ask for ourselves.
    if (under !== undefined) await under.catch(() => {});
    const startMs = performance.now();
    for (let leftMs = 1; leftMs > 0 && !signal.aborted;) {
      const come = this.cached(offset);
      if (come !== undefined) return come;
      leftMs = this.#waitMs(offset, maxBytes, performance.now() - startMs);
      if (leftMs > 0) await sleep(Math.min(leftMs, LOOK_MS), signal);
    }
    return await this.#fetch(offset, maxBytes);
  }

  /** A fetch under way that will probably bring an offset, although it was not asked for it. */
  #underWay(offset: bigint, maxBytes: number): Promise<Chunk> | undefined {
    for (const [from, fetching] of this.#fetching) {
      const distance = Number(offset - from) * this.#offsetBytes;
      if (distance > 0 && distance < maxBytes) return fetching;
    }
    return undefined;
  }

  #waitMs(offset: bigint, maxBytes: number, waitedMs: number): number {
    return this.#convoy.waitMs(offset, maxBytes, this.#context.roomBytes(), waitedMs);
  }

  async #fetch(offset: bigint, maxBytes: number): Promise<Chunk> {
    const { reader, awayMs, signal } = this.#context;
    const backoff = new Backoff(20, 1_000);
    const startMs = performance.now();
    let gone = { sinceMs: 0, times: 0 };
    for (let fresh = this.#isSuspect;; fresh = true) {
      if (signal.aborted) throw new ProxyError("leaving", "The process is leaving");
      const outcome = await this.#fetchOnce(offset, maxBytes, fresh);
      const nowMs = performance.now();
      if (outcome.kind === "chunk") {
        this.#fetchedMs = nowMs;
        this.#insert(outcome.chunk);
        return this.cached(offset) ?? outcome.chunk;
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
      const { leaders, topicId } = await reader.topic(topic, { fresh });
      this.#isSuspect &&= !fresh;
      if (!this.isOf(topicId)) this.#context.replaced(this);
      if (this.#isRetired) return { kind: "failed", error: await this.#recreated(reader) };
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
      if (AWAY.has(known.code)) return { kind: "moved", reason: known.message };
      return { kind: "failed", error: known };
    }
  }

  async #outOfRange(offset: bigint, reader: LogReader): Promise<ProxyError> {
    const { partition } = this;
    const { earliest, end } = await this.#range(reader);
    // It ends before what was read of it: what is cached is of another log, if only of a lost one.
    if (end < offset) this.clear();
    return new ProxyError(
      "out_of_range",
      `Offset ${offset} of ${this.#name()} does not exist: it holds ${earliest} to ${end}`,
      { details: { partition, earliest: `${earliest}`, end: `${end}` } },
    );
  }

  async #recreated(reader: LogReader): Promise<ProxyError> {
    const { earliest, end } = await this.#range(reader);
    return new ProxyError(
      "topic_deleted",
      `${this.#name()} was deleted, and another topic has its name: it holds ${earliest} to ${end}`,
      { details: { partition: this.partition, earliest: `${earliest}`, end: `${end}` } },
    );
  }

  async #range(reader: LogReader): Promise<{ earliest: bigint; end: bigint }> {
    const { topic, partition, isolation } = this;
    const [earliest, end] = await Promise.all(
      (["earliest", "latest"] as const).map(async (at) =>
        (await reader.offsets(topic, [partition], at, isolation)).get(partition)!
      ),
    );
    return { earliest, end };
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
    let from = this.#tail!;
    for (let i = this.#row.length - 1; i >= 0 && bytes < this.#context.chunkBytes; i--) {
      const chunk = this.#row.at(i)!;
      bytes += chunk.bytes;
      from = chunk.from;
    }
    for (const { offset } of this.#positions) if (offset >= from) return true;
    return false;
  }

  #insert(chunk: Chunk): void {
    if (chunk.next === chunk.from || this.#isRetired) return;
    this.#offsetBytes = chunk.bytes / Number(chunk.next - chunk.from);
    const kept = this.#row.insert(chunk);
    if (kept !== undefined) this.#context.cache.add(kept, this);
  }

  #join(index: number): boolean {
    if (index < 0) return false;
    const done = this.#row.join(index, (offset) => this.#isBusy(offset));
    if (done === undefined) return false;
    const { cache } = this.#context;
    for (const part of done.parts) cache.remove(part);
    cache.add(done.joined, this);
    return true;
  }

  #isBusy(at: bigint): boolean {
    for (const { offset } of this.#positions) if (offset === at) return true;
    return false;
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

type Outcome =
  | { readonly kind: "chunk"; readonly chunk: Chunk }
  | { readonly kind: "moved" | "gone" | "out_of_range"; readonly reason: string }
  | { readonly kind: "failed"; readonly error: ProxyError };
