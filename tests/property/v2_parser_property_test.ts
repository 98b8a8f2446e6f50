import assert from "node:assert/strict";
import fc from "fast-check";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { parseV2Request } from "../../src/protocol/v2_parser.ts";
import type { V2Request } from "../../src/protocol/v2_requests.ts";

const TYPES: readonly V2Request["type"][] = [
  ...["subscribe", "ack", "nack", "credit", "pause", "continue", "unsubscribe", "lag"] as const,
  ...["seek", "ping", "produce", "permit", "auth"] as const,
];

const NAMES = [
  ...["id", "topics", "topic", "group", "partitions", "partition", "from", "resume", "until"],
  ...["ack", "credit", "encoding", "fields", "isolation", "onRange", "maxBytes", "maxRecords"],
  ...["lingerMs", "rate", "maxUnacked", "subscription", "offset", "records", "bytes", "token"],
  ...["value", "key", "headers", "timestamp", "base64", "__proto__", "type"],
];

/** The request, or `undefined` where a refusal says what is wrong; anything else fails. */
function requestOrRefusal(text: string): V2Request | undefined {
  try {
    return parseV2Request(text);
  } catch (error) {
    assert.ok(error instanceof ProxyError, String(error));
    assert.ok(error.code === "bad_frame" || error.code === "malformed_json");
    assert.ok(error.message.length < 1000, error.message);
    return undefined;
  }
}

/** Values that are right somewhere, or nearly. */
const likelyValue = fc.oneof(
  fc.constantFrom<unknown>(
    ...["orders", "g1", "earliest", "committed", "12", "-3", "ts:5", "end", "client", "json"],
    ...["base64", "text", "AA==", "key", "latest", null, 0, 1, 1.5, -1, 2 ** 53, 1e308],
    ...[[0], [1, 0], ["orders"], ["key"], [{ value: "a" }], [{ value: null, key: "k" }]],
    { orders: { 0: "12" } },
    [{ value: { a: 1 }, headers: [["a", { base64: "AA==" }]], partition: 1, timestamp: 5 }],
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

const likelyFrame = fc.tuple(
  fc.constantFrom(...TYPES),
  fc.dictionary(fc.constantFrom(...NAMES), likelyValue, { maxKeys: 8 }),
  fc.boolean(),
).map(([type, fields, isWhole]) =>
  JSON.stringify({
    ...(isWhole ? { id: 1, topics: ["orders"], topic: "orders", records: [{ value: "a" }] } : {}),
    ...fields,
    type,
  })
);

Deno.test("parseV2Request() gives a request or a refusal, arbitrary JSON", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), likelyFrame), (text) => {
      const request = requestOrRefusal(text);
      if (request !== undefined) assert.ok(TYPES.includes(request.type));
    }),
    { numRuns: 3000 },
  );
});

Deno.test("parseV2Request() gives a request or a refusal, arbitrary text and bytes", () => {
  const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => new TextDecoder().decode(each));
  const units = fc.string({ unit: "binary", maxLength: 200 });
  const cut = fc.tuple(likelyFrame, fc.nat(), fc.string()).map(([frame, at, extra]) => {
    const place = at % (frame.length + 1);
    return frame.slice(0, place) + extra + frame.slice(place + 1);
  });
  fc.assert(
    fc.property(fc.oneof(bytes, units, cut), (text) => void requestOrRefusal(text)),
    { numRuns: 2000 },
  );
});

Deno.test("parseV2Request() keeps every value of a produce frame, encoding json", () => {
  const spaced = fc.tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"))
    .map(([value, space]) => JSON.stringify(value, undefined, space));
  const record = fc.record({ value: spaced, key: fc.string({ unit: "grapheme" }) });
  fc.assert(fc.property(fc.array(record, { minLength: 1 }), fc.boolean(), (records, keyFirst) => {
    const texts = records.map(({ value, key }) => {
      const members = [`"key":${JSON.stringify(key)}`, `"value" : ${value}\n`];
      return `{${(keyFirst ? members : members.reverse()).join(", ")}}`;
    });
    const frame = `{"records":[${texts.join(",")}],"type":"produce","id":1,"topic":"t",` +
      '"encoding":"json"}';
    const request = parseV2Request(frame);
    assert.ok(request.type === "produce");
    const said = request.records.map(({ value }) => value && new TextDecoder().decode(value));
    assert.deepEqual(said, records.map(({ value }) => value === "null" ? null : value));
  }));
});

/** Four megabytes, the most a server looks at, of what could make a parser slow or deep. */
const BIG = 4_194_304;
const produced = (records: string) =>
  `{"type":"produce","id":1,"topic":"t","encoding":"json","records":${records}}`;
const repeated = (text: string) => text.repeat(Math.floor(BIG / text.length));

const HOSTILE: readonly (readonly [what: string, text: () => string])[] = [
  ["deep arrays", () => repeated("[")],
  ["deep arrays that end", () => "[".repeat(BIG / 2) + "]".repeat(BIG / 2)],
  [
    "a deep value",
    () => produced(`[{"value":${"[".repeat(BIG / 2)}${"]".repeat(BIG / 2)}}]`),
  ],
  ["backslashes", () => produced(`[{"value":"${"\\\\".repeat(BIG / 2)}"}]`)],
  ["escaped quotes", () => produced(`[{"value":"${'\\"'.repeat(BIG / 2)}"}]`)],
  ["blanks", () => produced(`[{"value":1${" ".repeat(BIG)}}]`)],
  ["many records", () => produced(`[${repeated('{"value":1},')}{"value":1}]`)],
  ["repeated names", () => produced(`[{${repeated('"value":1,')}"value":1}]`)],
  [
    "many unknown fields",
    () => `{"type":"ping"${Array.from({ length: 200_000 }, (_, i) => `,"a${i}":1`).join("")}}`,
  ],
  ["a long topic", () => `{"type":"subscribe","topics":["${"a".repeat(BIG)}"]}`],
  ["a long type", () => `{"type":"${"a".repeat(BIG)}"}`],
  ["a long name", () => `{"type":"ping","${"i".repeat(BIG)}":1}`],
  ["a long token", () => `{"type":"subscribe","topics":["a"],"resume":"${"a".repeat(BIG)}"}`],
  ["a long offset", () => `{"type":"subscribe","topics":["a"],"from":"${"1".repeat(BIG)}"}`],
  ["a long time", () => `{"type":"subscribe","topics":["a"],"from":"ts:${"1-".repeat(BIG / 2)}"}`],
];

for (const [what, text] of HOSTILE) {
  Deno.test(`parseV2Request() ends soon, ${what}`, () => {
    const frame = text();
    const start = performance.now();
    requestOrRefusal(frame);
    const ms = performance.now() - start;
    // Tens of ms on a quiet machine; work that grows with the square of the size would take hours.
    assert.ok(ms < 60_000, `${Math.round(ms)} ms`);
  });
}
