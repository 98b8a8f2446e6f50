import assert from "node:assert/strict";
import { parseStartPosition, readStartPosition } from "../../src/protocol/start_position.ts";

Deno.test("parseStartPosition() reads every form", () => {
  assert.deepEqual(parseStartPosition("0"), { kind: "offset", offset: 0n });
  assert.deepEqual(parseStartPosition("1000"), { kind: "offset", offset: 1000n });
  assert.deepEqual(parseStartPosition("earliest"), { kind: "earliest" });
  assert.deepEqual(parseStartPosition("latest"), { kind: "latest" });
  assert.deepEqual(parseStartPosition("-10"), { kind: "last", records: 10n });
  assert.deepEqual(parseStartPosition("ts:0"), { kind: "timestamp", timestampMs: 0n });
  assert.deepEqual(parseStartPosition("ts:1970-01-02"), {
    kind: "timestamp",
    timestampMs: 86_400_000n,
  });
});

Deno.test("parseStartPosition() is exact up to 2^63 - 1", () => {
  const [largest, odd] = ["9223372036854775807", "9007199254740993"];
  assert.deepEqual(parseStartPosition(largest), { kind: "offset", offset: 9223372036854775807n });
  assert.deepEqual(parseStartPosition(`-${largest}`), {
    kind: "last",
    records: 9223372036854775807n,
  });
  assert.deepEqual(parseStartPosition(`ts:${odd}`), {
    kind: "timestamp",
    timestampMs: 9007199254740993n,
  });
});

Deno.test("parseStartPosition() takes digits after ts: as milliseconds, never as a year", () => {
  assert.deepEqual(parseStartPosition("ts:2026"), { kind: "timestamp", timestampMs: 2026n });
});

for (
  const text of [
    ...[
      "",
      " ",
      "-",
      "-0",
      "+5",
      " 5",
      "5 ",
      "05",
      "-05",
      "--5",
      "1e3",
      "0x10",
      "1.0",
      "1n",
      "1_0",
    ],
    ...["9223372036854775808", "-9223372036854775808", "99999999999999999999999999", "NaN", "٣"],
    ...["end", "Earliest", "LATEST", "latest ", "newest", "5\n", "-1\n", "null", "undefined"],
    ...["ts", "ts:", "ts: 5", "ts:-1", "ts:+5", "ts:1e3", "ts:9223372036854775808", "TS:5"],
  ]
) {
  Deno.test(`parseStartPosition() throws bad_parameter, ${JSON.stringify(text)}`, () => {
    assert.equal(readStartPosition(text), undefined);
    assert.throws(() => parseStartPosition(text), { name: "ProxyError", code: "bad_parameter" });
  });
}

Deno.test("parseStartPosition() names the value and what would be right, wrong text", () => {
  assert.throws(() => parseStartPosition("end"), {
    name: "ProxyError",
    code: "bad_parameter",
    message: /^Cannot start at "end": wanted an offset .*"earliest".*"-N".*"ts:"/,
  });
});
