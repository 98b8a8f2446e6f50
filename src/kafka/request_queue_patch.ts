import { RequestQueue } from "./kafkajs_internals.ts";

/** KafkaJS's own pause before it looks at requests that wait for room. */
const CHECK_PENDING_MS = 10;

/** How often KafkaJS looks for requests without an answer, in ms. */
const CHECK_TIMEOUTS_MS = 100;

type Queue = typeof RequestQueue.prototype;

/** When a request without an answer was first seen, by the clock that never jumps, in ms. */
const firstSeenMs = new WeakMap<object, number>();

/**
 * What stands in place of KafkaJS's methods of the same names. `throttledUntil` is a time of
 * `performance.now()` here.
 */
const METHODS = {
  /** A timer only while requests wait or while the broker throttles us. */
  scheduleCheckPendingRequests(this: Queue): void {
    if (this.throttleCheckTimeoutId) return;
    const throttledMs = this.throttledUntil - performance.now();
    if (this.pending.length === 0 && throttledMs <= 0) return;
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, Math.max(throttledMs, CHECK_PENDING_MS));
  },

  canSendSocketRequestImmediately(this: Queue): boolean {
    const hasRoom = this.maxInFlightRequests === null ||
      this.inflight.size < this.maxInFlightRequests;
    return hasRoom && this.throttledUntil <= performance.now();
  },

  /** @param throttleMs undefined for answers that have none, as those of SASL */
  maybeThrottle(this: Queue, throttleMs: number | null | undefined): void {
    const waitMs = throttleMs ?? 0;
    if (waitMs <= 0) return;
    this.throttledUntil = Math.max(performance.now() + waitMs, this.throttledUntil);
  },

  scheduleRequestTimeoutCheck(this: Queue): void {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    this.requestTimeoutIntervalId = setInterval(() => {
      const nowMs = performance.now();
      for (const request of this.inflight.values()) {
        const seenMs = firstSeenMs.get(request);
        if (seenMs === undefined) firstSeenMs.set(request, nowMs);
        else if (nowMs - seenMs > request.requestTimeout) request.timeoutRequest();
      }
      if (!this.isConnected()) this.destroy();
    }, Math.min(this.requestTimeout, CHECK_TIMEOUTS_MS));
  },
};

/**
 * Mends two things in the queue of requests that KafkaJS 2.2.4 has for each connection.
 *
 * After its first response a connection re-arms a timer with a delay in the past, for ever: about
 * 450 wake-ups a second and 0.25 % of a core each.
 *
 * Its time-outs go by the wall clock. When that is set back by an hour, a request that gets no
 * answer hangs for an hour longer, and a throttled connection sends nothing for as long; set
 * forward, every request on its way has timed out.
 *
 * Returns whether the methods were there to be replaced.
 */
export function patchRequestQueue(): boolean {
  const prototype = RequestQueue.prototype as unknown as Record<string, unknown>;
  if (Object.keys(METHODS).some((name) => typeof prototype[name] !== "function")) return false;
  Object.assign(prototype, METHODS);
  return true;
}
