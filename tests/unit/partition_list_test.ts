import assert from "node:assert/strict";
import { parsePartitions } from "../../src/protocol/partition_list.ts";

Deno.test("parsePartitions() reads all, one number and lists", () => {
  assert.equal(parsePartitions("all"), "all");
  assert.deepEqual(parsePartitions("0"), [0]);
  assert.deepEqual(parsePartitions("2147483647"), [2147483647]);
  assert.deepEqual(parsePartitions("0,2"), [0, 2]);
});

Deno.test("parsePartitions() sorts by number, unordered list", () => {
  assert.deepEqual(parsePartitions("10,9,100"), [9, 10, 100]);
});

Deno.test("parsePartitions() reads 16 partitions and not 17", () => {
  const list = (count: number) => Array.from({ length: count }, (_, index) => index);
  assert.deepEqual(parsePartitions(list(16).join(",")), list(16));
  assert.equal(parsePartitions(list(17).join(",")), undefined);
});

Deno.test("parsePartitions() gives undefined, anything else", () => {
  for (
    const text of ["", ",", "0,", ",0", "0, 2", "-1", "1.0", "00", "2147483648", "0,0", "All", "*"]
  ) {
    assert.equal(parsePartitions(text), undefined, text);
  }
});
