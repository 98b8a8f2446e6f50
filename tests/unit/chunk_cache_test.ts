import assert from "node:assert/strict";
import type { Chunk } from "../../src/core/chunk.ts";
import { ChunkCache } from "../../src/log/chunk_cache.ts";
import { MemoryBudget } from "../../src/stream/memory_budget.ts";

function chunk(bytes: number): Chunk {
  return { topic: "t", partition: 0, from: 0n, next: 1n, end: 1n, batches: [], bytes };
}

/** A cache, and the chunks it has let go of. */
function cacheOf(budgetBytes: number, demand: (chunk: Chunk) => number = () => 0) {
  const evicted: Chunk[] = [];
  const cache = new ChunkCache(budgetBytes);
  const owner = { evict: (chunk: Chunk) => void evicted.push(chunk), demand: () => demand };
  return { cache, evicted, add: (chunk: Chunk) => cache.add(chunk, owner) };
}

Deno.test("ChunkCache.add() keeps all, up to the budget exactly", () => {
  const { cache, evicted, add } = cacheOf(100);
  add(chunk(60));
  add(chunk(40));
  assert.equal(cache.bytes, 100);
  assert.deepEqual(evicted, []);
});

Deno.test("ChunkCache.add() lets go of the coldest, as many as it takes", () => {
  const { cache, evicted, add } = cacheOf(100);
  const [a, b, c, d] = [chunk(40), chunk(30), chunk(30), chunk(60)];
  for (const each of [a, b, c, d]) add(each);
  assert.deepEqual(evicted, [a, b]);
  assert.equal(cache.bytes, 90);
});

Deno.test("ChunkCache.add() keeps the newest alone, larger than the budget", () => {
  const { cache, evicted, add } = cacheOf(100);
  const [small, large, next] = [chunk(10), chunk(500), chunk(10)];
  add(small);
  add(large);
  assert.deepEqual(evicted, [small]);
  assert.equal(cache.bytes, 500);
  add(next);
  assert.deepEqual(evicted, [small, large]);
  assert.equal(cache.bytes, 10);
});

Deno.test("ChunkCache.touch() makes a chunk the warmest, and does nothing for others", () => {
  const { cache, evicted, add } = cacheOf(100);
  const [a, b, c] = [chunk(50), chunk(50), chunk(50)];
  add(a);
  add(b);
  cache.touch(a);
  cache.touch(chunk(1));
  add(c);
  assert.deepEqual(evicted, [b]);
});

Deno.test("ChunkCache.charge() counts until the chunk goes, eviction and removal alike", () => {
  const { cache, evicted, add } = cacheOf(100);
  const [a, b] = [chunk(10), chunk(10)];
  add(a);
  cache.charge(a, 50);
  assert.equal(cache.bytes, 60);
  add(b);
  cache.charge(b, 50);
  assert.deepEqual(evicted, [a]);
  assert.equal(cache.bytes, 60);
  cache.remove(b);
  assert.equal(cache.bytes, 0);
});

Deno.test("ChunkCache.charge() counts nothing, a chunk that is not kept any more", () => {
  const { cache, add } = cacheOf(100);
  const a = chunk(10);
  add(a);
  cache.remove(a);
  cache.charge(a, 50);
  assert.equal(cache.bytes, 0);
});

// Nothing was evicted when the coldest chunk itself grew: the search stopped there.
Deno.test("ChunkCache.charge() keeps the budget and the chunk, the coldest of all", () => {
  const { cache, evicted, add } = cacheOf(100);
  const [a, b, c] = [chunk(30), chunk(30), chunk(30)];
  for (const each of [a, b, c]) add(each);
  cache.charge(a, 50);
  assert.deepEqual(evicted, [b, c]);
  assert.equal(cache.bytes, 80);
});

Deno.test("ChunkCache.remove() tells nobody, and does nothing the second time", () => {
  const { cache, evicted, add } = cacheOf(100);
  const a = chunk(10);
  add(a);
  cache.remove(a);
  cache.remove(a);
  assert.equal(cache.bytes, 0);
  assert.deepEqual(evicted, []);
});

// The longest unused went first: of a crowd that goes through a log, that is what it comes to next.
Deno.test("ChunkCache.add() lets go of what nobody comes to, used since or not", () => {
  const demands = new Map<Chunk, number>();
  const { evicted, add, cache } = cacheOf(100, (chunk) => demands.get(chunk) ?? 0);
  const [left, ahead, few, next] = [chunk(30), chunk(30), chunk(30), chunk(60)];
  demands.set(ahead, 900).set(few, 2);
  for (const each of [ahead, few, left]) add(each);
  cache.touch(left);
  add(next);
  assert.deepEqual(evicted, [left, few]);
});

Deno.test("ChunkCache.hold() counts in the memory budget, while not kept", () => {
  const budget = new MemoryBudget(1000);
  const cache = new ChunkCache(100, budget);
  const owner = { evict: () => {}, demand: () => () => 0 };
  const [a, b] = [chunk(80), chunk(90)];
  cache.add(a, owner);
  cache.hold(a);
  cache.hold(a);
  assert.deepEqual([budget.bytes, budget.heldBytes], [80, 0]);
  cache.add(b, owner);
  assert.deepEqual([budget.bytes, budget.heldBytes], [170, 80]);
  cache.charge(a, 5);
  assert.equal(budget.heldBytes, 85);
  cache.release(a);
  assert.equal(budget.heldBytes, 85);
  cache.release(a);
  assert.deepEqual([budget.bytes, budget.heldBytes], [90, 0]);
  cache.hold(a);
  assert.equal(budget.heldBytes, 80);
  cache.add(a, owner);
  assert.deepEqual([budget.bytes, budget.heldBytes, cache.bytes], [80, 0, 80]);
});

Deno.test("ChunkCache lets go of the coldest, the memory budget wanted by others", () => {
  const budget = new MemoryBudget(100);
  const cache = new ChunkCache(100, budget);
  const owner = { evict: () => {}, demand: () => () => 0 };
  for (let i = 0; i < 10; i++) cache.add(chunk(10), owner);
  budget.hold(45);
  assert.equal(cache.bytes, 50);
  assert.equal(budget.isSpent, false);
  budget.hold(50);
  assert.equal(cache.bytes, 0);
  assert.equal(budget.isSpent, true);
  budget.hold(-95);
  assert.equal(budget.bytes, 0);
});

Deno.test("ChunkCache.onLapsed() calls once, when the chunk is not kept any more", () => {
  const { cache, add } = cacheOf(100);
  const a = chunk(60);
  let calls = 0;
  add(a);
  cache.hold(a);
  cache.onLapsed(a, () => calls++);
  const takeBack = cache.onLapsed(a, () => calls++);
  takeBack();
  add(chunk(60));
  assert.equal(calls, 1);
  cache.onLapsed(a, () => calls++);
  assert.equal(calls, 2);
});
