import assert from "node:assert/strict";
import fc from "fast-check";
import { OffsetDigits } from "../../src/protocol/offset_digits.ts";

const MOST = 2n ** 63n - 1n;

function written(digits: OffsetDigits, base: bigint, delta: number): string {
  const out = new Uint8Array(22);
  const end = digits.write(base, delta, out, 2);
  return new TextDecoder().decode(out.subarray(2, end));
}

Deno.test("OffsetDigits.write() counts on, over every carry", () => {
  for (
    const first of [
      0n,
      8n,
      98n,
      999_998n,
      2n ** 31n - 3n,
      2n ** 32n - 3n,
      2n ** 53n - 3n,
      MOST - 5n,
    ]
  ) {
    const digits = new OffsetDigits();
    for (let delta = 0; delta < 6; delta++) {
      assert.equal(written(digits, first, delta), String(first + BigInt(delta)));
    }
  }
});

Deno.test("OffsetDigits.write() gets a digit more, 999 to 1000", () => {
  const digits = new OffsetDigits();
  assert.equal(written(digits, 990n, 9), "999");
  assert.equal(written(digits, 990n, 10), "1000");
  assert.equal(written(digits, 990n, 11), "1001");
});

Deno.test("OffsetDigits.write() is exact, any jumps between any bases", () => {
  const base = fc.oneof(
    fc.bigInt(0n, 2000n),
    fc.bigInt(2n ** 53n - 1000n, 2n ** 53n + 1000n),
    fc.bigInt(0n, MOST - 2n ** 31n),
  );
  const step = fc.record({
    base: fc.option(base, { nil: undefined, freq: 3 }),
    delta: fc.option(fc.nat(2 ** 31 - 1), { nil: undefined, freq: 4 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const digits = new OffsetDigits();
    let offset = { base: 0n, delta: -1 };
    for (const { base = offset.base, delta = offset.delta + 1 } of steps) {
      offset = { base, delta };
      assert.equal(written(digits, base, delta), String(base + BigInt(delta)));
    }
  }));
});
