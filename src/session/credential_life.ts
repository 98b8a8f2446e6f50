import type { Principal } from "../core/principal.ts";

/** A client is warned so long before its credentials expire, in ms. */
const WARNING_MS = 60_000;

/** Timers cannot be set further ahead; what is later is looked at again. */
const MOST_TIMER_MS = 2 ** 31 - 1;

/** What happens to an open socket with its credentials. */
export interface CredentialEvents {
  /** They expire in so many ms, for a client that can renew them. */
  readonly expiring: (inMs: number) => void;
  readonly expired: () => void;
}

/** Watches when the credentials of one client expire; renewed, it starts anew. */
export class CredentialLife {
  readonly #events: CredentialEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWarned = false;

  constructor(events: CredentialEvents) {
    this.#events = events;
  }

  /** Watches these from now on. */
  watch({ expiresMs }: Principal): void {
    this.stop();
    this.#isWarned = false;
    if (expiresMs !== undefined) this.#arm(expiresMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(expiresMs: number): void {
    const leftMs = expiresMs - Date.now();
    if (leftMs <= 0) return this.#events.expired();
    if (leftMs <= WARNING_MS && !this.#isWarned) {
      this.#isWarned = true;
      this.#events.expiring(leftMs);
    }
    const nextMs = this.#isWarned ? leftMs : leftMs - WARNING_MS;
    this.#timer = setTimeout(() => this.#arm(expiresMs), Math.min(nextMs, MOST_TIMER_MS));
  }
}
