import assert from "node:assert/strict";
import { History, type HistoryOptions } from "../support/history.ts";

function historyOf(offsets: readonly number[], options?: HistoryOptions): History {
  const history = new History(options);
  for (const offset of offsets) history.add(0, BigInt(offset));
  return history;
}

function kindsOf(offsets: readonly number[], options?: HistoryOptions): string[] {
  return historyOf(offsets, options).problems.map(({ kind }) => kind);
}

Deno.test("History finds nothing wrong with contiguous offsets, wherever they begin", () => {
  const history = historyOf([7, 8, 9, 10]);
  assert.equal(history.count, 4);
  assert.equal(history.next(), 11n);
  history.verify();
});

Deno.test("History finds a gap", () => {
  assert.deepEqual(kindsOf([0, 1, 3, 4]), ["gap"]);
  assert.throws(
    () => historyOf([0, 1, 3]).verify(),
    /history of 3 records is not whole:\n- gap in partition 0: 3 came where 2 was due/,
  );
});

Deno.test("History finds a duplicate, of the last record and of an older one", () => {
  assert.deepEqual(kindsOf([0, 1, 1, 2]), ["duplicate"]);
  assert.deepEqual(kindsOf([0, 1, 2, 0, 3]), ["duplicate"]);
});

Deno.test("History finds a reordered record, and knows it from a duplicate", () => {
  assert.deepEqual(kindsOf([0, 2, 1, 3]), ["gap", "reorder"]);
  assert.deepEqual(kindsOf([0, 4, 2, 2, 1, 3, 3]), [
    "gap",
    "reorder",
    "duplicate",
    "reorder",
    "reorder",
    "duplicate",
  ]);
});

Deno.test("History finds a wrong start", () => {
  assert.deepEqual(kindsOf([5, 6], { from: 5n }), []);
  assert.deepEqual(kindsOf([6, 7], { from: 5n }), ["start"]);
});

Deno.test("History allows holes when told so, and still finds what came late or twice", () => {
  assert.deepEqual(kindsOf([0, 5, 9], { holes: true }), []);
  assert.deepEqual(kindsOf([0, 5, 3], { holes: true }), ["reorder"]);
  assert.deepEqual(kindsOf([0, 5, 5], { holes: true }), ["duplicate"]);
});

Deno.test("History keeps partitions apart", () => {
  const history = new History();
  for (const offset of [0n, 1n]) {
    for (const partition of [3, 1]) history.add(partition, offset);
  }
  history.add(1, 3n);
  assert.deepEqual(history.partitions, [1, 3]);
  assert.deepEqual([history.next(0), history.next(1), history.next(3)], [undefined, 4n, 2n]);
  assert.deepEqual(history.problems, [
    { kind: "gap", partition: 1, text: "3 came where 2 was due" },
  ]);
});

Deno.test("History is exact beyond 2^53", () => {
  const history = new History();
  for (const offset of [2n ** 53n, 2n ** 53n + 1n, 2n ** 53n + 2n]) history.add(0, offset);
  history.verify();
  history.add(0, 2n ** 53n + 2n);
  assert.deepEqual(history.problems.map(({ kind }) => kind), ["duplicate"]);
});

Deno.test("History keeps the first problems and counts the others", () => {
  const history = historyOf(Array.from({ length: 100 }, () => 1));
  assert.equal(history.problems.length, 20);
  assert.throws(() => history.verify(), /- and 79 more$/);
});
