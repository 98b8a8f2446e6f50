import assert from "node:assert/strict";
import { sleep } from "../../src/stream/sleep.ts";
import { isSettled } from "../support/event_loop.ts";

/** A signal that counts its listeners. */
function countingSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const counted = { controller, signal, listeners: 0 };
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    counted.listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    counted.listeners--;
    removeEventListener.apply(signal, args);
  };
  return counted;
}

Deno.test("sleep() resolves after the time, and not before", async () => {
  const startMs = performance.now();
  await sleep(20);
  assert.ok(performance.now() - startMs >= 19);
});

Deno.test("sleep() resolves at once and leaves no timer, aborted meanwhile", async () => {
  const stopping = new AbortController();
  const sleeping = sleep(60_000, stopping.signal);
  assert.equal(await isSettled(sleeping), false);
  stopping.abort();
  assert.equal(await isSettled(sleeping), true);
});

Deno.test("sleep() resolves at once and starts no timer, aborted before", async () => {
  assert.equal(await isSettled(sleep(60_000, AbortSignal.abort())), true);
});

Deno.test("sleep() leaves no listener on the signal, slept a hundred times", async () => {
  const counted = countingSignal();
  for (let i = 0; i < 100; i++) await sleep(0, counted.signal);
  assert.equal(counted.listeners, 0);
  const sleeping = sleep(60_000, counted.signal);
  assert.equal(counted.listeners, 1);
  counted.controller.abort();
  await sleeping;
  assert.equal(counted.listeners, 0);
});
