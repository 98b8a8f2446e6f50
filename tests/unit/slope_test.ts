import assert from "node:assert/strict";
import { leastOfEach, type Point, slopePerHour } from "../soak/slope.ts";
import { Random } from "../support/random.ts";

/** Half an hour of a saw-tooth of garbage over what is in use, a point each five seconds. */
function memory(growthPerHour: number, seed = 1): Point[] {
  const random = new Random(seed);
  return Array.from({ length: 360 }, (_, i) => {
    const seconds = 5 * i;
    const garbage = 40 * (i % 7) / 7 + 10 * random.next();
    return { seconds, value: 100 + growthPerHour * seconds / 3_600 + garbage };
  });
}

Deno.test("slopePerHour() finds a leak under garbage, and none where there is none", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const leaking = slopePerHour(leastOfEach(memory(50, seed), 60));
    assert.ok(Math.abs(leaking - 50) < 12, `${leaking} an hour, seed ${seed}`);
    const flat = slopePerHour(leastOfEach(memory(0, seed), 60));
    assert.ok(Math.abs(flat) < 12, `${flat} an hour, seed ${seed}`);
  }
});

Deno.test("slopePerHour() is not moved by a few outliers", () => {
  const points = memory(0).map((point, i) => i % 50 === 0 ? { ...point, value: 10_000 } : point);
  assert.ok(Math.abs(slopePerHour(points)) < 20);
});

Deno.test("slopePerHour() sees a count that goes up by one and stays", () => {
  const points = Array.from({ length: 24 }, (_, i) => ({ seconds: 75 * i, value: i < 13 ? 3 : 4 }));
  assert.ok(slopePerHour(points) > 2, `${slopePerHour(points)} an hour`);
});

Deno.test("slopePerHour() has the exact slope of a line, and wants two points", () => {
  const line = [0, 10, 20].map((seconds) => ({ seconds, value: 3 + seconds }));
  assert.equal(slopePerHour(line), 3_600);
  assert.throws(() => slopePerHour([{ seconds: 0, value: 1 }]), RangeError);
});

Deno.test("leastOfEach() keeps one point of each window", () => {
  const points = [5, 3, 9, 2, 8].map((value, i) => ({ seconds: 30 * i, value }));
  assert.deepEqual(leastOfEach(points, 60).map(({ value }) => value), [3, 2, 8]);
});
