import assert from "node:assert/strict";
import type { Chunk } from "../../src/core/chunk.ts";
import { ChunkCache } from "../../src/log/chunk_cache.ts";

function chunk(bytes: number): Chunk {
  return { topic: "t", partition: 0, from: 0n, next: 1n, end: 1n, batches: [], bytes };
}

/** A cache, and the chunks it has let go of. */
function cacheOf(budgetBytes: number) {
  const evicted: Chunk[] = [];
  const cache = new ChunkCache(budgetBytes);
  const owner = { evict: (chunk: Chunk) => void evicted.push(chunk) };
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
