import assert from "node:assert/strict";
import { closeReason } from "../../src/protocol/close_reason.ts";

Deno.test("closeReason() keeps what fits", () => {
  assert.equal(closeReason(""), "");
  assert.equal(closeReason("taken over"), "taken over");
  assert.equal(closeReason("a".repeat(123)), "a".repeat(123));
});

Deno.test("closeReason() cuts at 123 bytes, ASCII", () => {
  assert.equal(closeReason("a".repeat(124)), "a".repeat(123));
});

Deno.test("closeReason() cuts before a character that does not fit", () => {
  assert.equal(closeReason("é".repeat(100)), "é".repeat(61));
  assert.equal(closeReason(`${"a".repeat(121)}€`), "a".repeat(121));
  assert.equal(closeReason(`${"a".repeat(120)}😀`), "a".repeat(120));
  assert.equal(closeReason(`${"a".repeat(119)}😀`), `${"a".repeat(119)}😀`);
});

Deno.test("closeReason() is well-formed, lone surrogates", () => {
  assert.equal(closeReason("a\ud83d"), "a\ufffd");
});

Deno.test("closeReason() cuts at another size, and to nothing at 0", () => {
  assert.equal(closeReason("abc", 2), "ab");
  assert.equal(closeReason("abc", 0), "");
  assert.throws(() => closeReason("abc", -1), { name: "RangeError" });
});
