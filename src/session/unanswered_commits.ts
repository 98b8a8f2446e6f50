/** A request that is still on its way somewhere arrives within this time, in ms, or never. */
const LATE_MS = 600_000;

/** Tries to commit one position that had no answer. */
interface Unanswered {
  readonly tries: number;
  /** When the last was sent, by a clock that is not set. */
  readonly atMs: number;
}

/**
 * Commits of this process of which it is not known whether Kafka took them, by pinned partition.
 *
 * A commit whose connection broke may arrive yet, even when its session has ended and a newer one of
 * this process has read the position: whoever finds it there later must not take it for somebody
 * else's. An answer is one try's: another one of the same position, whose connection broke before,
 * may arrive after it. Each is forgotten after ten minutes, when the next is added.
 */
export class UnansweredCommits {
  /** The oldest first. */
  readonly #sent = new Map<string, Unanswered>();

  /** How many positions there are. */
  get size(): number {
    return this.#sent.size;
  }

  /** Before each try to send a position (the next offset to read) to Kafka. */
  add(key: string, next: bigint): void {
    const nowMs = performance.now();
    for (const [name, { atMs }] of this.#sent) {
      if (nowMs - atMs < LATE_MS) break;
      this.#sent.delete(name);
    }
    const name = nameOf(key, next);
    const tries = (this.#sent.get(name)?.tries ?? 0) + 1;
    this.#sent.delete(name);
    this.#sent.set(name, { tries, atMs: nowMs });
  }

  /** Kafka has answered one try. */
  answered(key: string, next: bigint): void {
    const name = nameOf(key, next);
    const sent = this.#sent.get(name);
    if (sent === undefined) return;
    if (sent.tries === 1) this.#sent.delete(name);
    else this.#sent.set(name, { ...sent, tries: sent.tries - 1 });
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
