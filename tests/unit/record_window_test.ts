import assert from "node:assert/strict";
import { ownRecord, RecordWindow } from "../../src/console/page/record_window.js";

/** A record whose key, value and header are `size` bytes together. */
function record(offset: number, size: number) {
  const header = ["h", new Uint8Array(1)] as const;
  return { offset, key: new Uint8Array(1), value: new Uint8Array(size - 3), headers: [header] };
}

function offsets(window: RecordWindow): number[] {
  return window.items.map(({ offset }: { offset: number }) => offset);
}

Deno.test("RecordWindow keeps the newest, in number, however many come", () => {
  const window = new RecordWindow({ mostRecords: 3, mostBytes: 1_000 });
  for (let i = 0; i < 50; i++) {
    window.add(record(i, 10));
    assert.equal(window.count, Math.min(i + 1, 3));
    assert.equal(window.bytes, window.count * 10);
  }
  assert.deepEqual(offsets(window), [47, 48, 49]);
});

Deno.test("RecordWindow keeps the newest, in bytes: a large record takes the place of many", () => {
  const window = new RecordWindow({ mostRecords: 100, mostBytes: 100 });
  for (let i = 0; i < 10; i++) window.add(record(i, 10));
  assert.deepEqual([window.count, window.bytes], [10, 100]);
  window.add(record(10, 75));
  assert.deepEqual(offsets(window), [8, 9, 10]);
  assert.equal(window.bytes, 95);
});

Deno.test("RecordWindow keeps one record that is larger than all it may keep", () => {
  const window = new RecordWindow({ mostRecords: 100, mostBytes: 100 });
  window.add(record(0, 10));
  window.add(record(1, 500));
  assert.deepEqual([offsets(window), window.bytes], [[1], 500]);
  window.add(record(2, 10));
  assert.deepEqual([offsets(window), window.bytes], [[2], 10]);
});

Deno.test("RecordWindow counts gaps and tombstones, and no bytes of theirs", () => {
  const window = new RecordWindow();
  window.add({ gap: "5 records", partition: 0, offset: 1n });
  window.add({ key: null, value: null, headers: [["h", null]] });
  assert.deepEqual([window.count, window.bytes], [2, 1]);
});

Deno.test("ownRecord() holds nothing of the frame it was read from", () => {
  const frame = new Uint8Array([1, 2, 3, 4]);
  const own = ownRecord({
    topic: "t",
    partition: 1,
    offset: 2n,
    timestamp: 3,
    key: frame.subarray(0, 1),
    value: null,
    headers: [["a", frame.subarray(1, 3)], ["b", null]],
  });
  frame.fill(0);
  assert.deepEqual(own, {
    topic: "t",
    partition: 1,
    offset: 2n,
    timestamp: 3,
    key: new Uint8Array([1]),
    value: null,
    headers: [["a", new Uint8Array([2, 3])], ["b", null]],
  });
  assert.equal(own.key!.buffer.byteLength, 1);
  assert.equal((own.headers[0][1] as Uint8Array).buffer.byteLength, 2);
});
