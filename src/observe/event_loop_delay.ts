/** Pause between two looks, in ms: a delay that matters is longer. */
const LOOK_MS = 50;

/** Looks that are remembered: ten seconds of them. */
const LOOKS = 200;

/** How late timers were, in ms. */
export interface Delays {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Measures how late the event loop is, by a timer that should fire every 50 ms. */
export class EventLoopDelay {
  readonly #late: number[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #dueMs = 0;

  /** Starts to look; after {@linkcode stop} it starts afresh. */
  start(): void {
    this.#dueMs = performance.now() + LOOK_MS;
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#late.length = 0;
  }

  /** Delays of the last ten seconds; zeros before the first look. */
  get delays(): Delays {
    const sorted = [...this.#late].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
    return { p50: at(0.5), p99: at(0.99), max: at(1) };
  }

  #look(): void {
    const nowMs = performance.now();
    this.#late.push(Math.max(nowMs - this.#dueMs, 0));
    if (this.#late.length > LOOKS) this.#late.shift();
    this.#dueMs = nowMs + LOOK_MS;
  }
}
