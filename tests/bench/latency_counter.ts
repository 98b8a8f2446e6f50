/** Width of a value; the time stands at its beginning. */
const VALUE_BYTES = 100;

/** What the delays of many records were, in ms. */
export interface LatencyResult {
  readonly records: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Microseconds since 1970, on a clock that all processes of a machine share well enough. */
export function nowMicros(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000);
}

/** A value that says when it was made. */
export function stampedValue(): string {
  return `${nowMicros()}`.padEnd(VALUE_BYTES, " ");
}

/** Delays of stamped values, those of the first `warm` left out. */
export class LatencyCounter {
  readonly #warm: number;
  readonly #delaysMs: number[] = [];
  #seen = 0;

  constructor(warm: number) {
    this.#warm = warm;
  }

  /** Records so far. */
  get seen(): number {
    return this.#seen;
  }

  take(value: string, atMicros: number): void {
    if (this.#seen++ >= this.#warm) this.#delaysMs.push((atMicros - parseInt(value, 10)) / 1_000);
  }

  get result(): LatencyResult {
    const sorted = Float64Array.from(this.#delaysMs).sort();
    const at = (share: number) => sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? 0;
    return { records: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
  }
}
