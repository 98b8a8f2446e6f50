/**
 * How long to pause after each frame so that no more than `recordsPerSecond` go out and at least
 * `pauseMs` lie between frames.
 *
 * The rate is kept over time, with one second's worth of credit for a client that was slow.
 */
export class Pacer {
  readonly #recordsPerSecond: number | undefined;
  readonly #pauseMs: number;
  #dueMs = 0;

  constructor(recordsPerSecond: number | undefined, pauseMs: number) {
    this.#recordsPerSecond = recordsPerSecond;
    this.#pauseMs = pauseMs;
  }

  /** The pause that lies between frames at least, in ms. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** Ms to wait after `records` were sent at `nowMs`; 0 is not at all. */
  pauseAfter(records: number, nowMs: number): number {
    if (this.#recordsPerSecond === undefined) return this.#pauseMs;
    const earliestMs = nowMs - 1_000;
    this.#dueMs = Math.max(this.#dueMs, earliestMs) + (records / this.#recordsPerSecond) * 1_000;
    return Math.max(this.#dueMs - nowMs, this.#pauseMs, 0);
  }
}
