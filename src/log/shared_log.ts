import type { Isolation, LogReader } from "../core/ports.ts";
import type { MemoryBudget } from "../stream/memory_budget.ts";
import { Ticker } from "../stream/ticker.ts";
import { ChunkCache } from "./chunk_cache.ts";
import { Cursor } from "./cursor.ts";
import { LivePoll } from "./live_poll.ts";
import { type CursorStates, PartitionLog, type PartitionLogContext } from "./partition_log.ts";

/** How the shared log uses memory and time. */
export interface SharedLogOptions {
  /** The most that cached chunks and frames may take, in bytes. */
  readonly cacheBytes: number;
  /** What they are part of, with all else that holds records. */
  readonly budget?: MemoryBudget;
  /** What one fetch of a partition may bring, in bytes. */
  readonly chunkBytes?: number;
  /** How long Kafka may be away before readers are told, in ms. */
  readonly awayMs?: number;
}

/** How a cursor reads. */
export interface CursorOptions {
  /**
   * A cursor that keeps up waits so long for more before it takes what has come, in ms, so that
   * records share frames; 0 takes each at once. One that is behind does not wait.
   *
   * @default {0}
   */
  readonly lingerMs?: number;
}

/** Of the cache, so much is for what cursors have before them; the rest for those who come back. */
const CONVOY_SHARE = 1 / 2;

/** A partition's cache outlives its last cursor by so much: for those who come right back. */
const LINGER_MS = 2_000;

/** The partition logs of this process; whoever wants to read asks for a cursor. */
export class SharedLog {
  readonly cache: ChunkCache;
  readonly #reader: LogReader;
  readonly #chunkBytes: number;
  readonly #logs = new Map<string, PartitionLog>();
  readonly #polls = new Map<string, LivePoll>();
  readonly #lingering = new Map<PartitionLog, ReturnType<typeof setTimeout>>();
  readonly #tickers = new Map<number, Ticker>();
  readonly #closing = new AbortController();
  readonly #context: PartitionLogContext;

  constructor(reader: LogReader, options: SharedLogOptions) {
    const { cacheBytes, budget, chunkBytes = 1 << 20, awayMs = 60_000 } = options;
    this.#reader = reader;
    this.#chunkBytes = chunkBytes;
    this.cache = new ChunkCache(cacheBytes, budget);
    this.#context = {
      reader,
      cache: this.cache,
      chunkBytes,
      roomBytes: () => this.#roomBytes(),
      awayMs,
      signal: this.#closing.signal,
      follow: (log, nodeId) => this.#poll(nodeId, log.isolation).add(log),
      replaced: (log) => this.#forget(log),
    };
  }

  /** Partition logs that exist now. */
  get size(): number {
    return this.#logs.size;
  }

  /** Where the cursors of all logs are now. */
  get cursorStates(): CursorStates {
    const states = { live: 0, cached: 0, catchUp: 0 };
    for (const log of this.#logs.values()) log.countStates(states);
    return states;
  }

  /** A cursor over partitions of a topic, each from its own offset, inclusive. */
  open(
    topic: string,
    starts: ReadonlyMap<number, bigint>,
    isolation: Isolation,
    { lingerMs = 0 }: CursorOptions = {},
  ): Cursor {
    const logs = [...starts].map(([partition, offset]): [PartitionLog, bigint] => [
      this.log(topic, partition, isolation),
      offset,
    ]);
    return new Cursor(logs, {
      chunkBytes: this.#chunkBytes,
      linger: lingerMs > 0 ? this.#ticker(lingerMs) : undefined,
      onClose: (closed) => closed.forEach((log) => this.#left(log)),
    });
  }

  /**
   * The log of one partition, made when it is not there. With a topic's id as it is known now, the
   * log of an earlier topic of that name is no more.
   */
  log(topic: string, partition: number, isolation: Isolation, topicId?: string): PartitionLog {
    const key = keyOf(topic, partition, isolation);
    let log = this.#logs.get(key);
    if (log?.isOf(topicId) === false) {
      this.#forget(log);
      log = undefined;
    }
    if (log === undefined) {
      log = new PartitionLog(topic, partition, isolation, this.#context, topicId);
      this.#logs.set(key, log);
    }
    clearTimeout(this.#lingering.get(log));
    this.#lingering.delete(log);
    return log;
  }

  /** Ends all polls and forgets all chunks; cursors that wait get an error. */
  close(): void {
    this.#closing.abort();
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    this.#lingering.clear();
    for (const log of this.#logs.values()) {
      log.endLive();
      log.clear();
    }
    this.#logs.clear();
  }

  #left(log: PartitionLog): void {
    if (log.readers > 0 || this.#closing.signal.aborted || this.#lingering.has(log)) return;
    const timer = setTimeout(() => {
      this.#lingering.delete(log);
      if (log.readers === 0) this.#forget(log);
    }, LINGER_MS);
    this.#lingering.set(log, timer);
  }

  /** Whoever comes from now on gets another log; those who read here are told when they go on. */
  #forget(log: PartitionLog): void {
    const key = keyOf(log.topic, log.partition, log.isolation);
    if (this.#logs.get(key) === log) this.#logs.delete(key);
    log.retire();
  }

  /** One for all who linger as long: they take the same records at a time, in the same frames. */
  #ticker(lingerMs: number): Ticker {
    let ticker = this.#tickers.get(lingerMs);
    if (ticker === undefined) this.#tickers.set(lingerMs, ticker = new Ticker(lingerMs));
    return ticker;
  }

  #roomBytes(): number {
    let fetching = 0;
    for (const log of this.#logs.values()) if (log.isFetching) fetching++;
    return this.cache.mostBytes * CONVOY_SHARE / Math.max(fetching, 1);
  }

  #poll(nodeId: number, isolation: Isolation): LivePoll {
    const key = `${nodeId}/${isolation}`;
    let poll = this.#polls.get(key);
    if (poll === undefined) {
      poll = new LivePoll(nodeId, isolation, this.#reader, this.#closing.signal);
      this.#polls.set(key, poll);
    }
    return poll;
  }
}

function keyOf(topic: string, partition: number, isolation: Isolation): string {
  return `${topic}/${partition}/${isolation}`;
}
