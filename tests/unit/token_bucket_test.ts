import assert from "node:assert/strict";
import { KeyedBuckets } from "../../src/stream/keyed_buckets.ts";
import { TokenBucket } from "../../src/stream/token_bucket.ts";

Deno.test("TokenBucket.take() gives what is there and nothing of what is not", () => {
  const bucket = new TokenBucket(10, 10, 0);
  assert.equal(bucket.take(11, 0), false);
  assert.equal(bucket.take(10, 0), true);
  assert.equal(bucket.take(1, 0), false);
});

Deno.test("TokenBucket.take() keeps the rate over time, with one filling of credit", () => {
  const bucket = new TokenBucket(10, 10, 0);
  let taken = 0;
  for (let nowMs = 0; nowMs <= 10_000; nowMs += 7) if (bucket.take(1, nowMs)) taken++;
  assert.ok(taken >= 109 && taken <= 110, `${taken}`);
  // An hour later there is no more than one filling.
  assert.equal(bucket.take(11, 3_600_000), false);
  assert.equal(bucket.take(10, 3_600_000), true);
});

Deno.test("KeyedBuckets.take() counts each key apart", () => {
  const buckets = new KeyedBuckets(1, 2);
  assert.deepEqual([1, 2, 3].map(() => buckets.take("a", 0)), [true, true, false]);
  assert.equal(buckets.take("b", 0), true);
});

Deno.test("KeyedBuckets.take() remembers a bounded number of keys, the last used ones", () => {
  const buckets = new KeyedBuckets(1, 1, 100);
  for (let i = 0; i < 10_000; i++) buckets.take(`${i}`, 0);
  assert.equal(buckets.size, 100);
  assert.equal(buckets.take("9999", 0), false, "the last one is remembered");
  assert.equal(buckets.take("1", 0), true, "an old one is not");
});

Deno.test("KeyedBuckets.take() forgets those that are full again, when there are too many", () => {
  const buckets = new KeyedBuckets(1, 1, 100);
  for (let i = 0; i < 100; i++) buckets.take(`${i}`, 0);
  buckets.take("new", 60_000);
  assert.equal(buckets.size, 1);
});
