import assert from "node:assert/strict";
import { Backoff } from "../../src/stream/backoff.ts";

/** The next pauses, each as the share of what it may be at most. */
function assertPauses(backoff: Backoff, mostMs: readonly number[]): void {
  for (const most of mostMs) {
    const pauseMs = backoff.next();
    assert.ok(
      pauseMs >= most / 2 && pauseMs <= most,
      `${pauseMs} ms, wanted ${most / 2} to ${most}`,
    );
  }
}

Deno.test("Backoff.next() doubles up to the most, each between half and all of it", () => {
  for (let i = 0; i < 50; i++) {
    assertPauses(new Backoff(20, 300), [20, 40, 80, 160, 300, 300, 300]);
  }
});

Deno.test("Backoff.next() is random, so that many do not come back at the same time", () => {
  const pauses = Array.from({ length: 20 }, () => new Backoff(1000, 1000).next());
  assert.ok(new Set(pauses).size > 15);
});

Deno.test("Backoff.reset() begins with the first pause", () => {
  const backoff = new Backoff(20, 300);
  assertPauses(backoff, [20, 40, 80]);
  backoff.reset();
  assertPauses(backoff, [20, 40]);
});
