import type { Chunk } from "../core/chunk.ts";

/** Whose chunk it is: told when the cache lets go of it. */
export interface ChunkOwner {
  evict(chunk: Chunk): void;
}

interface Entry {
  readonly owner: ChunkOwner;
  bytes: number;
}

/**
 * One budget of bytes for the chunks of all partition logs and the frames made from them: when it
 * is spent the coldest chunks go first. What a session is just sending is not counted here; the
 * size of a fetch bounds it.
 */
export class ChunkCache {
  readonly #budgetBytes: number;
  readonly #entries = new Map<Chunk, Entry>();
  #bytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** Bytes of all chunks and frames kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a chunk as the warmest. */
  add(chunk: Chunk, owner: ChunkOwner): void {
    this.#entries.set(chunk, { owner, bytes: chunk.bytes });
    this.#bytes += chunk.bytes;
    this.#shrink(chunk);
  }

  /** Makes a chunk the warmest again. */
  touch(chunk: Chunk): void {
    const entry = this.#entries.get(chunk);
    if (entry === undefined) return;
    this.#entries.delete(chunk);
    this.#entries.set(chunk, entry);
  }

  /** Counts bytes that were made from a chunk and live as long as it does; it is in use, so warm. */
  charge(chunk: Chunk, bytes: number): void {
    const entry = this.#entries.get(chunk);
    if (entry === undefined) return;
    this.touch(chunk);
    entry.bytes += bytes;
    this.#bytes += bytes;
    this.#shrink(chunk);
  }

  /** Forgets a chunk without telling its owner. */
  remove(chunk: Chunk): void {
    const entry = this.#entries.get(chunk);
    if (entry === undefined) return;
    this.#entries.delete(chunk);
    this.#bytes -= entry.bytes;
  }

  #shrink(newest: Chunk): void {
    for (const [chunk, { owner }] of this.#entries) {
      if (this.#bytes <= this.#budgetBytes || chunk === newest) return;
      this.remove(chunk);
      owner.evict(chunk);
    }
  }
}
