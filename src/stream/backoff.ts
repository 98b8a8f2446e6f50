/** Pauses that double from `firstMs` to `mostMs`, each made random between half and all of it. */
export class Backoff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  #nextMs: number;

  constructor(firstMs: number, mostMs: number) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#nextMs = firstMs;
  }

  /** Length of the next pause, in ms. */
  next(): number {
    const pauseMs = this.#nextMs * (0.5 + Math.random() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, this.#mostMs);
    return pauseMs;
  }

  /** Starts again with the first pause. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
