import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { parseV2Request } from "../../src/protocol/v2_parser.ts";
import type { ProduceRequest, SubscribeRequest } from "../../src/protocol/v2_requests.ts";

function subscribe(fields: Record<string, unknown>): SubscribeRequest {
  const request = parseV2Request(
    JSON.stringify({ type: "subscribe", topics: ["orders"], ...fields }),
  );
  assert.ok(request.type === "subscribe");
  return request;
}

function produce(frame: string): ProduceRequest {
  const request = parseV2Request(frame);
  assert.ok(request.type === "produce");
  return request;
}

/** Values of one produce frame as text, `null` for a tombstone. */
function values(encoding: string, records: string): (string | null)[] {
  const frame =
    `{"type":"produce","id":1,"topic":"t","encoding":"${encoding}","records":${records}}`;
  return produce(frame).records.map(({ value }) => value && new TextDecoder().decode(value));
}

function refusal(frame: string): ProxyError {
  try {
    parseV2Request(frame);
  } catch (error) {
    assert.ok(error instanceof ProxyError);
    return error;
  }
  assert.fail(`accepted: ${frame}`);
}

Deno.test("parseV2Request() fills in the defaults, subscribe with topics alone", () => {
  assert.deepEqual(subscribe({}), {
    type: "subscribe",
    id: undefined,
    topics: ["orders"],
    group: undefined,
    partitions: undefined,
    from: undefined,
    resume: undefined,
    until: undefined,
    ack: "none",
    credit: undefined,
    encoding: "text",
    fields: ["key", "timestamp", "headers"],
    isolation: "committed",
    onRange: undefined,
    maxBytes: undefined,
    maxRecords: undefined,
    lingerMs: undefined,
    rate: undefined,
    maxUnacked: 10_000,
  });
});

Deno.test("parseV2Request() acknowledges by itself, subscribe with a group", () => {
  assert.equal(subscribe({ group: "g1" }).ack, "auto");
});

Deno.test("parseV2Request() reads every field of subscribe", () => {
  const all = {
    id: 1,
    topics: ["orders", "bills"],
    group: "g1",
    partitions: [3, 0],
    from: "committed",
    resume: "abc_-9",
    until: "end",
    ack: "client",
    credit: 1000,
    encoding: "json",
    fields: ["headers", "key"],
    isolation: "uncommitted",
    onRange: "latest",
    maxBytes: 262_144,
    maxRecords: 500,
    lingerMs: 5,
    rate: 2000,
    maxUnacked: 7,
  };
  assert.deepEqual(subscribe(all), {
    ...all,
    type: "subscribe",
    partitions: [0, 3],
    fields: ["key", "headers"],
    from: { kind: "committed" },
  });
});

for (
  const [from, wanted] of [
    ["earliest", { kind: "earliest" }],
    ["1200", { kind: "offset", offset: 1200n }],
    ["-10", { kind: "last", records: 10n }],
    ["ts:1790000000000", { kind: "timestamp", timestampMs: 1_790_000_000_000n }],
    [{ orders: { "0": "12", "7": "9223372036854775807" } }, {
      kind: "offsets",
      offsets: new Map([["orders", new Map([[0, 12n], [7, 2n ** 63n - 1n]])]]),
    }],
    [{}, { kind: "offsets", offsets: new Map() }],
  ] as const
) {
  Deno.test(`parseV2Request() reads where to start, ${JSON.stringify(from)}`, () => {
    assert.deepEqual(subscribe({ from }).from, wanted);
  });
}

for (
  const frame of [
    '{"type":"ping"}',
    '{"type":"ping","id":9007199254740991}',
    '{"type":"pause","subscription":1}',
    '{"type":"continue","subscription":1,"id":0}',
    '{"type":"unsubscribe","subscription":65535}',
    '{"type":"lag","subscription":1}',
    '{"type":"credit","subscription":1,"records":500}',
    '{"type":"permit","records":500,"bytes":1048576}',
    '{"type":"auth","id":9,"token":"eyJ"}',
  ]
) {
  Deno.test(`parseV2Request() gives the fields as they are, ${frame}`, () => {
    assert.deepEqual({ ...parseV2Request(frame) }, { id: undefined, ...JSON.parse(frame) });
  });
}

Deno.test("parseV2Request() reads ack, nack and seek", () => {
  const place = { id: 3, subscription: 1, topic: "orders", partition: 0 };
  for (const type of ["ack", "nack"]) {
    const frame = JSON.stringify({ type, ...place, offset: "1200" });
    assert.deepEqual(parseV2Request(frame), { type, ...place, offset: 1200n });
  }
  assert.deepEqual(parseV2Request(JSON.stringify({ type: "seek", ...place, from: "latest" })), {
    type: "seek",
    ...place,
    from: { kind: "latest" },
  });
});

Deno.test("parseV2Request() reads the records of produce, every field", () => {
  const request = produce(
    '{"type":"produce","id":7,"topic":"t","records":[' +
      '{"key":"k","value":"é","headers":[["a","b"],["a",null],["c",{"base64":"AP8="}]],' +
      '"partition":3,"timestamp":1790000000000},{"key":{"base64":""},"value":null}]}',
  );
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.deepEqual(request, {
    type: "produce",
    id: 7,
    topic: "t",
    records: [{
      key: bytes("k"),
      value: bytes("é"),
      headers: [["a", bytes("b")], ["a", null], ["c", new Uint8Array([0, 255])]],
      timestampMs: 1_790_000_000_000n,
      partition: 3,
    }, {
      key: new Uint8Array(0),
      value: null,
      headers: [],
      timestampMs: undefined,
      partition: undefined,
    }],
  });
});

Deno.test("parseV2Request() keeps the source text of a value, encoding json", () => {
  const sources = [
    "12345678901234567890",
    "1.0",
    "-0",
    "1e400",
    '"a\\u0041\\"\\\\"',
    '{ "b" : 1,\t"a":[ {}, [ ], "]}\\"" ] }',
    '{"a":1,"a":2}',
    "true",
    '"\\ud800"',
    '{"value":{"records":[{"value":3}]}}',
  ];
  const records = sources.map((source) => `{"key": "value" ,"value" : ${source}\n}`);
  assert.deepEqual(values("json", `[ ${records.join(" , ")} ]`), sources);
});

Deno.test("parseV2Request() finds values under escaped and repeated names, encoding json", () => {
  assert.deepEqual(values("json", '[{"v\\u0061lue":1,"key":null}]'), ["1"]);
  assert.deepEqual(values("json", '[{"value":1,"value": 2 }]'), ["2"]);
  const twice = '{"records":[1,{"value":5},{"x":1}],"type":"produce","id":1,"topic":"t",' +
    '"encoding":"json","\\u0072ecords":[{"value":6.0}]}';
  assert.deepEqual(produce(twice).records.map(({ value }) => value), [
    new TextEncoder().encode("6.0"),
  ]);
});

Deno.test("parseV2Request() gives tombstones, null in every encoding", () => {
  for (const encoding of ["text", "json", "base64"]) {
    assert.deepEqual(values(encoding, '[{"value":null}]'), [null]);
  }
});

Deno.test("parseV2Request() decodes base64, encoding base64", () => {
  assert.deepEqual(values("base64", '[{"value":"aMOp"},{"value":""}]'), ["hé", ""]);
});

/** Frames with one thing wrong, and what the message says of it. */
const WRONG: readonly (readonly [frame: string, problem: string])[] = [
  ["[]", "it is an array of 0, wanted a JSON object"],
  ["null", "it is null, wanted a JSON object"],
  ['"x"', 'it is "x", wanted a JSON object'],
  ["{}", '"type" is missing, wanted one of subscribe, ack,'],
  ['{"type":1}', '"type" is 1, wanted one of'],
  ['{"type":"subscrbe"}', '"type" is "subscrbe", wanted "subscribe"'],
  ['{"type":"resume"}', '"type" is "resume", wanted "continue"'],
  ['{"type":"constructor"}', '"type" is "constructor", wanted one of'],
  ['{"type":"ping","id":-1}', '"id" is -1, wanted an integer from 0 to 9007199254740991'],
  ['{"type":"ping","id":9007199254740992}', '"id" is 9007199254740992, wanted'],
  ['{"type":"ping","id":"1"}', '"id" is "1", wanted'],
  ['{"type":"ping","id":null}', '"id" is null, wanted'],
  ['{"type":"ping","__proto__":1}', '"__proto__" is no field, wanted one of id'],
  ['{"type":"pause"}', '"subscription" is missing, wanted the number of a subscription'],
  ['{"type":"pause","subscription":0}', '"subscription" is 0, wanted'],
  ['{"type":"pause","subscription":65536}', '"subscription" is 65536, wanted'],
  ['{"type":"credit","subscription":1,"records":0}', '"records" is 0, wanted records, an integer'],
  ['{"type":"credit","subscription":1,"records":1000000001}', '"records" is 1000000001, wanted'],
  ['{"type":"permit","records":1}', '"bytes" is missing'],
  ['{"type":"auth","token":""}', '"token" is not what it has to be, wanted a text'],
  [
    '{"type":"ack","subscription":1,"topic":"t","partition":0,"offset":12}',
    '"offset" is 12, wanted an offset as text',
  ],
  [
    '{"type":"ack","subscription":1,"topic":"t","partition":0,"from":"1"}',
    '"from" is no field, wanted "offset"',
  ],
  [
    '{"type":"seek","subscription":1,"topic":"t","partition":0,"from":"committed"}',
    '"from" is "committed", wanted',
  ],
];

for (const [frame, problem] of WRONG) {
  Deno.test(`parseV2Request() throws bad_frame, ${frame}`, () => {
    const { code, message } = refusal(frame);
    assert.equal(code, "bad_frame");
    assert.ok(message.includes(`: ${problem}`), message);
  });
}

/** Fields of a subscription that are wrong, and what the message says. */
const WRONG_SUBSCRIBE: readonly (readonly [fields: Record<string, unknown>, problem: string])[] = [
  [{ topics: undefined }, '"topics" is missing, wanted an array of 1 to 64'],
  [{ topics: [] }, '"topics" is an array of 0, wanted'],
  [{ topics: "orders" }, '"topics" is "orders", wanted an array'],
  [{ topics: ["a", "a"] }, '"topics" is an array of 2, wanted an array of 1 to 64 different ones'],
  [{ topics: ["a b"] }, '"topics" is an array of 1, wanted'],
  [{ topics: Array.from({ length: 65 }, (_, i) => `t${i}`) }, '"topics" is an array of 65'],
  [{ topic: "orders" }, '"topic" is no field, wanted "topics"'],
  [{ consumerGroup: "g" }, '"consumerGroup" is no field, wanted "group"'],
  [{ group: "" }, '"group" is "", wanted a consumer group'],
  [{ partitions: [] }, '"partitions" is an array of 0, wanted an array of 1 to 16'],
  [{ partitions: [0, 0] }, '"partitions" is an array of 2'],
  [{ partitions: [1.5] }, '"partitions" is an array of 1'],
  [{ partitions: Array.from({ length: 17 }, (_, i) => i) }, '"partitions" is an array of 17'],
  [{ from: 1200 }, '"from" is 1200, wanted "committed"'],
  [{ from: "+1" }, '"from" is "+1", wanted'],
  [{ from: { orders: { "0": 12 } } }, '"from" is an object, wanted'],
  [{ from: { orders: { "00": "12" } } }, '"from" is an object, wanted'],
  [{ from: { bills: { "0": "12" } } }, '"from" names "bills", wanted one of "topics"'],
  [
    { partitions: [1], from: { orders: { "0": "12" } } },
    '"from" names partition 0, wanted one of "partitions"',
  ],
  [{ from: "committed" }, '"from" is "committed" without a "group"'],
  [{ ack: "client" }, '"ack" is "client" without a "group"'],
  [{ ack: "auto" }, '"ack" is "auto" without a "group"'],
  [{ partitions: [0, 1], from: "7" }, '"from" is "7", a place in one partition'],
  [{ topics: ["a", "b"], from: "7" }, '"from" is "7", a place in one partition'],
  [{ until: "tomorrow" }, '"until" is "tomorrow", wanted "end"'],
  [{ resume: "a b" }, '"resume" is "a b", wanted a token'],
  [{ encoding: "JSON" }, '"encoding" is "JSON", wanted "text" or "json" or "base64"'],
  [{ fields: ["value"] }, '"fields" is an array of 1, wanted'],
  [{ credit: 0 }, '"credit" is 0, wanted records, an integer from 1 to 1000000000'],
  [{ maxUnacked: 1_000_001 }, '"maxUnacked" is 1000001, wanted'],
  [{ maxBytes: 0 }, '"maxBytes" is 0, wanted bytes'],
  [{ rate: 1.5 }, '"rate" is 1.5, wanted records a second'],
  [{ lingerMs: 60_001 }, '"lingerMs" is 60001, wanted milliseconds'],
];

for (const [fields, problem] of WRONG_SUBSCRIBE) {
  Deno.test(`parseV2Request() throws bad_frame, subscribe: ${problem}`, () => {
    const frame = { type: "subscribe", id: 4, topics: ["orders"], ...fields };
    const { code, message, details } = refusal(JSON.stringify(frame));
    assert.equal(code, "bad_frame");
    assert.deepEqual(details, { id: 4 });
    assert.ok(message.startsWith(`Cannot read the "subscribe" frame: ${problem}`), message);
  });
}

/** Records of which one is wrong, by encoding, and what the message says. */
const WRONG_RECORDS: readonly (readonly [encoding: string, records: string, problem: string])[] = [
  ["text", "[]", '"records" is an array of 0, wanted an array of at least one record'],
  ["text", "{}", '"records" is an object'],
  ["text", '[{"value":"a"},3]', '"records[1]" is 3, wanted an object'],
  ["text", "[{}]", '"records[0].value" is missing, wanted text or null'],
  ["json", "[{}]", '"records[0].value" is missing, wanted any JSON'],
  ["text", '[{"value":1}]', '"records[0].value" is 1, wanted text or null'],
  ["text", '[{"value":"\\ud800"}]', '"records[0].value" is "\\ud800"'],
  ["text", '[{"vaule":"a"}]', '"records[0].vaule" is no field, wanted "value"'],
  ["base64", '[{"value":"AA"}]', '"records[0].value" is "AA", wanted base64'],
  ["base64", '[{"value":"AB=="}]', '"records[0].value" is "AB==", wanted base64'],
  ["base64", '[{"value":"A A="}]', '"records[0].value" is "A A=", wanted base64'],
  ["base64", '[{"value":"_w=="}]', '"records[0].value" is "_w==", wanted base64'],
  ["text", '[{"value":"a","key":1}]', '"records[0].key" is 1, wanted text, {"base64":"..."}'],
  ["text", '[{"value":"a","key":{"base64":"AA"}}]', '"records[0].key" is an object'],
  ["text", '[{"value":"a","key":{"base64":"","x":1}}]', '"records[0].key" is an object'],
  ["text", '[{"value":"a","headers":{}}]', '"records[0].headers" is an object'],
  ["text", '[{"value":"a","headers":[["a"]]}]', '"records[0].headers" is an array of 1'],
  ["text", '[{"value":"a","headers":[[null,"a"]]}]', '"records[0].headers" is an array of 1'],
  ["text", '[{"value":"a","partition":-1}]', '"records[0].partition" is -1, wanted a partition'],
  ["text", '[{"value":"a","timestamp":1.5}]', '"records[0].timestamp" is 1.5, wanted millisec'],
];

for (const [encoding, records, problem] of WRONG_RECORDS) {
  Deno.test(`parseV2Request() throws bad_frame, ${encoding} ${records}`, () => {
    const frame =
      `{"type":"produce","id":7,"topic":"t","encoding":"${encoding}","records":${records}}`;
    const { code, message, details } = refusal(frame);
    assert.equal(code, "bad_frame");
    assert.deepEqual(details, { id: 7 });
    assert.ok(message.startsWith(`Cannot read the "produce" frame: ${problem}`), message);
  });
}

Deno.test("parseV2Request() throws bad_frame, produce without an id", () => {
  const { message } = refusal('{"type":"produce","topic":"t","records":[{"value":"a"}]}');
  assert.match(message, /"id" is missing/);
});

for (const frame of ["", "{", "hello", '{"type":"ping"}}', "\ufeff{}", '{"a":"\ud800"}']) {
  Deno.test(`parseV2Request() throws malformed_json, ${JSON.stringify(frame)}`, () => {
    assert.equal(refusal(frame).code, "malformed_json");
  });
}

Deno.test("parseV2Request() repeats no credentials, auth that is wrong or not JSON", () => {
  for (
    const frame of ['{"type":"auth","token":["s3cret"]}', '{"type":"auth","token":"s3cret"', "s3c"]
  ) {
    assert.doesNotMatch(refusal(frame).message, /s3c/);
  }
});
