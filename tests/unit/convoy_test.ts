import assert from "node:assert/strict";
import type { Chunk } from "../../src/core/chunk.ts";
import { ChunkRow } from "../../src/log/chunk_row.ts";
import { Convoy, type LogPosition } from "../../src/log/convoy.ts";

const MIB = 1 << 20;

function chunk(from: number, next: number): Chunk {
  const common = { topic: "t", partition: 0, end: 1000n, batches: [], bytes: MIB };
  return { ...common, from: BigInt(from), next: BigInt(next) };
}

/** Chunks of a MiB and ten offsets each from 0 on, less those left out, and cursors at offsets. */
function convoyOf(chunks: number, offsets: readonly number[], without: readonly number[] = []) {
  const row = new ChunkRow(0);
  for (let i = 0; i < chunks; i++) {
    if (!without.includes(i)) row.insert(chunk(i * 10, i * 10 + 10));
  }
  const positions = new Set<LogPosition>(
    offsets.map((offset) => ({ offset: BigInt(offset), movedMs: performance.now() })),
  );
  return new Convoy(row, positions, ({ bytes }) => bytes);
}

Deno.test("Convoy.waitMs() is 0, nobody comes after", () => {
  assert.equal(convoyOf(10, [100]).waitMs(100n, MIB, 0, 0), 0);
  assert.equal(convoyOf(10, [100, 200]).waitMs(100n, MIB, 0, 0), 0);
});

Deno.test("Convoy.waitMs() is 0, room for all that the others have before them", () => {
  assert.equal(convoyOf(10, [100, 50]).waitMs(100n, MIB, 7 * MIB, 0), 0);
  assert.ok(convoyOf(10, [100, 50]).waitMs(100n, MIB, 7 * MIB - 1, 0) > 0);
});

Deno.test("Convoy.waitMs() grows with those who come after, and ends", () => {
  const few = convoyOf(10, [100, 50, 55]);
  assert.equal(few.waitMs(100n, MIB, MIB, 0), 8);
  assert.equal(few.waitMs(100n, MIB, MIB, 5), 3);
  assert.equal(few.waitMs(100n, MIB, MIB, 9), 0);
  const crowd = convoyOf(10, Array(1000).fill(50));
  assert.equal(crowd.waitMs(100n, MIB, MIB, 0), 4000);
});

Deno.test("Convoy.waitMs() waits for nobody behind a hole, who fetches for himself", () => {
  assert.equal(convoyOf(10, [100, 20], [5]).waitMs(100n, MIB, 0, 0), 0);
  assert.ok(convoyOf(10, [100, 70], [5]).waitMs(100n, MIB, 0, 0) > 0);
});

Deno.test("Convoy.waitMs() waits for nobody who has not moved for long", () => {
  const row = new ChunkRow(0);
  for (let i = 0; i < 10; i++) row.insert(chunk(i * 10, i * 10 + 10));
  const stalled = { offset: 50n, movedMs: performance.now() - 2_000 };
  const convoy = new Convoy(row, new Set([stalled]), ({ bytes }) => bytes);
  assert.equal(convoy.waitMs(100n, MIB, 0, 0), 0);
  assert.equal(convoy.demand()(row.at(9)!), 0);
});

Deno.test("Convoy.demand() counts who is still to come to a chunk", () => {
  const demand = convoyOf(10, [100, 50, 55, 0]).demand();
  assert.deepEqual([5, 9, 0].map((i) => demand(chunk(i * 10, i * 10 + 10))), [3, 3, 1]);
  assert.equal(demand(chunk(40, 50)), 1);
});
