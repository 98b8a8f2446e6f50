import assert from "node:assert/strict";
import { RequestQueue } from "../../src/kafka/kafkajs_internals.ts";
import { patchRequestQueue } from "../../src/kafka/request_queue_patch.ts";
import { eventually } from "../support/eventually.ts";
import { holdsFor } from "../support/holds_for.ts";

/** KafkaJS's queue of the requests of one connection, as far as it is used here. */
interface Queue {
  throttledUntil: number;
  throttleCheckTimeoutId: unknown;
  readonly pending: readonly unknown[];
  push(request: {
    entry: { correlationId: number; resolve: () => void; reject?: (error: Error) => void };
    expectResponse: boolean;
    sendRequest: () => void;
  }): void;
  fulfillRequest(response: { correlationId: number; size: number; payload: null }): void;
  maybeThrottle(ms: number | null | undefined): void;
  checkPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  destroy(): void;
}

const SILENT = { debug: () => {}, warn: () => {} };

/** A queue of the patched class, and what it has sent. */
function patchedQueue(maxInFlightRequests: number, { requestTimeoutMs = 0 } = {}) {
  patchRequestQueue();
  const Class = RequestQueue as unknown as new (options: Record<string, unknown>) => Queue;
  const queue = new Class({
    maxInFlightRequests,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: requestTimeoutMs > 0,
    clientId: "test",
    broker: "localhost:9092",
    logger: SILENT,
  });
  const sent: number[] = [];
  const failed: string[] = [];
  const push = (correlationId: number) =>
    queue.push({
      entry: { correlationId, resolve: () => {}, reject: ({ name }) => void failed.push(name) },
      expectResponse: true,
      sendRequest: () => void sent.push(correlationId),
    });
  return { queue, sent, failed, push };
}

/** The wall clock, set by so many ms until dispose. */
function clockSetBy(ms: number): Disposable {
  const { now } = Date;
  Date.now = () => now() + ms;
  return { [Symbol.dispose]: () => void (Date.now = now) };
}

const HOUR_MS = 3_600_000;

Deno.test("patchRequestQueue() is for KafkaJS 2.2.4, the version in deno.json", async () => {
  const { imports } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  assert.equal(imports.kafkajs, "npm:kafkajs@2.2.4");
  for (const [name, target] of Object.entries<string>(imports)) {
    if (name.startsWith("kafkajs/")) assert.match(target, /^npm:kafkajs@2\.2\.4\//);
  }
});

Deno.test("patchRequestQueue() finds the method, and again when it is patched", () => {
  assert.equal(patchRequestQueue(), true);
  assert.equal(patchRequestQueue(), true);
});

Deno.test("patchRequestQueue() says false, the method is not there", () => {
  const { prototype } = RequestQueue;
  const methods = prototype as unknown as Record<string, unknown>;
  const method = methods.maybeThrottle;
  delete methods.maybeThrottle;
  try {
    assert.equal(patchRequestQueue(), false);
    assert.equal(methods.maybeThrottle, undefined);
  } finally {
    methods.maybeThrottle = method;
  }
});

// Unpatched, the first response armed a timer with a delay in the past, which armed itself again.
Deno.test("RequestQueue.fulfillRequest() arms no timer, nothing waits", () => {
  const { queue, push } = patchedQueue(5);
  push(1);
  queue.fulfillRequest({ correlationId: 1, size: 0, payload: null });
  queue.checkPendingRequests();
  assert.equal(queue.throttleCheckTimeoutId, null);
});

Deno.test("RequestQueue.push() sends what waits for room, after an answer", () => {
  const { queue, sent, push } = patchedQueue(1);
  push(1);
  push(2);
  assert.deepEqual(sent, [1]);
  assert.equal(queue.pending.length, 1);
  queue.fulfillRequest({ correlationId: 1, size: 0, payload: null });
  assert.deepEqual(sent, [1, 2]);
  queue.destroy();
});

Deno.test("RequestQueue.push() sends what waits by itself, the broker's throttling over", async () => {
  const { queue, sent, push } = patchedQueue(5);
  queue.maybeThrottle(30);
  push(1);
  push(2);
  assert.deepEqual(sent, []);
  assert.notEqual(queue.throttleCheckTimeoutId, null);
  await eventually("the requests to be sent", () => sent.length === 2, { everyMs: 5 });
  assert.ok(performance.now() >= queue.throttledUntil);
  assert.equal(queue.throttleCheckTimeoutId, null);
});

// Answers of SASL tell no time; Not a Number would have held back everything for ever.
Deno.test("RequestQueue.push() sends at once, after answers without a throttle time", () => {
  const { queue, sent, push } = patchedQueue(5);
  for (const [i, none] of [undefined, null, 0].entries()) {
    queue.maybeThrottle(none);
    push(i);
  }
  assert.deepEqual(sent, [0, 1, 2]);
});

Deno.test("RequestQueue.destroy() leaves no timer, requests waiting", () => {
  const { queue, push } = patchedQueue(1);
  push(1);
  push(2);
  assert.notEqual(queue.throttleCheckTimeoutId, null);
  queue.destroy();
  assert.equal(queue.throttleCheckTimeoutId, null);
});

Deno.test("RequestQueue.push() sends what waits after the throttling, the clock set back an hour", async () => {
  const { queue, sent, push } = patchedQueue(5);
  queue.maybeThrottle(30);
  push(1);
  using _clock = clockSetBy(-HOUR_MS);
  await eventually("the request to be sent", () => sent.length === 1, { everyMs: 5 });
});

Deno.test("RequestQueue times a request out, the clock set back an hour", async () => {
  const { queue, failed, push } = patchedQueue(5, { requestTimeoutMs: 40 });
  queue.scheduleRequestTimeoutCheck();
  push(1);
  using _clock = clockSetBy(-HOUR_MS);
  await eventually("the request to fail", () => failed.length === 1, { everyMs: 5 });
  assert.deepEqual(failed, ["KafkaJSRequestTimeoutError"]);
  queue.destroy();
});

Deno.test("RequestQueue keeps a request that is young, the clock set forward an hour", async () => {
  const { queue, failed, push } = patchedQueue(5, { requestTimeoutMs: 400 });
  queue.scheduleRequestTimeoutCheck();
  push(1);
  using _clock = clockSetBy(HOUR_MS);
  await holdsFor(250, "no request to fail", () => failed.length === 0);
  await eventually("the request to fail in time", () => failed.length === 1, { everyMs: 5 });
  queue.destroy();
});
