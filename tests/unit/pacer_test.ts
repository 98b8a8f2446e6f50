import assert from "node:assert/strict";
import fc from "fast-check";
import { Pacer } from "../../src/stream/pacer.ts";

Deno.test("Pacer.pauseAfter() is 0, no rate and no pause", () => {
  const pacer = new Pacer(undefined, 0);
  assert.equal(pacer.pauseAfter(1_000_000, 5), 0);
});

Deno.test("Pacer.pauseAfter() is the pause after each frame, no rate", () => {
  const pacer = new Pacer(undefined, 25);
  assert.deepEqual([pacer.pauseAfter(1, 0), pacer.pauseAfter(1000, 1)], [25, 25]);
});

Deno.test("Pacer.pauseAfter() keeps the rate, a second's worth of records ahead at first", () => {
  const pacer = new Pacer(10, 0);
  let nowMs = 50_000;
  const times: number[] = [];
  for (let i = 0; i < 30; i++) {
    times.push(nowMs);
    nowMs += pacer.pauseAfter(1, nowMs);
  }
  assert.equal(times[10], 50_000);
  assert.equal(times[11], 50_100);
  assert.equal(times[29], 51_900);
});

Deno.test("Pacer.pauseAfter() waits for a large frame, all its records counted", () => {
  const pacer = new Pacer(100, 0);
  assert.equal(pacer.pauseAfter(500, 50_000), 4_000);
});

Deno.test("Pacer.pauseAfter() gives no more than a second's credit, a client away for long", () => {
  const pacer = new Pacer(10, 0);
  pacer.pauseAfter(10, 50_000);
  assert.equal(pacer.pauseAfter(10, 90_000), 0);
  assert.equal(pacer.pauseAfter(10, 90_000), 1_000);
});

Deno.test("Pacer.pauseAfter() is the longer of both, a rate and a pause", () => {
  const pacer = new Pacer(10, 300);
  pacer.pauseAfter(10, 50_000);
  assert.equal(pacer.pauseAfter(1, 50_000), 300);
  assert.equal(pacer.pauseAfter(10, 50_000), 1_100);
});

Deno.test("Pacer.pauseAfter() keeps the rate plus one second's credit, any frames and delays", () => {
  const frame = fc.record({ records: fc.integer({ min: 1, max: 50 }), lateMs: fc.nat(3000) });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.array(frame, { minLength: 1, maxLength: 60 }),
      (rate, frames) => {
        const pacer = new Pacer(rate, 0);
        const startMs = 50_000;
        let nowMs = startMs;
        let sent = 0;
        for (const { records, lateMs } of frames) {
          sent += records;
          nowMs += pacer.pauseAfter(records, nowMs);
          assert.ok(sent <= (nowMs - startMs + 1_000) * rate / 1_000 + 0.001, `${sent} records`);
          nowMs += lateMs;
        }
      },
    ),
  );
});
