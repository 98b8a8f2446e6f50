import assert from "node:assert/strict";
import { keyPartition, murmur2 } from "../../src/kafka/murmur2.ts";

/** From the tests of Kafka's own `Utils.murmur2`. */
const VECTORS: readonly (readonly [key: string, hash: number])[] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
];

for (const [key, hash] of VECTORS) {
  Deno.test(`murmur2() gives what Java gives, ${JSON.stringify(key)}`, () => {
    assert.equal(murmur2(new TextEncoder().encode(key)), hash);
  });
}

Deno.test("murmur2() takes bytes over 127 as unsigned, of every remainder", () => {
  // As Kafka's Java client hashes them.
  const hashes = [0, 1, 2, 3, 4].map((length) => murmur2(new Uint8Array(length).fill(0xff)));
  assert.equal(new Set(hashes).size, 5);
  assert.ok(hashes.every((hash) => Number.isInteger(hash) && hash === (hash | 0)));
});

Deno.test("keyPartition() is never negative", () => {
  const key = new TextEncoder().encode("foobar");
  assert.equal(keyPartition(key, 3), (-790332482 & 0x7fffffff) % 3);
  assert.equal(keyPartition(key, 1), 0);
});
