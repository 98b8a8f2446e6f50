import type { Chunk, Slice } from "../core/chunk.ts";
import { Semaphore } from "../stream/semaphore.ts";
import type { Ticker } from "../stream/ticker.ts";
import type { LogPosition } from "./convoy.ts";
import type { PartitionLog } from "./partition_log.ts";

/** Fetched chunks one cursor holds that it has not yielded yet, over all its partitions. */
const FETCHES_AHEAD = 4;

/** A fetch of a cursor over many partitions brings at least so much of each, in bytes. */
const LEAST_FETCH_BYTES = 64 * 1024;

/** A fetch that takes longer waits for a leader, and lets other partitions go ahead. */
const TROUBLE_MS = 250;

/** Whose chunk's memory is wanted keeps it for so long while it waits for room, in ms. */
const LAPSE_MS = 250;

class PartitionPosition implements LogPosition {
  readonly log: PartitionLog;
  offset: bigint;
  movedMs = performance.now();
  ready: Slice | undefined;
  /** Counts in the memory budget: what is ready, or what was yielded and is being sent. */
  held: Chunk | undefined;
  /** The most to fetch at a time: less after chunks that it had to let go of. */
  mostBytes = Infinity;
  error: unknown;
  holdsPermit = false;
  trouble: ReturnType<typeof setTimeout> | undefined;
  readonly ending = new AbortController();

  constructor(log: PartitionLog, offset: bigint) {
    this.log = log;
    this.offset = offset;
  }

  /** Counts a chunk as held instead of the one before. */
  hold(chunk: Chunk | undefined): void {
    if (chunk === this.held) return;
    if (chunk !== undefined) this.log.cache.hold(chunk);
    if (this.held !== undefined) this.log.cache.release(this.held);
    this.held = chunk;
  }
}

/** What a cursor needs to know. */
export interface CursorContext {
  /** What one fetch of a partition may bring, in bytes. */
  readonly chunkBytes: number;
  /** When to take what has come, for a cursor that keeps up; absent is at once. */
  readonly linger?: Ticker;
  /** Logs that it reads no more. */
  readonly onClose: (logs: PartitionLog[]) => void;
}

/**
 * A position in each of some partitions, and what comes after it.
 *
 * Order: by offset within a partition; partitions take turns. Delivery: every record from the
 * start position on, exactly once per cursor. Backpressure: nothing is read before it is pulled,
 * but for one chunk ahead of a cursor that pulls. Cancellation: {@linkcode close} settles a
 * waiting pull at once with the end.
 */
export class Cursor implements AsyncIterable<Slice> {
  readonly #positions = new Map<number, PartitionPosition>();
  /** Those that nothing reads for now, who has waited longest first: a pull looks at no others. */
  readonly #due = new Set<PartitionPosition>();
  readonly #context: CursorContext;
  readonly #permits = new Semaphore(FETCHES_AHEAD);
  readonly #closing = new AbortController();
  /** The partition whose slice was yielded last, and may still be in use. */
  #yielded: PartitionPosition | undefined;
  #wake: (() => void) | undefined;

  constructor(
    starts: Iterable<readonly [PartitionLog, bigint]>,
    context: CursorContext,
  ) {
    this.#context = context;
    for (const [log, offset] of starts) this.add(log, offset);
  }

  /** The partitions this cursor reads now. */
  get partitions(): number[] {
    return [...this.#positions.keys()];
  }

  /** Starts to read one partition more. */
  add(log: PartitionLog, offset: bigint): void {
    if (this.#closing.signal.aborted) return;
    const position = new PartitionPosition(log, offset);
    this.#positions.set(log.partition, position);
    this.#due.add(position);
    log.attach(position);
    this.#wake?.();
  }

  /** Stops reading a partition; what was yielded of it is the caller's to forget. */
  remove(partition: number): void {
    const position = this.#positions.get(partition);
    if (position === undefined) return;
    this.#positions.delete(partition);
    this.#end(position);
    this.#context.onClose([position.log]);
  }

  /**
   * Waits for `until` with a slice in hand, the one yielded last. False when its memory was wanted
   * elsewhere meanwhile: then it is to be let go of, and its partition {@linkcode rewind}ed.
   */
  whileKept({ chunk }: Slice, until: Promise<void>): Promise<boolean> {
    const cache = this.#positions.get(chunk.partition)?.log.cache;
    if (cache === undefined) return until.then(() => true);
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const forget = cache.onLapsed(chunk, () => timer = setTimeout(resolve, LAPSE_MS, false));
      until.then(() => resolve(true), reject).finally(() => {
        forget();
        clearTimeout(timer);
      });
    });
  }

  /** Gives up the slice yielded last: its partition goes on from an offset inside it. */
  rewind(partition: number, offset: bigint): void {
    const position = this.#positions.get(partition);
    if (position === undefined) return;
    position.offset = offset;
    const { chunkBytes } = this.#context;
    const least = Math.min(LEAST_FETCH_BYTES, chunkBytes);
    position.mostBytes = Math.max(Math.floor(this.#fetchBytes(position) / 2), least);
    position.hold(undefined);
    this.#yielded = undefined;
  }

  /** Whether another cursor reads the partition too, so that its frames are worth keeping. */
  isShared(partition: number): boolean {
    return (this.#positions.get(partition)?.log.readers ?? 0) > 1;
  }

  /**
   * The next run of records, as soon as there is one; undefined after {@linkcode close}.
   *
   * @throws {ProxyError} what makes a partition unreadable: `out_of_range`, `topic_deleted`,
   * `kafka_unavailable`, `old_format`, `corrupt_batch`, `forbidden`
   */
  async next(): Promise<Slice | undefined> {
    for (;;) {
      if (this.#closing.signal.aborted) return undefined;
      this.#finish();
      const slice = this.#take();
      if (slice !== undefined) return slice;
      const woken = new Promise<void>((resolve) => this.#wake = resolve);
      const due = [...this.#due];
      this.#due.clear();
      for (const position of due) void this.#read(position);
      await woken;
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Slice> {
    return {
      next: async () => {
        const value = await this.next();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** Ends it; a pull that waits gets the end. May be called again. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    for (const position of this.#positions.values()) this.#end(position);
    this.#context.onClose([...this.#positions.values()].map(({ log }) => log));
    this.#wake?.();
  }

  /** What is there already, from the partition whose turn it is. */
  #take(): Slice | undefined {
    for (const position of this.#due) {
      if (position.error !== undefined) throw position.error;
      const slice = position.ready ?? cached(position);
      if (slice === undefined) continue;
      // Behind the others.
      this.#due.delete(position);
      this.#due.add(position);
      position.log.gave(position.ready === undefined);
      position.ready = undefined;
      position.hold(slice.chunk);
      this.#yielded = position;
      position.offset = slice.chunk.next;
      position.movedMs = performance.now();
      this.#giveBack(position);
      // Who had to let go of chunks would have to let go of the next one too.
      if (position.mostBytes >= this.#context.chunkBytes) {
        position.log.fetchAhead(slice.chunk, this.#fetchBytes(position));
      }
      return slice;
    }
    return undefined;
  }

  /** Lets go of the slice yielded last, which is sent by now. */
  #finish(): void {
    const position = this.#yielded;
    if (position === undefined) return;
    this.#yielded = undefined;
    position.hold(undefined);
    position.mostBytes *= 2;
  }

  /** Brings one partition's next run of records into reach, however long that takes. */
  async #read(position: PartitionPosition): Promise<void> {
    const { log, ending: { signal } } = position;
    try {
      while (!signal.aborted) {
        if (log.cached(position.offset) !== undefined) break;
        if (log.isLive(position.offset)) {
          await log.wait(signal);
          await this.#linger(position);
          continue;
        }
        const chunk = await this.#fetch(position);
        if (chunk === undefined || signal.aborted) break;
        if (chunk.next > position.offset) {
          position.ready = { chunk, from: position.offset };
          position.hold(chunk);
          break;
        }
        this.#giveBack(position);
        await log.goLive(position.offset);
      }
    } catch (error) {
      position.error = error;
      this.#giveBack(position);
    } finally {
      if (signal.aborted) this.#giveBack(position);
      else this.#due.add(position);
      this.#wake?.();
    }
  }

  /** Waits for more than what has just come to the live end. */
  async #linger({ log, offset, ending: { signal } }: PartitionPosition): Promise<void> {
    const { linger } = this.#context;
    if (linger === undefined || log.cached(offset) === undefined) return;
    await linger.next(signal);
    log.gather(offset);
  }

  #end(position: PartitionPosition): void {
    this.#due.delete(position);
    position.ending.abort();
    clearTimeout(position.trouble);
    position.log.detach(position);
    position.hold(undefined);
    this.#giveBack(position);
  }

  /**
   * Fetches with a permit, kept until the chunk is taken; a partition in trouble holds up no other.
   * Undefined when the partition was ended while it waited for the permit.
   */
  async #fetch(position: PartitionPosition): Promise<Chunk | undefined> {
    const { log, offset, ending: { signal } } = position;
    const bytes = this.#fetchBytes(position);
    if (this.#positions.size <= FETCHES_AHEAD) return await log.fetch(offset, bytes);
    await this.#permits.acquire();
    position.holdsPermit = true;
    if (signal.aborted) return undefined;
    position.trouble = setTimeout(() => this.#giveBack(position), TROUBLE_MS);
    try {
      return await log.fetch(offset, bytes);
    } finally {
      clearTimeout(position.trouble);
    }
  }

  #giveBack(position: PartitionPosition): void {
    if (!position.holdsPermit) return;
    position.holdsPermit = false;
    this.#permits.release();
  }

  #fetchBytes({ mostBytes }: PartitionPosition): number {
    const { chunkBytes } = this.#context;
    const share = Math.floor(chunkBytes / Math.min(this.#positions.size, FETCHES_AHEAD));
    return Math.min(Math.max(share, Math.min(LEAST_FETCH_BYTES, chunkBytes)), mostBytes);
  }
}

function cached({ log, offset }: PartitionPosition): Slice | undefined {
  const chunk = log.cached(offset);
  return chunk && { chunk, from: offset };
}
