/**
 * An allowance that fills at so much a second, up to one filling; taking more than is there fails and
 * takes nothing.
 *
 * @example
 * ```ts
 * import { TokenBucket } from "./token_bucket.ts";
 *
 * const bucket = new TokenBucket(2, 2, 0);
 * console.assert(bucket.take(2, 0) && !bucket.take(1, 0) && bucket.take(1, 500));
 * ```
 */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #most: number;
  #left: number;
  #atMs: number;

  /** @param most what it holds when it is full, as it is at first */
  constructor(perSecond: number, most: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#most = most;
    this.#left = most;
    this.#atMs = nowMs;
  }

  /** Takes so much, or nothing when there is less. The clock must not go back. */
  take(amount: number, nowMs: number): boolean {
    this.#fill(nowMs);
    if (amount > this.#left) return false;
    this.#left -= amount;
    return true;
  }

  /** Whether it is as good as new: forgetting it changes nothing. */
  isFull(nowMs: number): boolean {
    this.#fill(nowMs);
    return this.#left >= this.#most;
  }

  #fill(nowMs: number): void {
    const filled = this.#left + (nowMs - this.#atMs) / 1_000 * this.#perSecond;
    this.#left = Math.min(filled, this.#most);
    this.#atMs = nowMs;
  }
}
