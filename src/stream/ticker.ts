/**
 * One timer for all who wait for the same interval: they are woken together, so that what they ask
 * for can be asked for together. There is no timer while nobody waits.
 */
export class Ticker {
  readonly #everyMs: number;
  readonly #waiting = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Resolves at the next tick, at most `everyMs` from now, or when `signal` is aborted. */
  next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        signal.removeEventListener("abort", end);
        this.#waiting.delete(end);
        if (this.#waiting.size === 0) this.#stop();
        resolve();
      };
      signal.addEventListener("abort", end);
      this.#waiting.add(end);
      const leftMs = this.#everyMs - performance.now() % this.#everyMs;
      this.#timer ??= setTimeout(() => this.#tick(), leftMs);
    });
  }

  #tick(): void {
    this.#stop();
    for (const end of [...this.#waiting]) end();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
