/**
 * A point in time, to tell later how long ago it was.
 *
 * The clock that never jumps stands still while a machine sleeps or is moved; the wall clock jumps
 * when it is set. Whichever says more counts: believing too little would be the error that harms.
 */
export class Moment {
  readonly #monotonicMs = performance.now();
  readonly #wallMs = Date.now();

  /** Time since then, in ms. */
  get ageMs(): number {
    return Math.max(performance.now() - this.#monotonicMs, Date.now() - this.#wallMs);
  }

  /** Time from an earlier moment to this one, in ms. */
  since(earlier: Moment): number {
    return Math.max(
      this.#monotonicMs - earlier.#monotonicMs,
      this.#wallMs - earlier.#wallMs,
    );
  }
}
