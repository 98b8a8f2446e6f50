import type { Lease, Leases, Pin } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { GroupCoordinators } from "./group_coordinators.ts";
import type { GroupLooks } from "./group_looks.ts";
import { leaseGroup, type LeaseOptions, PinLease } from "./pin_lease.ts";

interface Held {
  readonly lease: PinLease;
  readonly acquired: Promise<void>;
  users: number;
}

/**
 * The leases of this process. Sessions of one pin share its lease: a takeover inside the process
 * passes it on without a word to Kafka.
 */
export class PinLeases implements Leases {
  readonly #coordinators: GroupCoordinators;
  readonly #looks: GroupLooks;
  readonly #options: LeaseOptions;
  readonly #held = new Map<string, Held>();

  constructor(coordinators: GroupCoordinators, looks: GroupLooks, options: LeaseOptions) {
    this.#coordinators = coordinators;
    this.#looks = looks;
    this.#options = options;
  }

  async acquire(pin: Pin, signal: AbortSignal, onDoubt?: () => void): Promise<Lease> {
    const key = leaseGroup(pin, this.#options.prefix);
    for (;;) {
      const { held, isShared } = this.#hold(key, pin);
      const { lease } = held;
      try {
        // Between two beats another process may have taken the pin from the session that goes, but
        // not from the newer one that comes: it claims anew.
        const ready = isShared ? held.acquired.then(() => lease.confirm()) : held.acquired;
        await Promise.race([ready, rejectedBy(signal)]);
        if (!lease.isLost || !isShared) return this.#lease(key, held, onDoubt);
      } catch (error) {
        await this.#release(key, held);
        throw error;
      }
      await this.#release(key, held);
    }
  }

  #hold(key: string, pin: Pin): { held: Held; isShared: boolean } {
    let held = this.#held.get(key);
    const isShared = held !== undefined && !held.lease.isLost;
    if (held === undefined || !isShared) {
      const lease = new PinLease(pin, this.#coordinators, this.#looks, this.#options);
      held = { lease, acquired: lease.acquire(), users: 0 };
      this.#held.set(key, held);
    }
    held.users++;
    return { held, isShared };
  }

  #lease(key: string, held: Held, onDoubt: (() => void) | undefined): Lease {
    const { lease } = held;
    const deafen = onDoubt === undefined ? undefined : lease.onDoubt(onDoubt);
    let released: Promise<void> | undefined;
    return {
      lost: lease.lost,
      get isSure() {
        return lease.isSure;
      },
      get doubts() {
        return lease.doubts;
      },
      sure: (signal) => lease.sure(signal),
      release: () => {
        deafen?.();
        return released ??= this.#release(key, held);
      },
    };
  }

  async #release(key: string, held: Held): Promise<void> {
    if (--held.users > 0) return;
    if (this.#held.get(key) === held) this.#held.delete(key);
    await held.lease.release();
  }
}

/** No leases: pins are unique within this process only, for clusters that forbid the groups. */
export class NoLeases implements Leases {
  acquire(): Promise<Lease> {
    return Promise.resolve({
      lost: new Promise<ProxyError>(() => {}),
      isSure: true,
      doubts: 0,
      sure: () => Promise.resolve(),
      release: () => Promise.resolve(),
    });
  }
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = () => reject(new ProxyError("leaving", "The session has ended"));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
