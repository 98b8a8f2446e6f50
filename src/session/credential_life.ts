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
  /** They were withdrawn before that. */
  readonly withdrawn: () => void;
}

/** Watches when the credentials of one client end; renewed, it starts anew. */
export class CredentialLife {
  readonly #events: CredentialEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWarned = false;
  #revoked: AbortSignal | undefined;

  constructor(events: CredentialEvents) {
    this.#events = events;
  }

  /** Watches these from now on. */
  watch({ expiresMs, revoked }: Principal): void {
    this.stop();
    this.#isWarned = false;
    if (revoked?.aborted) return this.#events.withdrawn();
    this.#revoked = revoked;
    revoked?.addEventListener("abort", this.#events.withdrawn);
    if (expiresMs !== undefined) this.#arm(expiresMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#revoked?.removeEventListener("abort", this.#events.withdrawn);
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
