import assert from "node:assert/strict";
import { v2BinaryFormatKey, V2BinaryFrameEncoder } from "../../src/protocol/v2_binary_frames.ts";
import type { V2BinaryFormat } from "../../src/protocol/v2_binary_frames.ts";
import { readBinaryFrame } from "../../src/protocol/v2_binary_reader.ts";
import { type V2Format, v2FormatKey, V2FrameEncoder } from "../../src/protocol/v2_frames.ts";
import type { BatchInput, RecordInput } from "../support/batch_builder.ts";
import { allFrames, chunkOf, wireBatches } from "../support/encoded_frames.ts";

const LIMITS = { maxBytes: 500_000, frameBytes: 262_144, maxRecords: 2 ** 31 };

const FORMAT: V2Format = {
  ...LIMITS,
  subscription: 1,
  encoding: "text",
  key: true,
  timestamp: true,
  headers: true,
};

const BINARY: V2BinaryFormat = { ...LIMITS, subscription: 258, topicIndex: 2 };

function batch(records: readonly RecordInput[], more: Partial<BatchInput> = {}): BatchInput {
  return { baseOffset: 1200n, baseTimestampMs: 1_790_000_000_000n, records, ...more };
}

/** The only frame of a batch. */
async function frame(input: BatchInput, format: Partial<V2Format> = {}): Promise<string> {
  const encoder = new V2FrameEncoder(chunkOf(wireBatches([input])), 0n, { ...FORMAT, ...format });
  const [{ data }] = await allFrames(encoder);
  return String(data);
}

/** The records' part of the only frame, with nothing but offset and value. */
async function values(encoding: V2Format["encoding"], list: readonly (string | Uint8Array)[]) {
  const format = { encoding, key: false, timestamp: false, headers: false };
  const text = await frame(batch(list.map((value) => ({ value }))), format);
  return text.slice(text.indexOf("["), text.lastIndexOf("]") + 1);
}

Deno.test("V2FrameEncoder.next() is the documented frame, all fields", async () => {
  const records: RecordInput[] = [
    { key: "k1", value: '{"a":1}', headers: [["trace", "x"], ["trace", null]] },
    { value: null, timestampDelta: 1n },
  ];
  assert.equal(
    await frame(batch(records), { encoding: "json" }),
    '{"type":"records","subscription":1,"topic":"orders","partition":7,"records":[' +
      '{"offset":"1200","timestamp":1790000000000,"key":"k1","value":{"a":1},' +
      '"headers":[["trace","x"],["trace",null]]},' +
      '{"offset":"1201","timestamp":1790000000001,"key":null,"value":null}' +
      '],"next":"1202","end":"1202"}',
  );
});

Deno.test("V2FrameEncoder.next() says what it cannot embed as text, encoding json", async () => {
  assert.equal(
    await values("json", ["1.0", "", "no json", " null ", '"é"', "{"]),
    '[{"offset":"1200","value":1.0},' +
      '{"offset":"1201","value":"","valueEncoding":"text"},' +
      '{"offset":"1202","value":"no json","valueEncoding":"text"},' +
      '{"offset":"1203","value":" null ","valueEncoding":"text"},' +
      '{"offset":"1204","value":"é"},' +
      '{"offset":"1205","value":"{","valueEncoding":"text"}]',
  );
});

Deno.test("V2FrameEncoder.next() says bytes that are not UTF-8 in base64", async () => {
  const wrong = Uint8Array.of(0x61, 0xff);
  const inBase64 = '[{"offset":"1200","value":"Yf8=","valueEncoding":"base64"}]';
  assert.equal(await values("text", [wrong]), inBase64);
  assert.equal(await values("json", [wrong]), inBase64);
  assert.equal(
    await values("json", [Uint8Array.of(0x22, 0xff, 0x22)]),
    inBase64.replace("Yf8=", "Iv8i"),
  );
  assert.equal(await values("base64", [wrong]), '[{"offset":"1200","value":"Yf8="}]');
  const record = { key: wrong, value: "v", headers: [[wrong, wrong] as const] };
  assert.match(
    await frame(batch([record]), { timestamp: false }),
    /\{"offset":"1200","key":\{"base64":"Yf8="\},"value":"v","headers":\[\["a\ufffd",\{"base64":"Yf8="\}\]\]\}/,
  );
});

Deno.test("V2FrameEncoder.next() leads past the chunk with its last record alone", async () => {
  const chunk = { ...chunkOf(wireBatches([batch([{ value: "a" }, { value: "b" }])])), next: 1300n };
  const frames = await allFrames(new V2FrameEncoder(chunk, 0n, { ...FORMAT, maxRecords: 1 }));
  assert.deepEqual(frames.map(({ next }) => next), [1201n, 1300n]);
  assert.deepEqual(frames.map(({ data }) => JSON.parse(String(data)).next), ["1201", "1300"]);
});

for (const timestampMs of [0n, 9n, 99_999_999n, 100_000_000n, 2n ** 53n - 1n, 2n ** 53n, -1n]) {
  Deno.test(`V2FrameEncoder.next() has the exact time, ${timestampMs}`, async () => {
    const text = await frame(batch([{ value: "a" }], { baseTimestampMs: timestampMs }));
    assert.ok(text.includes(`"timestamp":${timestampMs},`), text);
  });
}

Deno.test("V2BinaryFrameEncoder.next() is the documented layout, byte by byte", async () => {
  const records: RecordInput[] = [{
    key: "k",
    value: null,
    headers: [["h", "v"]],
    timestampDelta: 5n,
  }, { value: "é" }];
  const encoder = new V2BinaryFrameEncoder(
    chunkOf(wireBatches([batch(records, { baseTimestampMs: 2n ** 32n })])),
    0n,
    BINARY,
  );
  const [{ data, bytes }] = await allFrames(encoder);
  assert.equal(bytes, data.length);
  assert.equal(
    (data as Uint8Array).toHex(),
    "01" + "00" + "0201" + "0200" + "0000" + "07000000" + "b004000000000000" + "b204000000000000" +
      "02000000" +
      "00000000" + "0500000001000000" + "01000000" + "6b" + "ffffffff" + "0100" +
      "0100" + "68" + "01000000" + "76" +
      "01000000" + "0000000001000000" + "ffffffff" + "02000000" + "c3a9" + "0000",
  );
});

Deno.test("V2BinaryFrameEncoder.next() gives each frame bytes of its own", async () => {
  const records = [{ value: "a" }, { value: "b" }];
  const encoder = new V2BinaryFrameEncoder(chunkOf(wireBatches([batch(records)])), 0n, {
    ...BINARY,
    maxRecords: 1,
  });
  const frames = (await allFrames(encoder)).map(({ data }) => readBinaryFrame(data as Uint8Array));
  assert.deepEqual(frames.map(({ records }) => records[0].value), [
    Uint8Array.of(0x61),
    Uint8Array.of(0x62),
  ]);
  assert.deepEqual(frames.map(({ next }) => next), [1201n, 1202n]);
});

Deno.test("V2BinaryFrameEncoder.next() counts beyond 16 bits, names and headers", async () => {
  const name = "n".repeat(65_535);
  const many = Array.from({ length: 65_536 }, () => ["", null] as const);
  const encoder = new V2BinaryFrameEncoder(
    chunkOf(wireBatches([batch([{ value: "a", headers: [[name, "x"]] }, {
      value: "b",
      headers: many,
    }])])),
    0n,
    BINARY,
  );
  const frames = (await allFrames(encoder)).map(({ data }) => readBinaryFrame(data as Uint8Array));
  const [first, second] = frames.flatMap(({ records }) => records);
  assert.equal(new TextDecoder().decode(first.headers[0][0]), name);
  assert.equal(second.headers.length, 65_536);
});

Deno.test("V2BinaryFrameEncoder.next() cuts where an offset is too far, 2^32 after the first", async () => {
  const far = (baseOffset: bigint) => batch([{ value: "a" }], { baseOffset });
  const chunk = chunkOf(wireBatches([far(1n), far(2n ** 32n), far(2n ** 32n + 1n)]));
  const frames = (await allFrames(new V2BinaryFrameEncoder(chunk, 0n, BINARY)))
    .map(({ data }) => readBinaryFrame(data as Uint8Array).records.map(({ offset }) => offset));
  assert.deepEqual(frames, [[1n, 2n ** 32n], [2n ** 32n + 1n]]);
});

Deno.test("readBinaryFrame() throws, bytes cut off or too many", async () => {
  const encoder = new V2BinaryFrameEncoder(
    chunkOf(wireBatches([batch([{ value: "abc" }])])),
    0n,
    BINARY,
  );
  const data = (await allFrames(encoder))[0].data as Uint8Array;
  for (let length = 0; length < data.length; length++) {
    assert.throws(() => readBinaryFrame(data.subarray(0, length)), RangeError);
  }
  assert.throws(() => readBinaryFrame(Uint8Array.of(...data, 0)), RangeError);
});

Deno.test("v2FormatKey() and v2BinaryFormatKey() differ in every property", () => {
  const keys = [
    v2FormatKey(FORMAT),
    v2FormatKey({ ...FORMAT, subscription: 2 }),
    v2FormatKey({ ...FORMAT, encoding: "json" }),
    v2FormatKey({ ...FORMAT, key: false }),
    v2FormatKey({ ...FORMAT, timestamp: false }),
    v2FormatKey({ ...FORMAT, headers: false }),
    v2FormatKey({ ...FORMAT, maxBytes: 1 }),
    v2FormatKey({ ...FORMAT, frameBytes: 1 }),
    v2FormatKey({ ...FORMAT, maxRecords: 1 }),
    v2BinaryFormatKey(BINARY),
    v2BinaryFormatKey({ ...BINARY, subscription: 2 }),
    v2BinaryFormatKey({ ...BINARY, topicIndex: 3 }),
    v2BinaryFormatKey({ ...BINARY, maxBytes: 1 }),
    v2BinaryFormatKey({ ...BINARY, frameBytes: 1 }),
    v2BinaryFormatKey({ ...BINARY, maxRecords: 1 }),
  ];
  assert.equal(new Set(keys).size, keys.length);
});
