import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readRecordBatches } from "../../src/kafka/record_batches.ts";
import {
  type BatchInput,
  buildBatch,
  buildMarker,
  buildOldMessage,
  buildRecords,
} from "../support/batch_builder.ts";

const LIMIT_BYTES = 1 << 20;

function read(parts: readonly Buffer[], aborted: Parameters<typeof readRecordBatches>[1] = []) {
  const { batches, next, error } = readRecordBatches(Buffer.concat(parts), aborted, LIMIT_BYTES);
  return { bases: batches.map(({ baseOffset }) => baseOffset), next, error: error?.code };
}

/** A batch of so many records. */
function batch(baseOffset: bigint, count: number, rest: Partial<BatchInput> = {}): Buffer {
  const records = Array.from({ length: count }, (_, i) => ({ value: `value ${i}` }));
  return buildBatch({ baseOffset, records, ...rest });
}

Deno.test("readRecordBatches() gives nothing and no next, no bytes", () => {
  assert.deepEqual(read([]), { bases: [], next: undefined, error: undefined });
});

Deno.test("readRecordBatches() walks batches, next past the last offset", () => {
  assert.deepEqual(read([batch(10n, 2), batch(12n, 1), batch(20n, 3)]), {
    bases: [10n, 12n, 20n],
    next: 23n,
    error: undefined,
  });
});

Deno.test("readRecordBatches() is exact, offsets beyond 2^53", () => {
  assert.equal(read([batch(2n ** 53n + 1n, 2)]).next, 2n ** 53n + 3n);
});

Deno.test("readRecordBatches() leaves out the half batch at the end, cut anywhere", () => {
  const last = batch(12n, 3);
  for (let bytes = 0; bytes < last.length; bytes++) {
    assert.deepEqual(
      read([batch(10n, 2), last.subarray(0, bytes)]),
      { bases: [10n], next: 12n, error: undefined },
      `${bytes} bytes of the last batch`,
    );
  }
});

Deno.test("readRecordBatches() gives the fields of a header, times and counts", () => {
  const bytes = buildBatch({
    baseOffset: 5n,
    records: [{ value: "a", offsetDelta: 1 }, { value: "b", offsetDelta: 4 }],
    lastOffsetDelta: 9,
    baseTimestampMs: 1_790_000_000_000n,
    maxTimestampMs: 1_790_000_000_500n,
    logAppendTime: true,
  });
  const [found] = readRecordBatches(bytes, [], LIMIT_BYTES).batches;
  assert.deepEqual({
    baseOffset: found.baseOffset,
    lastOffset: found.lastOffset,
    recordCount: found.recordCount,
    baseTimestampMs: found.baseTimestampMs,
    maxTimestampMs: found.maxTimestampMs,
    logAppendTime: found.logAppendTime,
  }, {
    baseOffset: 5n,
    lastOffset: 14n,
    recordCount: 2,
    baseTimestampMs: 1_790_000_000_000n,
    maxTimestampMs: 1_790_000_000_500n,
    logAppendTime: true,
  });
});

Deno.test("readRecordBatches() passes a batch that compaction has emptied, next included", () => {
  const emptied = buildBatch({ baseOffset: 12n, records: [], lastOffsetDelta: 7 });
  assert.deepEqual(read([batch(10n, 2), emptied]), { bases: [10n], next: 20n, error: undefined });
  assert.deepEqual(read([emptied]), { bases: [], next: 20n, error: undefined });
});

Deno.test("readRecordBatches() hides control batches, no aborted transactions", () => {
  const parts = [batch(0n, 1, { transactionOf: 7n }), buildMarker("commit", 1n, 7n), batch(2n, 1)];
  assert.deepEqual(read(parts), { bases: [0n, 2n], next: 3n, error: undefined });
});

for (const magic of [0, 1] as const) {
  Deno.test(`readRecordBatches() says old_format and the offset, magic ${magic}`, () => {
    const bytes = Buffer.concat([batch(10n, 2), buildOldMessage(12n, magic)]);
    const { next, error } = readRecordBatches(bytes, [], LIMIT_BYTES);
    assert.equal(next, 12n);
    assert.equal(error?.code, "old_format");
    assert.deepEqual(error?.details, { offset: "12" });
    assert.match(error!.message, new RegExp(`offset 12: it is in message format ${magic},`));
  });
}

Deno.test("readRecordBatches() says old_format without a next, the first message", () => {
  assert.deepEqual(read([buildOldMessage(12n, 1)]), {
    bases: [],
    next: undefined,
    error: "old_format",
  });
});

for (
  const [what, change] of [
    ["a negative length", (bytes: Buffer) => bytes.writeInt32BE(-1, 8)],
    ["the least length of all", (bytes: Buffer) => bytes.writeInt32BE(-(2 ** 31), 8)],
    ["a length of less than a header", (bytes: Buffer) => bytes.writeInt32BE(48, 8)],
    ["a negative count", (bytes: Buffer) => bytes.writeInt32BE(-1, 57)],
    ["a last offset before the first", (bytes: Buffer) => bytes.writeInt32BE(-1, 23)],
  ] as const
) {
  Deno.test(`readRecordBatches() says corrupt_batch after what is whole, ${what}`, () => {
    const bad = batch(12n, 1);
    change(bad);
    assert.deepEqual(read([batch(10n, 2), bad]), {
      bases: [10n],
      next: 12n,
      error: "corrupt_batch",
    });
  });
}

Deno.test("readRecordBatches() hides an aborted transaction up to its marker, then no more", () => {
  const parts = [
    batch(0n, 2, { transactionOf: 7n }),
    batch(2n, 1),
    batch(3n, 1, { transactionOf: 8n }),
    buildMarker("abort", 4n, 7n),
    batch(5n, 1, { transactionOf: 7n }),
    buildMarker("commit", 6n, 7n),
    buildMarker("commit", 7n, 8n),
  ];
  const aborted = [{ producerId: 7n, firstOffset: 0n }];
  assert.deepEqual(read(parts, aborted), { bases: [2n, 3n, 5n], next: 8n, error: undefined });
});

// KafkaJS delivers the records of the second transaction: it takes the list to be sorted and drops
// an entry that it meets before its time (pitfalls 0.7).
Deno.test("readRecordBatches() hides both, two transactions begun before the position", () => {
  const parts = [
    batch(20n, 1, { transactionOf: 7n }),
    batch(21n, 1, { transactionOf: 8n }),
    batch(22n, 1, { transactionOf: 9n }),
    buildMarker("abort", 23n, 8n),
    buildMarker("abort", 24n, 7n),
    buildMarker("commit", 25n, 9n),
  ];
  for (
    const aborted of [
      [{ producerId: 7n, firstOffset: 3n }, { producerId: 8n, firstOffset: 5n }],
      [{ producerId: 8n, firstOffset: 5n }, { producerId: 7n, firstOffset: 3n }],
    ]
  ) {
    assert.deepEqual(read(parts, aborted), { bases: [22n], next: 26n, error: undefined });
  }
});

Deno.test("readRecordBatches() hides two transactions of one producer, a committed one between", () => {
  const parts = [
    batch(0n, 1, { transactionOf: 7n }),
    buildMarker("abort", 1n, 7n),
    batch(2n, 1, { transactionOf: 7n }),
    buildMarker("commit", 3n, 7n),
    batch(4n, 1, { transactionOf: 7n }),
    buildMarker("abort", 5n, 7n),
    batch(6n, 1, { transactionOf: 7n }),
  ];
  const aborted = [{ producerId: 7n, firstOffset: 4n }, { producerId: 7n, firstOffset: 0n }];
  assert.deepEqual(read(parts, aborted), { bases: [2n, 6n], next: 7n, error: undefined });
});

Deno.test("readRecordBatches() shows a record of the same producer outside transactions", () => {
  const bytes = batch(5n, 1, { transactionOf: 7n });
  bytes.writeInt16BE(0, 21);
  assert.deepEqual(read([bytes], [{ producerId: 7n, firstOffset: 0n }]).bases, [5n]);
});

// Compaction keeps the batch of a marker when it has removed the marker itself. Looking for the key
// of a record that is not there read the next batch's bytes, or threw RangeError at the end.
Deno.test("readRecordBatches() passes an emptied control batch, aborted transactions about", () => {
  const emptied = buildBatch({
    baseOffset: 6n,
    records: [],
    transactionOf: 8n,
    control: true,
  });
  const aborted = [{ producerId: 7n, firstOffset: 0n }];
  const parts = [batch(5n, 1, { transactionOf: 7n }), emptied];
  assert.deepEqual(read(parts, aborted), { bases: [], next: 7n, error: undefined });
  assert.deepEqual(read([...parts, batch(7n, 1)], aborted), {
    bases: [7n],
    next: 8n,
    error: undefined,
  });
});

Deno.test("RecordBatch.open() gives the records section, every codec of node:zlib", async () => {
  const records = [{ value: "a".repeat(300) }, { value: null }];
  for (const codec of ["none", "gzip", "zstd"] as const) {
    const bytes = Buffer.concat([
      buildBatch({ baseOffset: 0n, records: [{ value: "before" }] }),
      buildBatch({ baseOffset: 1n, records, codec }),
      buildBatch({ baseOffset: 3n, records: [{ value: "after" }] }),
    ]);
    const opened = await readRecordBatches(bytes, [], LIMIT_BYTES).batches[1].open();
    assert.deepEqual(Buffer.from(opened), buildRecords(records));
  }
});

Deno.test("RecordBatch.open() says batch_too_large and the offset, one byte over the limit", async () => {
  const records = [{ value: "a".repeat(300) }];
  const bytes = buildBatch({ baseOffset: 12n, records, codec: "gzip" });
  const size = buildRecords(records).length;
  const open = async (limit: number) => await readRecordBatches(bytes, [], limit).batches[0].open();
  assert.equal((await open(size)).length, size);
  await assert.rejects(() => open(size - 1), {
    name: "ProxyError",
    code: "batch_too_large",
    message: /^Record batch at offset 12: /,
    details: { offset: "12" },
  });
});

Deno.test("RecordBatch.open() says corrupt_batch and the offset, bytes that are not the codec's", async () => {
  const bytes = buildBatch({ baseOffset: 12n, records: [{ value: "a" }], codec: "gzip" });
  bytes.fill(0, 61);
  const [found] = readRecordBatches(bytes, [], LIMIT_BYTES).batches;
  await assert.rejects(async () => await found.open(), {
    name: "ProxyError",
    code: "corrupt_batch",
    details: { offset: "12" },
  });
});

Deno.test("RecordBatch.open() says corrupt_batch, a codec there is none of", () => {
  const bytes = buildBatch({ baseOffset: 12n, records: [{ value: "a" }] });
  bytes.writeInt16BE(5, 21);
  const [found] = readRecordBatches(bytes, [], LIMIT_BYTES).batches;
  assert.throws(() => found.open(), { name: "ProxyError", code: "corrupt_batch" });
});
