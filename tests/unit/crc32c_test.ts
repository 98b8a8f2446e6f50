import assert from "node:assert/strict";
import { crc32c } from "../../src/kafka/crc32c.ts";

/** RFC 3720, appendix B.4, and the check value of the catalogue of CRCs. */
const VECTORS: readonly (readonly [what: string, bytes: Uint8Array, crc: number])[] = [
  ["nothing", new Uint8Array(), 0],
  ["123456789", new TextEncoder().encode("123456789"), 0xe3069283],
  ["32 zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 counting up", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ["32 counting down", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
];

for (const [what, bytes, crc] of VECTORS) {
  Deno.test(`crc32c() gives the published value, ${what}`, () => {
    assert.equal(crc32c(bytes), crc);
  });
}

Deno.test("crc32c() of a part is that of the part alone, at every start and length", () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * 37 + 11);
  for (let from = 0; from < 20; from++) {
    for (let to = from; to <= bytes.length; to++) {
      assert.equal(crc32c(bytes, from, to), bitwise(bytes.subarray(from, to)));
    }
  }
});

/** One bit after the other. */
function bitwise(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : crc >>> 1 ^ 0x82f63b78;
  }
  return ~crc >>> 0;
}
