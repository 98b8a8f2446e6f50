/** A request that is still on its way somewhere arrives within this time, in ms, or never. */
const LATE_MS = 600_000;

/**
 * Commits of this process of which it is not known whether Kafka took them, by pinned partition.
 *
 * A commit whose connection broke may arrive yet, even when its session has ended and a newer one of
 * this process has read the position: whoever finds it there later must not take it for somebody
 * else's. Each is forgotten after ten minutes, when the next is added.
 */
export class UnansweredCommits {
  /** When each was sent, the oldest first; by a clock that is not set. */
  readonly #sent = new Map<string, number>();

  /** How many there are. */
  get size(): number {
    return this.#sent.size;
  }

  /** Before a position (the next offset to read) is sent to Kafka. */
  add(key: string, next: bigint): void {
    const nowMs = performance.now();
    for (const [name, atMs] of this.#sent) {
      if (nowMs - atMs < LATE_MS) break;
      this.#sent.delete(name);
    }
    const name = nameOf(key, next);
    this.#sent.delete(name);
    this.#sent.set(name, nowMs);
  }

  /** Kafka has answered for this one. Older ones may arrive yet. */
  answered(key: string, next: bigint): void {
    this.#sent.delete(nameOf(key, next));
  }

  /** Whether this position may have been committed by this process. */
  has(key: string, next: bigint): boolean {
    return this.#sent.has(nameOf(key, next));
  }
}

/** Keys have blanks, and a number at their end: they stay apart. */
function nameOf(key: string, next: bigint): string {
  return `${key} ${next}`;
}
