import { TokenBucket } from "./token_bucket.ts";

/**
 * A {@linkcode TokenBucket} for each key, of which at most `mostKeys` are remembered: when there are
 * more, those that are full again are forgotten, which changes nothing, and then the one that was
 * asked for longest ago.
 */
export class KeyedBuckets {
  readonly #perSecond: number;
  readonly #most: number;
  readonly #mostKeys: number;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(perSecond: number, most: number, mostKeys = 10_000) {
    this.#perSecond = perSecond;
    this.#most = most;
    this.#mostKeys = mostKeys;
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one from the key's bucket; false when it is empty. */
  take(key: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(key) ??
      new TokenBucket(this.#perSecond, this.#most, nowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const isTaken = bucket.take(1, nowMs);
    if (this.#buckets.size > this.#mostKeys) this.#forget(nowMs);
    return isTaken;
  }

  /** From the oldest on: at least one, and all in a row that are full. */
  #forget(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (this.#buckets.size <= this.#mostKeys && !bucket.isFull(nowMs)) return;
      this.#buckets.delete(key);
    }
  }
}
