import assert from "node:assert/strict";
import { digits, timeOfDay } from "../../src/console/page/dom.js";
import { formatted, parseExact } from "../../src/console/page/json_tree.js";
import {
  asJson,
  asKcat,
  hexDump,
  isText,
  matcher,
  timeOf,
} from "../../src/console/page/record_text.js";

const bytes = (text: string) => new TextEncoder().encode(text);

const RECORD = {
  topic: "orders",
  partition: 3,
  offset: 9_007_199_254_740_993n,
  timestamp: 5,
  key: bytes("Key"),
  value: bytes("Some Value"),
  headers: [["Trace", bytes("t-1")], ["none", null]] as const,
};

Deno.test("parseExact() and formatted() keep every number as it was written", () => {
  const text = '{"a":9223372036854775807,"b":1.0,"c":-0,"d":1e400,"e":[0.1,12],"f":{}}';
  const { value } = parseExact(text)!;
  assert.equal(formatted(value).replace(/\s/g, ""), text);
  assert.equal(parseExact("{"), undefined);
  assert.equal(formatted(parseExact("[]")!.value), "[]");
  assert.equal(formatted(parseExact('"<b>"')!.value), '"<b>"');
});

Deno.test("parseExact() leaves alone what only looks like a number: text, escapes, names", () => {
  const text = String
    .raw`{"12345678901234567890":"12345678901234567890","\\":"\"1.0,","\u0031":"\u00312.0"}`;
  const { value } = parseExact(text)!;
  assert.deepEqual(value, JSON.parse(text));
  assert.equal(formatted(parseExact("-12345678901234567890")!.value), "-12345678901234567890");
  for (const broken of ["01", "1.", "[1,]", "{1:2}", "1 2", '"1']) {
    assert.equal(parseExact(broken), undefined, broken);
  }
});

Deno.test("parseExact() takes a megabyte, in one string and in many numbers", () => {
  const long = '\\n\\"1.0 '.repeat(100_000);
  const text = `{"long":"${long}","id":[${"9223372036854775807,".repeat(10_000)}1.50]}`;
  const { value } = parseExact(text)!;
  assert.equal(formatted(value).replace(/\n\s*/g, "").replaceAll('": ', '":'), text);
});

Deno.test("parseExact() leaves what is nested too deep to be text, however deep it is", () => {
  const nested = (levels: number) => "[".repeat(levels) + "1.0" + "]".repeat(levels);
  const { value } = parseExact(nested(500))!;
  assert.equal(formatted(value).replace(/\s/g, ""), nested(500));
  assert.equal(parseExact(nested(501)), undefined);
  assert.equal(parseExact(nested(100_000)), undefined);
  assert.notEqual(parseExact(`["${"[".repeat(1_000)}"]`), undefined, "brackets of a text");
});

Deno.test("isText() takes a beginning whose last character is cut, and no other cut", () => {
  const cut = bytes("a🍏").subarray(0, 3);
  assert.equal(isText(cut), false);
  assert.equal(isText(cut, { isBeginning: true }), true);
  assert.equal(isText(new Uint8Array([0xff, 0x41]), { isBeginning: true }), false);
});

Deno.test("timeOf() and timeOfDay() show what is no time as the number it is", () => {
  assert.equal(timeOf(0), "1970-01-01T00:00:00.000Z (0)");
  assert.equal(timeOf(-1), "1969-12-31T23:59:59.999Z (-1)");
  assert.equal(timeOf(1_795_767_675_577_000_000), "1795767675577000000");
  assert.equal(timeOfDay(1_795_767_675_577_000_000), "1795767675577000000");
});

Deno.test("matcher() looks where it is told, without case, and lets all through when empty", () => {
  assert.equal(matcher("  "), undefined);
  for (const filter of ["value", "KEY", "trace", "t-1", "key:key", "header:T-1", "value:some v"]) {
    assert.equal(matcher(filter)!(RECORD), true, filter);
  }
  for (const filter of ["key:value", "value:key", "header:some", "absent"]) {
    assert.equal(matcher(filter)!(RECORD), false, filter);
  }
  assert.equal(matcher("x")!({ ...RECORD, key: null, value: null, headers: [] }), false);
});

Deno.test("asJson() keeps offsets exact, and bytes that are no text in base64", () => {
  const said = JSON.parse(asJson({ ...RECORD, value: new Uint8Array([0, 255]) }));
  assert.equal(said.offset, "9007199254740993");
  assert.deepEqual(said.value, { base64: "AP8=" });
  assert.deepEqual(said.headers, [["Trace", "t-1"], ["none", null]]);
});

Deno.test("asKcat() quotes what a shell would take apart", () => {
  const line = asKcat({ ...RECORD, topic: "o'rders" });
  assert.equal(line, `kcat -C -b "$KAFKA" -t 'o'\\''rders' -p 3 -o 9007199254740993 -c 1`);
});

Deno.test("hexDump() shows places, bytes and text, and says what it leaves out", () => {
  assert.equal(
    hexDump(bytes("0123456789abcdef!")),
    "000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n" +
      `000010  21${" ".repeat(45)}  !`,
  );
  assert.match(hexDump(new Uint8Array(20), 16), /\n… 4 bytes more$/);
  assert.equal(isText(new Uint8Array([0xc3])), false);
});

Deno.test("digits() groups numbers of any size", () => {
  assert.equal(digits(1_234), "1,234");
  assert.equal(digits("9223372036854775807"), "9,223,372,036,854,775,807");
  assert.equal(digits(12), "12");
});
