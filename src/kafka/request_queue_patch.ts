import { RequestQueue } from "./kafkajs_internals.ts";

/** KafkaJS's own pause before it looks at requests that wait for room. */
const CHECK_PENDING_MS = 10;

/**
 * Stops KafkaJS 2.2.4 from waking up every millisecond for each connection.
 *
 * After its first response a connection re-arms a timer with a delay in the past, for ever: about
 * 450 wake-ups a second and 0.25 % of a core each. A timer is needed only while requests wait or
 * while the broker throttles us. Returns whether the method was there to be replaced.
 */
export function patchRequestQueue(): boolean {
  const prototype = RequestQueue.prototype;
  if (typeof prototype.scheduleCheckPendingRequests !== "function") return false;
  prototype.scheduleCheckPendingRequests = function (this: typeof prototype): void {
    if (this.throttleCheckTimeoutId) return;
    const throttledMs = this.throttledUntil - Date.now();
    if (this.pending.length === 0 && throttledMs <= 0) return;
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, Math.max(throttledMs, CHECK_PENDING_MS));
  };
  return true;
}
