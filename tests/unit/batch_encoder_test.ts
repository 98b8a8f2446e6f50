import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { NewRecord } from "../../src/core/ports.ts";
import { RecordWalker } from "../../src/protocol/record_walker.ts";
import {
  BATCH_HEADER_BYTES,
  BatchEncoder,
  mostRecordBytes,
  stampBatch,
} from "../../src/kafka/batch_encoder.ts";
import { COMPRESSORS } from "../../src/kafka/codecs/compress.ts";
import { crc32c } from "../../src/kafka/crc32c.ts";
import { readRecordBatches } from "../../src/kafka/record_batches.ts";
import { buildBatch } from "../support/batch_builder.ts";

const LIMIT = 1 << 20;

function record(value: string | null, rest: Partial<NewRecord> = {}): NewRecord {
  return { key: null, value: value === null ? null : Buffer.from(value), headers: [], ...rest };
}

function encode(records: readonly NewRecord[], times: readonly number[] = []): Buffer {
  const encoder = new BatchEncoder();
  records.forEach((one, i) => assert.ok(encoder.append(one, times[i] ?? 1000, LIMIT)));
  return encoder.finish(0, undefined);
}

/** The records of a batch, as plain data. */
function decode(batch: Buffer) {
  const { batches: [found], error } = readRecordBatches(batch, [], LIMIT);
  assert.equal(error, undefined);
  const opened = found.open();
  assert.ok(opened instanceof Uint8Array);
  const walker = new RecordWalker();
  walker.start(opened, found.recordCount, 0n);
  const records = [];
  while (walker.next()) {
    const { bytes, keyAt, keyLength, valueAt, valueLength, offsetDelta } = walker;
    const part = (at: number, length: number) =>
      length < 0 ? null : Buffer.from(bytes.subarray(at, at + length)).toString("hex");
    const headers: [string | null, string | null][] = [];
    walker.headers((nameAt, nameLength, at, length) => {
      headers.push([part(nameAt, nameLength), part(at, length)]);
    });
    records.push({
      key: part(keyAt, keyLength),
      value: part(valueAt, valueLength),
      headers,
      offsetDelta,
      timestampMs: found.baseTimestampMs + walker.timestampDelta(),
    });
  }
  return records;
}

Deno.test("BatchEncoder writes what a Kafka client writes, byte for byte", () => {
  const records = [
    record("one"),
    record(null, { key: Buffer.from("k") }),
    record("", { headers: [["é", Buffer.from([255])], ["é", null]] }),
  ];
  const own = encode(records, [1000, 900, 1500]);
  own.writeUInt32BE(0, 17);
  const expected = buildBatch({
    baseOffset: 0n,
    baseTimestampMs: 1000n,
    records: [
      { value: "one" },
      { key: "k", value: null, timestampDelta: -100n },
      { value: "", headers: [["é", Buffer.from([255])], ["é", null]], timestampDelta: 500n },
    ],
  });
  expected.writeInt32BE(-1, 12); // the leader's epoch is for the broker to say
  own.fill(0, 43, 57); // the producer's numbers
  expected.fill(0, 43, 57);
  assert.equal(own.toString("hex"), expected.toString("hex"));
});

Deno.test("BatchEncoder writes any records so that they are read again", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const optional = fc.option(bytes, { nil: null });
  const records = fc.array(
    fc.record({
      key: optional,
      value: optional,
      headers: fc.array(fc.tuple(fc.string({ unit: "grapheme" }), optional), { maxLength: 4 }),
      time: fc.nat({ max: 2 ** 52 - 1 }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(fc.property(records, (input) => {
    const hex = (part: Uint8Array | null) => part && Buffer.from(part).toString("hex");
    const batch = encode(input, input.map(({ time }) => time));
    assert.deepEqual(
      decode(batch),
      input.map(({ key, value, headers, time }, i) => ({
        key: hex(key),
        value: hex(value),
        headers: headers.map(([name, part]) => [hex(Buffer.from(name)), hex(part)]),
        offsetDelta: i,
        timestampMs: BigInt(time),
      })),
    );
    assert.equal(batch.readBigInt64BE(35), BigInt(Math.max(...input.map(({ time }) => time))));
    const most = input.reduce((sum, one) => sum + mostRecordBytes(one), BATCH_HEADER_BYTES);
    assert.ok(batch.length <= most);
  }));
});

for (const [name, { codec, compress }] of Object.entries(COMPRESSORS)) {
  Deno.test(`BatchEncoder.finish() compresses the records and says how, ${name}`, () => {
    const encoder = new BatchEncoder();
    for (let i = 0; i < 100; i++) encoder.append(record("the same again"), 5, LIMIT);
    const batch = encoder.finish(codec, compress);
    assert.equal(batch.readInt16BE(21), codec);
    assert.equal(decode(batch).length, 100);
    if (compress !== undefined) assert.ok(batch.length < encoder.length / 4);
  });
}

Deno.test("BatchEncoder.append() keeps to the limit, but for a first record", () => {
  const encoder = new BatchEncoder();
  assert.ok(encoder.append(record("x".repeat(500)), 0, 100));
  assert.ok(!encoder.append(record("x"), 0, 100));
  assert.equal(encoder.count, 1);
  const exact = new BatchEncoder();
  exact.append(record("x"), 0, LIMIT);
  const { length } = exact;
  exact.append(record("x"), 0, LIMIT);
  const both = exact.length;
  const again = new BatchEncoder();
  assert.ok(again.append(record("x"), 0, length));
  assert.ok(!again.append(record("x"), 0, both - 1));
  assert.ok(again.append(record("x"), 0, both));
});

Deno.test("stampBatch() writes the producer's numbers and the checksum over them", () => {
  const batch = encode([record("x")]);
  stampBatch(batch, { producerId: 2n ** 62n, epoch: 32_767, sequence: 2 ** 31 - 1 });
  assert.equal(batch.readBigInt64BE(43), 2n ** 62n);
  assert.equal(batch.readInt16BE(51), 32_767);
  assert.equal(batch.readInt32BE(53), 2 ** 31 - 1);
  assert.equal(batch.readUInt32BE(17), crc32c(batch.subarray(21)));
});
