import type { Isolation, LogReader } from "../core/ports.ts";
import { ChunkCache } from "./chunk_cache.ts";
import { Cursor } from "./cursor.ts";
import { LivePoll } from "./live_poll.ts";
import { PartitionLog, type PartitionLogContext } from "./partition_log.ts";

/** How the shared log uses memory and time. */
export interface SharedLogOptions {
  /** Budget of all cached chunks and frames, in bytes. */
  readonly cacheBytes: number;
  /** What one fetch of a partition may bring, in bytes. */
  readonly chunkBytes?: number;
  /** How long Kafka may be away before readers are told, in ms. */
  readonly awayMs?: number;
}

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
  readonly #closing = new AbortController();
  readonly #context: PartitionLogContext;

  constructor(reader: LogReader, options: SharedLogOptions) {
    const { cacheBytes, chunkBytes = 1 << 20, awayMs = 60_000 } = options;
    this.#reader = reader;
    this.#chunkBytes = chunkBytes;
    this.cache = new ChunkCache(cacheBytes);
    this.#context = {
      reader,
      cache: this.cache,
      chunkBytes,
      awayMs,
      signal: this.#closing.signal,
      follow: (log, nodeId) => this.#poll(nodeId, log.isolation).add(log),
    };
  }

  /** Partition logs that exist now. */
  get size(): number {
    return this.#logs.size;
  }

  /** A cursor over partitions of a topic, each from its own offset, inclusive. */
  open(topic: string, starts: ReadonlyMap<number, bigint>, isolation: Isolation): Cursor {
    const logs = [...starts].map(([partition, offset]): [PartitionLog, bigint] => [
      this.log(topic, partition, isolation),
      offset,
    ]);
    return new Cursor(logs, this.#chunkBytes, (closed) => closed.forEach((log) => this.#left(log)));
  }

  /** The log of one partition, made when it is not there. */
  log(topic: string, partition: number, isolation: Isolation): PartitionLog {
    const key = keyOf(topic, partition, isolation);
    let log = this.#logs.get(key);
    if (log === undefined) {
      log = new PartitionLog(topic, partition, isolation, this.#context);
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
      if (log.readers > 0) return;
      this.#logs.delete(keyOf(log.topic, log.partition, log.isolation));
      log.clear();
    }, LINGER_MS);
    this.#lingering.set(log, timer);
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
