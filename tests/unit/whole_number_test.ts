import assert from "node:assert/strict";
import { parseInt64, parseWholeNumber } from "../../src/protocol/whole_number.ts";

Deno.test("parseInt64() reads 0 to 2^63 - 1 exactly", () => {
  assert.equal(parseInt64("0"), 0n);
  assert.equal(parseInt64("9007199254740993"), 9007199254740993n);
  assert.equal(parseInt64("9223372036854775807"), 9223372036854775807n);
});

Deno.test("parseInt64() gives undefined, other spellings and larger numbers", () => {
  for (const text of ["", "-1", "+1", "00", "01", " 1", "1\n", "1.", "9223372036854775808"]) {
    assert.equal(parseInt64(text), undefined, text);
  }
});

Deno.test("parseWholeNumber() includes both bounds and nothing beyond", () => {
  assert.deepEqual(["1", "2", "3", "4"].map((text) => parseWholeNumber(text, 2, 3)), [
    undefined,
    2,
    3,
    undefined,
  ]);
});
