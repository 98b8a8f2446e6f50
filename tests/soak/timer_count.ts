/** Where timers are started and ended: `globalThis`, which CommonJS modules have as well. */
export type TimerScope = Pick<
  typeof globalThis,
  "setTimeout" | "setInterval" | "clearTimeout" | "clearInterval"
>;

type Start = (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => unknown;
type End = (handle?: unknown) => void;

/** The same, whichever of the runtime's kinds of handles they have. */
interface Timers {
  setTimeout: Start;
  setInterval: Start;
  clearTimeout: End;
  clearInterval: End;
}

/** Counts the timers that were started and have neither fired, where they fire once, nor been cleared. */
export class TimerCount {
  readonly #pending = new Set<unknown>();

  /** Counts from now on what is started there. */
  constructor(scope: TimerScope) {
    const own = scope as unknown as Timers;
    own.setTimeout = this.#counted(own.setTimeout, true);
    own.setInterval = this.#counted(own.setInterval, false);
    own.clearTimeout = this.#cleared(own.clearTimeout);
    own.clearInterval = this.#cleared(own.clearInterval);
  }

  get pending(): number {
    return this.#pending.size;
  }

  #counted(start: Start, isOnce: boolean): Start {
    return (callback, ms, ...args) => {
      const handle = start(
        (...values) => {
          if (isOnce) this.#pending.delete(handle);
          callback(...values);
        },
        ms,
        ...args,
      );
      this.#pending.add(handle);
      return handle;
    };
  }

  #cleared(end: End): End {
    return (handle) => {
      this.#pending.delete(handle);
      end(handle);
    };
  }
}
