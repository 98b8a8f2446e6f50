import type { Lease, Leases, Pin } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";

/** A lease that is sure until a test says otherwise. */
export class FakeLease implements Lease {
  readonly pin: Pin;
  readonly lost: Promise<ProxyError>;
  isSure = true;
  doubts = 0;
  isReleased = false;
  #isLost = false;
  readonly #onDoubt: (() => void) | undefined;
  #lose!: (error: ProxyError) => void;
  readonly #waiting = new Set<() => void>();

  constructor(pin: Pin, onDoubt?: () => void) {
    this.pin = pin;
    this.#onDoubt = onDoubt;
    this.lost = new Promise((resolve) => this.#lose = resolve);
  }

  /** From now on it is not known whether it still holds. */
  doubt(): void {
    this.isSure = false;
    this.doubts++;
  }

  /** It held all the time. */
  makeSure(): void {
    this.isSure = true;
    for (const wake of [...this.#waiting]) wake();
    this.#onDoubt?.();
  }

  /** Somebody else has it. */
  lose(): void {
    this.#isLost = true;
    this.#lose(new ProxyError("taken_over", "taken over: a newer client on another server"));
    for (const wake of [...this.#waiting]) wake();
  }

  sure(signal: AbortSignal): Promise<void> {
    if (this.isSure || this.#isLost || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting.delete(end);
        signal.removeEventListener("abort", end);
        resolve();
      };
      this.#waiting.add(end);
      signal.addEventListener("abort", end);
    });
  }

  release(): Promise<void> {
    this.isReleased = true;
    return Promise.resolve();
  }
}

/** Leases that everybody gets at once, if a test does not say otherwise. */
export class FakeLeases implements Leases {
  /** Every lease that was given, in order. */
  readonly given: FakeLease[] = [];
  /** What the next ones are answered, one each. */
  readonly failures: ProxyError[] = [];
  #held: PromiseWithResolvers<void> | undefined;

  /** All requests wait from now on until the returned function is called. */
  hold(): () => void {
    const held = Promise.withResolvers<void>();
    this.#held = held;
    return () => {
      if (this.#held === held) this.#held = undefined;
      held.resolve();
    };
  }

  async acquire(pin: Pin, _signal: AbortSignal, onDoubt?: () => void): Promise<Lease> {
    await this.#held?.promise;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const lease = new FakeLease(pin, onDoubt);
    this.given.push(lease);
    return lease;
  }
}
