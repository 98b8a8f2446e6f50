import assert from "node:assert/strict";
import type { Chunk, RecordBatch } from "../../src/core/chunk.ts";
import { ChunkRow } from "../../src/log/chunk_row.ts";

/** A batch of the offsets `first` to `last`. */
function batch(first: number, last: number): RecordBatch {
  return {
    baseOffset: BigInt(first),
    lastOffset: BigInt(last),
    recordCount: last - first + 1,
    baseTimestampMs: 0n,
    maxTimestampMs: 0n,
    logAppendTime: false,
    open: () => new Uint8Array(0),
  };
}

/** A chunk from an offset on, of batches that each end where the next begins. */
function chunk(from: number, ...bounds: number[]): Chunk {
  const batches = bounds.slice(1).map((end, i) => batch(bounds[i], end - 1));
  const next = BigInt(bounds.at(-1)!);
  return { topic: "t", partition: 0, from: BigInt(from), next, end: 100n, batches, bytes: 100 };
}

function text(row: ChunkRow): string[] {
  return Array.from({ length: row.length }, (_, i) => row.at(i)!)
    .map(({ from, next, batches }) => `${from}-${next} of ${batches.length}`);
}

Deno.test("ChunkRow.insert() keeps order, holes allowed", () => {
  const row = new ChunkRow(0);
  for (const each of [chunk(20, 20, 30), chunk(0, 0, 10), chunk(10, 10, 20)]) row.insert(each);
  row.insert(chunk(50, 50, 60));
  assert.deepEqual(text(row), ["0-10 of 1", "10-20 of 1", "20-30 of 1", "50-60 of 1"]);
  assert.equal(row.covering(25n)?.from, 20n);
  assert.equal(row.covering(30n), undefined);
  assert.equal(row.covering(60n), undefined);
});

for (
  const [what, first, second, wanted] of [
    ["begins with its first batch, asked for from the middle", chunk(7, 5, 10), undefined, [
      "5-10 of 1",
    ]],
    ["begins where it was asked for, its batch later", chunk(3, 5, 10), undefined, ["3-10 of 1"]],
    ["gives up what is there already", chunk(10, 10, 15, 20), chunk(15, 15, 20, 25), [
      "10-20 of 2",
      "20-25 of 1",
    ]],
    ["ends where another begins", chunk(10, 10, 20), chunk(0, 0, 5, 10, 20, 30), [
      "0-10 of 2",
      "10-20 of 1",
    ]],
    ["leaves a stretch of holes to itself", chunk(10, 10, 20), chunk(0, 30, 40), [
      "0-10 of 0",
      "10-20 of 1",
    ]],
    ["is not kept, a batch over another's beginning", chunk(8, 10, 20), chunk(0, 0, 5, 10), [
      "8-20 of 1",
    ]],
    ["is not kept, all there already", chunk(0, 0, 10, 20), chunk(10, 10, 20), ["0-20 of 2"]],
  ] as const
) {
  Deno.test(`ChunkRow.insert() a chunk ${what}`, () => {
    const row = new ChunkRow(0);
    row.insert(first);
    if (second !== undefined) row.insert(second);
    assert.deepEqual(text(row), wanted);
  });
}

Deno.test("ChunkRow.remove() takes out that one, and does nothing the second time", () => {
  const row = new ChunkRow(0);
  const kept = row.insert(chunk(0, 0, 10))!;
  row.insert(chunk(10, 10, 20));
  row.remove(kept);
  row.remove(kept);
  assert.deepEqual(text(row), ["10-20 of 1"]);
});

for (
  const [what, left, right, busy, wanted] of [
    ["neighbours", chunk(0, 0, 10), chunk(10, 10, 20), -1, ["0-20 of 2"]],
    ["not over a hole", chunk(0, 0, 10), chunk(11, 11, 20), -1, ["0-10 of 1", "11-20 of 1"]],
    ["not where somebody stands", chunk(0, 0, 10), chunk(10, 10, 20), 10, [
      "0-10 of 1",
      "10-20 of 1",
    ]],
  ] as const
) {
  Deno.test(`ChunkRow.join() joins ${what}`, () => {
    const row = new ChunkRow(200);
    row.insert(left);
    row.insert(right);
    row.join(0, (offset) => offset === BigInt(busy));
    assert.deepEqual(text(row), wanted);
  });
}

Deno.test("ChunkRow.join() joins nothing, together too large, and at the end of the row", () => {
  const row = new ChunkRow(199);
  row.insert(chunk(0, 0, 10));
  row.insert(chunk(10, 10, 20));
  assert.equal(row.join(0, () => false), undefined);
  assert.equal(row.join(1, () => false), undefined);
});
