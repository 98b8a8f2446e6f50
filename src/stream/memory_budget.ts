/** Of the budget, so much is always left to the cache; in parts. */
const CACHE_PARTS = 8;

/**
 * One budget of bytes for all that holds records: what can be let go of, and what cannot before
 * somebody has taken it. When it is spent the first gives way to the second; when the second alone
 * spends it, nobody new is to be let in.
 */
export class MemoryBudget {
  readonly limitBytes: number;
  #heldBytes = 0;
  #cachedBytes = 0;
  #onOver: () => void = () => {};

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Bytes that nobody can let go of: under way to clients, or just being sent. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** All bytes that count. */
  get bytes(): number {
    return this.#heldBytes + this.#cachedBytes;
  }

  /** Bytes that may be kept without need now. */
  get cacheLimitBytes(): number {
    return Math.max(this.limitBytes - this.#heldBytes, 0);
  }

  /** Whether what cannot be let go of leaves next to nothing for the cache. */
  get isSpent(): boolean {
    return this.#heldBytes >= this.limitBytes - this.limitBytes / CACHE_PARTS;
  }

  /** What to do when there is more than the limit; there is one who can do something. */
  onOver(giveWay: () => void): void {
    this.#onOver = giveWay;
  }

  /** Counts bytes in that cannot be let go of; negative ones out. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (bytes > 0 && this.bytes > this.limitBytes) this.#onOver();
  }

  /** Counts bytes in that can be let go of; negative ones out. */
  cache(bytes: number): void {
    this.#cachedBytes += bytes;
  }
}
