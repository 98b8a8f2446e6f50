import assert from "node:assert/strict";
import { Moment } from "../../src/stream/moment.ts";

Deno.test("Moment.ageMs grows, and tells how long ago it was", async () => {
  const moment = new Moment();
  const before = moment.ageMs;
  assert.ok(before >= 0 && before < 1_000, `${before} ms`);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(moment.ageMs >= 15, `${moment.ageMs} ms`);
});

Deno.test("Moment.since() is the time from the earlier one", async () => {
  const earlier = new Moment();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const later = new Moment();
  assert.ok(later.since(earlier) >= 15);
  assert.ok(earlier.since(later) <= 0);
  assert.equal(later.since(later), 0);
});
