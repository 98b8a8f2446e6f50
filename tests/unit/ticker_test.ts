import assert from "node:assert/strict";
import { Ticker } from "../../src/stream/ticker.ts";

const NEVER = new AbortController().signal;

Deno.test("Ticker.next() wakes all who wait in one turn, whenever they came", async () => {
  const ticker = new Ticker(40);
  const order: string[] = [];
  const first = ticker.next(NEVER).then(() => order.push("first"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  const second = ticker.next(NEVER).then(() => order.push("second"));
  queueMicrotask(() => order.push("waiting"));
  await first;
  await Promise.resolve();
  assert.deepEqual(order, ["waiting", "first", "second"]);
  await second;
});

Deno.test("Ticker.next() takes no longer than the interval, and comes again", async () => {
  const ticker = new Ticker(20);
  const startMs = performance.now();
  await ticker.next(NEVER);
  assert.ok(performance.now() - startMs < 500);
  await ticker.next(NEVER);
  assert.ok(performance.now() - startMs > 10);
});

// The test sanitizer sees a timer that stays.
Deno.test("Ticker.next() resolves when aborted and leaves no timer, nobody else waiting", async () => {
  const ticker = new Ticker(3_600_000);
  const ending = new AbortController();
  const waits = [ticker.next(ending.signal), ticker.next(ending.signal)];
  ending.abort();
  await Promise.all(waits);
  await ticker.next(ending.signal);
});

Deno.test("Ticker.next() goes on for the others, one aborted", async () => {
  const ticker = new Ticker(20);
  const ending = new AbortController();
  const aborted = ticker.next(ending.signal);
  const other = ticker.next(NEVER);
  ending.abort();
  await Promise.all([aborted, other]);
});
