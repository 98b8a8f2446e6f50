import assert from "node:assert/strict";
import fc from "fast-check";
import { ASCII_JSON, checkJson, MAX_JSON_DEPTH, NOT_JSON } from "../../src/protocol/json_check.ts";

/** Whether bytes in the middle of others are JSON: what stands around them must not count. */
function isJson(text: string): boolean {
  const bytes = new TextEncoder().encode(`1"]${text}5"]}`);
  const found = checkJson(bytes, 3, bytes.length - 7);
  // deno-lint-ignore no-control-regex
  if (found !== NOT_JSON) assert.equal(found === ASCII_JSON, /^[\x00-\x7f]*$/.test(text));
  return found !== NOT_JSON;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("checkJson() agrees with JSON.parse(), values and pieces of them", () => {
  const piece = fc.constantFrom(
    ...['{"a":', "[", "]", "}", ",", ":", '"', '"x"', "null", "true", "false", "nul", "-", "0"],
    ...["01", "1.5", "1.", ".5", "1e5", "1E+2", "1e", "-0", '"\\u00e9"', '"\\ud8"', '"\\x"', '"\\'],
    ...[" ", "\t", "\n", "\r", "\f", '"é"', '"\u0001"', "{}", "[]", '"a":1', "\ufeff", "{", "+1"],
  );
  const pieces = fc.array(piece, { maxLength: 10 }).map((list) => list.join(""));
  const whole = fc.tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"))
    .map(([value, space]) => JSON.stringify(value, undefined, space));
  const cut = fc.tuple(whole, fc.nat(), piece).map(([text, at, piece]) => {
    const place = at % (text.length + 1);
    return (text.slice(0, place) + piece + text.slice(place + 1)).toWellFormed();
  });
  fc.assert(
    fc.property(fc.oneof(pieces, whole, cut), (text) => {
      assert.equal(isJson(text), parses(text), JSON.stringify(text));
    }),
    { numRuns: 20_000 },
  );
});

for (
  const [open, close] of [["[", "]"], ['{"a":', "}"]]
) {
  Deno.test(`checkJson() counts containers inside each other, ${open}`, () => {
    const nested = (depth: number) => open.repeat(depth) + "1" + close.repeat(depth);
    assert.equal(isJson(nested(MAX_JSON_DEPTH)), true);
    assert.equal(isJson(nested(MAX_JSON_DEPTH + 1)), false);
    assert.equal(isJson(nested(1_000_000)), false);
  });
}
