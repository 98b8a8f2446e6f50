/**
 * One timer for all who want the same interval: they are called together, so that what they ask for
 * can be asked for together. There is no timer while nobody wants it.
 */
export class Ticker {
  readonly #everyMs: number;
  readonly #callbacks = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Calls back at each tick, the first at most `everyMs` from now; returns how to end that. */
  every(callback: () => void): () => void {
    this.#callbacks.add(callback);
    this.#timer ??= setInterval(() => this.#tick(), this.#everyMs);
    return () => {
      this.#callbacks.delete(callback);
      if (this.#callbacks.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Resolves at the next tick, or when `signal` is aborted. */
  next(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        stop();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const stop = this.every(end);
      signal.addEventListener("abort", end);
    });
  }

  #tick(): void {
    for (const callback of [...this.#callbacks]) callback();
  }
}
