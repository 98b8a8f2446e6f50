import type { Chunk } from "../core/chunk.ts";
import { MemoryBudget } from "../stream/memory_budget.ts";

/** Whose chunk it is: told when the cache lets go of it. */
export interface ChunkOwner {
  evict(chunk: Chunk): void;
  /** Tells how many readers are on their way to a chunk; good for one look at all chunks. */
  demand(): (chunk: Chunk) => number;
}

interface Entry {
  /** Undefined when it is not kept any more, and only somebody still holds it. */
  owner: ChunkOwner | undefined;
  bytes: number;
  touched: number;
  holders: number;
  lapsed: Set<() => void> | undefined;
}

/** An order of the chunks by warmth is good for so long, in ms. */
const ORDER_MS = 100;

/**
 * One budget of bytes for the chunks of all partition logs and the frames made from them.
 *
 * When it is spent the coldest go first: those nobody is on the way to, the longest unused before
 * the others; then those that the fewest are on the way to. By use alone a crowd that goes through a
 * log one after the other would keep warm what it has just left, and lose what it comes to next.
 *
 * What a session is just sending is held: it counts in the memory budget until it is let go of,
 * whether it is kept here or not.
 */
export class ChunkCache {
  readonly mostBytes: number;
  readonly #budget: MemoryBudget;
  readonly #entries = new Map<Chunk, Entry>();
  /** Coldest last. */
  #order: Chunk[] = [];
  #orderedMs = -Infinity;
  #orderedAt = 0;
  #clock = 0;
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  /**
   * @param mostBytes the most to keep
   * @param budget what it is part of; it may leave less
   */
  constructor(mostBytes: number, budget: MemoryBudget = new MemoryBudget(Infinity)) {
    this.mostBytes = mostBytes;
    this.#budget = budget;
    budget.onOver(() => this.#shrink());
  }

  /** Bytes of all chunks and frames kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Chunks that cursors found here. */
  get hits(): number {
    return this.#hits;
  }

  /** Chunks that cursors had to fetch. */
  get misses(): number {
    return this.#misses;
  }

  /** Counts a chunk given to a cursor. */
  gave(fromCache: boolean): void {
    if (fromCache) this.#hits++;
    else this.#misses++;
  }

  /** Keeps a chunk as the warmest. */
  add(chunk: Chunk, owner: ChunkOwner): void {
    const held = this.#entries.get(chunk);
    if (held === undefined) {
      this.#entries.set(chunk, {
        owner,
        bytes: chunk.bytes,
        touched: ++this.#clock,
        holders: 0,
        lapsed: undefined,
      });
      this.#keep(chunk.bytes);
    } else if (held.owner === undefined) {
      held.owner = owner;
      held.touched = ++this.#clock;
      this.#budget.hold(-held.bytes);
      this.#keep(held.bytes);
    }
    this.#shrink(chunk);
  }

  /** Makes a chunk the warmest again. */
  touch(chunk: Chunk): void {
    const entry = this.#entries.get(chunk);
    if (entry !== undefined) entry.touched = ++this.#clock;
  }

  /** Memory of a chunk and what was made from it, in bytes. */
  bytesOf(chunk: Chunk): number {
    return this.#entries.get(chunk)?.bytes ?? chunk.bytes;
  }

  /** Counts bytes that were made from a chunk and live as long as it does; it is in use, so warm. */
  charge(chunk: Chunk, bytes: number): void {
    const entry = this.#entries.get(chunk);
    if (entry === undefined) return;
    entry.touched = ++this.#clock;
    entry.bytes += bytes;
    if (entry.owner === undefined) return this.#budget.hold(bytes);
    this.#keep(bytes);
    this.#shrink(chunk);
  }

  /** Counts a chunk for as long as somebody needs it, kept or not. */
  hold(chunk: Chunk): void {
    let entry = this.#entries.get(chunk);
    if (entry === undefined) {
      const { bytes } = chunk;
      entry = { owner: undefined, bytes, touched: 0, holders: 0, lapsed: undefined };
      this.#entries.set(chunk, entry);
      this.#budget.hold(bytes);
    }
    entry.holders++;
  }

  /** Ends one {@linkcode hold}. */
  release(chunk: Chunk): void {
    const entry = this.#entries.get(chunk);
    if (entry === undefined || --entry.holders > 0 || entry.owner !== undefined) return;
    this.#entries.delete(chunk);
    this.#budget.hold(-entry.bytes);
  }

  /**
   * Calls `lapsed` once when the chunk is not kept any more: its memory is wanted, and who holds it
   * without haste should let go. At once, if it is not kept now.
   *
   * @returns takes the call back
   */
  onLapsed(chunk: Chunk, lapsed: () => void): () => void {
    const entry = this.#entries.get(chunk);
    if (entry?.owner === undefined) {
      lapsed();
      return () => {};
    }
    const all = entry.lapsed ??= new Set();
    all.add(lapsed);
    return () => void all.delete(lapsed);
  }

  /** Forgets a chunk without telling its owner. */
  remove(chunk: Chunk): void {
    const entry = this.#entries.get(chunk);
    if (entry?.owner === undefined) return;
    entry.owner = undefined;
    this.#keep(-entry.bytes);
    if (entry.holders > 0) this.#budget.hold(entry.bytes);
    else this.#entries.delete(chunk);
    const { lapsed } = entry;
    entry.lapsed = undefined;
    lapsed?.forEach((call) => call());
  }

  #keep(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.cache(bytes);
  }

  #shrink(newest?: Chunk): void {
    let isFresh = false;
    while (this.#bytes > Math.min(this.mostBytes, this.#budget.cacheLimitBytes)) {
      const chunk = this.#order.pop();
      const isOld = performance.now() - this.#orderedMs > ORDER_MS;
      if (chunk === undefined || (isOld && !isFresh)) {
        if (isFresh) return;
        isFresh = true;
        this.#sort();
        continue;
      }
      const entry = this.#entries.get(chunk);
      if (chunk === newest || entry?.owner === undefined) continue;
      if (entry.touched > this.#orderedAt) continue; // used since: where it stands is not known
      const { owner } = entry;
      this.remove(chunk);
      owner.evict(chunk);
    }
  }

  #sort(): void {
    const demands = new Map<ChunkOwner, (chunk: Chunk) => number>();
    const kept: { chunk: Chunk; demand: number; touched: number }[] = [];
    for (const [chunk, { owner, touched }] of this.#entries) {
      if (owner === undefined) continue;
      let demand = demands.get(owner);
      if (demand === undefined) demands.set(owner, demand = owner.demand());
      kept.push({ chunk, demand: demand(chunk), touched });
    }
    kept.sort((a, b) => b.demand - a.demand || b.touched - a.touched);
    this.#order = kept.map(({ chunk }) => chunk);
    this.#orderedMs = performance.now();
    this.#orderedAt = this.#clock;
  }
}
