/** How many keys are remembered; beyond that the oldest is forgotten and starts afresh. */
const MAX_KEYS = 1000;

/** Lets a burst per key and time through, and counts what it holds back. */
export class EventLimit {
  readonly #windows = new Map<string, { startMs: number; passed: number; heldBack: number }>();

  /**
   * Whether one more may pass: `undefined` when not, otherwise how many were held back since the
   * last one that passed.
   *
   * @param nowMs A clock that does not go back.
   */
  pass(key: string, limit: { burst: number; perMs: number }, nowMs: number): number | undefined {
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { startMs: nowMs, passed: 0, heldBack: 0 };
      this.#windows.set(key, window);
      if (this.#windows.size > MAX_KEYS) {
        for (const oldest of this.#windows.keys()) {
          this.#windows.delete(oldest);
          break;
        }
      }
    } else if (nowMs - window.startMs >= limit.perMs) {
      window.startMs = nowMs;
      window.passed = 0;
    }
    if (window.passed >= limit.burst) {
      window.heldBack++;
      return undefined;
    }
    window.passed++;
    const { heldBack } = window;
    window.heldBack = 0;
    return heldBack;
  }
}
