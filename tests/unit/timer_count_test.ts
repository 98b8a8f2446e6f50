import assert from "node:assert/strict";
import { sleep } from "../../src/stream/sleep.ts";
import { TimerCount } from "../soak/timer_count.ts";

Deno.test("TimerCount.pending counts what has not fired and was not cleared", async () => {
  const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
  const scope = { setTimeout, setInterval, clearTimeout, clearInterval };
  const count = new TimerCount(scope);
  const fired: unknown[] = [];
  scope.setTimeout((...args: unknown[]) => fired.push(...args), 1, "a", 2);
  const long = scope.setTimeout(() => fired.push("never"), 60_000);
  let ticks = 0;
  const ticking = scope.setInterval(() => ticks++, 1);
  assert.equal(count.pending, 3);
  while (fired.length === 0 || ticks < 2) await sleep(1);
  assert.equal(count.pending, 2);
  scope.clearTimeout(long);
  scope.clearInterval(ticking);
  assert.equal(count.pending, 0);
  assert.deepEqual(fired, ["a", 2]);
});
