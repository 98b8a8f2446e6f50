import assert from "node:assert/strict";
import { RecordWalker } from "../../src/protocol/record_walker.ts";
import { buildRecords, type RecordInput } from "../support/batch_builder.ts";

const CORRUPT = { name: "ProxyError", code: "corrupt_batch" };

function walkerOn(bytes: Uint8Array, recordCount: number): RecordWalker {
  const walker = new RecordWalker();
  walker.start(bytes, recordCount, 1200n);
  return walker;
}

/** What a walker shows of the record it stands on, copied out. */
function shown(walker: RecordWalker) {
  const text = (at: number, length: number) =>
    length < 0 ? null : new TextDecoder().decode(walker.bytes.subarray(at, at + length));
  const headers: [string | null, string | null][] = [];
  walker.headers((nameAt, nameLength, valueAt, valueLength) => {
    headers.push([text(nameAt, nameLength), text(valueAt, valueLength)]);
  });
  return {
    offsetDelta: walker.offsetDelta,
    timestampDelta: walker.timestampDelta(),
    key: text(walker.keyAt, walker.keyLength),
    value: text(walker.valueAt, walker.valueLength),
    headers,
  };
}

function all(records: readonly RecordInput[]) {
  const walker = walkerOn(buildRecords(records), records.length);
  const found = [];
  while (walker.next()) found.push(shown(walker));
  return found;
}

Deno.test("RecordWalker.next() is false at once, no records", () => {
  assert.equal(walkerOn(new Uint8Array(0), 0).next(), false);
});

Deno.test("RecordWalker.next() shows null, empty and present apart, keys, values and headers", () => {
  const records: RecordInput[] = [
    { key: null, value: null },
    { key: "", value: "" },
    { key: "k", value: "v", headers: [["a", "1"], ["a", ""], ["", null]] },
  ];
  assert.deepEqual(all(records), [
    { offsetDelta: 0, timestampDelta: 0n, key: null, value: null, headers: [] },
    { offsetDelta: 1, timestampDelta: 0n, key: "", value: "", headers: [] },
    {
      offsetDelta: 2,
      timestampDelta: 0n,
      key: "k",
      value: "v",
      headers: [["a", "1"], ["a", ""], ["", null]],
    },
  ]);
});

Deno.test("RecordWalker.next() reads deltas at the bounds of their varints", () => {
  for (const offsetDelta of [0, 63, 64, 8191, 8192, 2 ** 20, 2 ** 27, 2 ** 31 - 1]) {
    assert.equal(all([{ value: "v", offsetDelta }])[0].offsetDelta, offsetDelta);
  }
  for (const timestampDelta of [0n, -1n, 63n, -64n, 64n, 2n ** 31n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    assert.equal(all([{ value: "v", timestampDelta }])[0].timestampDelta, timestampDelta);
  }
});

Deno.test("RecordWalker.next() stops after the count, bytes left over", () => {
  const walker = walkerOn(buildRecords([{ value: "a" }, { value: "b" }]), 1);
  assert.equal(walker.next(), true);
  assert.equal(walker.next(), false);
});

Deno.test("RecordWalker.start() begins anew, used before", () => {
  const walker = walkerOn(buildRecords([{ value: "a" }]), 1);
  walker.next();
  walker.start(buildRecords([{ value: "b" }]), 1, 0n);
  walker.next();
  assert.equal(shown(walker).value, "b");
});

/** A record whose body is given byte by byte; every byte under 64 is a varint of half its value. */
const record = (...body: number[]) => Uint8Array.of(body.length * 2, ...body);
const GOOD = [0, 0, 0, 1, 1, 0];

for (
  const [what, bytes] of [
    ["more records counted than there are", new Uint8Array(0)],
    ["a length of -1", Uint8Array.of(1, ...GOOD)],
    ["a length under the least", Uint8Array.of(10, ...GOOD)],
    ["a length over what is there", Uint8Array.of(14, ...GOOD)],
    ["a length of 2^31 - 1", Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0x0f, ...GOOD)],
    ["a length without an end", Uint8Array.of(0x80, 0x80, 0x80)],
    ["a key longer than the record", record(0, 0, 0, 40, 1, 0)],
    ["a key of 2^31 - 1 bytes", record(0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0)],
    ["a value longer than the record", record(0, 0, 0, 1, 40, 0)],
    ["a negative number of headers", record(0, 0, 0, 1, 1, 1)],
    ["more headers than there are bytes", record(0, 0, 0, 1, 1, 40)],
    ["bytes after the last field", record(0, 0, 0, 1, 1, 0, 0)],
    ["a timestamp without an end", record(0, 0x80, 0x80, 0x80, 0x80, 0x80)],
    ["a negative offset delta", record(0, 0, 1, 1, 1, 0)],
  ] as [string, Uint8Array][]
) {
  Deno.test(`RecordWalker.next() throws corrupt_batch, ${what}`, () => {
    assert.throws(() => walkerOn(bytes, 1).next(), CORRUPT);
  });
}

for (
  const [what, bytes] of [
    ["a name of length -1", record(0, 0, 0, 1, 1, 2, 1, 1)],
    ["a name longer than the record", record(0, 0, 0, 1, 1, 2, 40, 1)],
    ["a value longer than the record", record(0, 0, 0, 1, 1, 2, 0, 40)],
    ["a header missing", record(0, 0, 0, 1, 1, 4, 0, 0)],
  ] as [string, Uint8Array][]
) {
  Deno.test(`RecordWalker.headers() throws corrupt_batch, ${what}`, () => {
    const walker = walkerOn(bytes, 1);
    assert.equal(walker.next(), true);
    assert.throws(() => walker.headers(() => {}), CORRUPT);
  });
}

Deno.test("RecordWalker.next() names the batch, corrupt_batch", () => {
  assert.throws(() => walkerOn(new Uint8Array(0), 1).next(), {
    ...CORRUPT,
    message: /offset 1200/,
  });
});
