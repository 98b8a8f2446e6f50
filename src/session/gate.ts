/** What a client lets through at the moment: records, or nothing while it has paused. */
export interface GateLimits {
  /** Records that may be sent before more credit comes; absent: no such limit. */
  readonly credit: number | undefined;
  /** Most records sent and not acknowledged. */
  readonly maxUnacked: number;
  /** Records sent and not acknowledged now. */
  readonly unacked: () => number;
}

/** Most credit that can be saved up: far from where numbers stop being exact. */
const MOST_CREDIT = 1e12;

/**
 * Says how many records a subscription may send now, beside its socket's own room: none while the
 * client has paused, and no more than its credit and what it may leave unacknowledged.
 */
export class Gate {
  readonly #limits: GateLimits;
  #credit: number | undefined;
  #isPaused = false;
  #opening: PromiseWithResolvers<void> | undefined;

  constructor(limits: GateLimits) {
    this.#limits = limits;
    this.#credit = limits.credit;
  }

  /** Records that may be sent now. */
  get allowance(): number {
    if (this.#isPaused) return 0;
    const { maxUnacked, unacked } = this.#limits;
    const left = maxUnacked === Infinity ? Infinity : maxUnacked - unacked();
    return Math.max(0, Math.min(this.#credit ?? Infinity, left));
  }

  /** Resolves when it may have become wider, or at {@linkcode look}. */
  opened(): Promise<void> {
    this.#opening ??= Promise.withResolvers<void>();
    return this.#opening.promise;
  }

  /** So many records were sent. */
  sent(records: number): void {
    if (this.#credit !== undefined) this.#credit -= records;
  }

  /** The client takes so many more; where no credit was asked for, it is counted from now on. */
  add(records: number): void {
    this.#credit = Math.min((this.#credit ?? 0) + records, MOST_CREDIT);
    this.look();
  }

  pause(): void {
    this.#isPaused = true;
  }

  continue(): void {
    this.#isPaused = false;
    this.look();
  }

  /** Makes those who wait look again. */
  look(): void {
    this.#opening?.resolve();
    this.#opening = undefined;
  }
}

/** Lets everything through. */
export const NO_GATE: Pick<Gate, "allowance" | "opened" | "sent" | "look"> = {
  allowance: Infinity,
  opened: () => Promise.resolve(),
  sent() {},
  look() {},
};
