import assert from "node:assert/strict";
import { BinaryRecords } from "../../src/client/binary_records.ts";
import { ClientError } from "../../src/client/client_error.ts";

/** A frame of one record: offset 2^53 + 1, no key, the value "v", a header "h" that is null. */
function frame(): ArrayBuffer {
  const bytes = new Uint8Array(32 + 12 + 4 + 5 + 2 + 7);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 1);
  view.setUint16(2, 7, true);
  view.setUint16(4, 1, true);
  view.setInt32(8, 3, true);
  view.setBigInt64(12, 2n ** 53n, true);
  view.setBigInt64(20, 2n ** 53n + 9n, true);
  view.setUint32(28, 1, true);
  view.setUint32(32, 1, true);
  view.setBigInt64(36, 1_790_000_000_000n, true);
  view.setInt32(44, -1, true);
  view.setInt32(48, 1, true);
  view.setUint8(52, 118);
  view.setUint16(53, 1, true);
  view.setUint16(55, 1, true);
  view.setUint8(57, 104);
  view.setInt32(58, -1, true);
  return bytes.buffer;
}

Deno.test("BinaryRecords reads a frame to its last byte, offsets exact beyond 2^53", () => {
  const records = new BinaryRecords(frame());
  assert.deepEqual(
    [records.subscription, records.topicIndex, records.partition, records.count, records.left],
    [7, 1, 3, 1, 1],
  );
  assert.equal(records.nextOffset, 9_007_199_254_741_001n);
  assert.ok(records.next());
  assert.equal(records.offset, 9_007_199_254_740_993n);
  assert.equal(records.timestamp, 1_790_000_000_000);
  assert.equal(records.key, null);
  assert.deepEqual(records.value, new Uint8Array([118]));
  assert.deepEqual(records.headers, [["h", null]]);
  assert.equal(records.next(), false);
});

Deno.test("BinaryRecords refuses what is no frame of records, and one that ends too early", () => {
  const isBadFrame = (error: unknown) => error instanceof ClientError && error.code === "bad_frame";
  assert.throws(() => new BinaryRecords(new ArrayBuffer(31)), isBadFrame);
  assert.throws(() => new BinaryRecords(new ArrayBuffer(32)), isBadFrame);
  const short = new BinaryRecords(frame().slice(0, 50));
  assert.throws(() => short.next(), RangeError);
});
