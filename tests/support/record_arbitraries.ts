import fc from "fast-check";
import type { V2Format } from "../../src/protocol/v2_frames.ts";
import type { V1Format } from "../../src/protocol/v1_frames.ts";
import type { BatchInput, RecordInput } from "./batch_builder.ts";

/** Texts and bytes that JSON or UTF-8 treat specially, whole and broken off. */
const PIECES: readonly (string | readonly number[])[] = [
  "a",
  '"',
  "\\",
  "/",
  "\b\f\n\r\t",
  "\u0000\u001f",
  "\u007f\u0080",
  "\u2028\u2029",
  "ö€😀",
  "\ufeff",
  "\uffff",
  [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], // CESU-8: a surrogate pair, each half by itself
  [0xed, 0xa0, 0x80],
  [0xc0, 0x80],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x98],
  [0xf4, 0x90, 0x80, 0x80],
  [0x80],
  [0xff],
];

const pieces: fc.Arbitrary<Uint8Array> = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 })
  .map((list) =>
    Uint8Array.from(
      list.flatMap((piece) =>
        typeof piece === "string" ? [...new TextEncoder().encode(piece)] : [...piece]
      ),
    )
  );

/** Around the size from which on a text is measured before it is written. */
const large: fc.Arbitrary<Uint8Array> = fc.tuple(pieces, fc.integer({ min: 4000, max: 4200 }))
  .map(([piece, length]) => Uint8Array.from({ length }, (_, i) => piece[i % piece.length] ?? i));

const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: pieces },
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: large },
);

const nullable = fc.option(bytes, { nil: null, freq: 6 });

const record: fc.Arbitrary<RecordInput> = fc.record({
  key: nullable,
  value: nullable,
  headers: fc.array(
    fc.tuple(fc.oneof(fc.constantFrom("trace", ""), pieces), nullable),
    { maxLength: 3 },
  ),
  timestampDelta: fc.oneof(
    fc.bigInt(-1000n, 1000n),
    fc.bigInt(-(2n ** 40n), 2n ** 40n),
  ),
}, { requiredKeys: ["value"] });

/** What a JSON value begins and goes on with, right and wrong. */
const JSON_PIECES = [
  ...['{"a":', "[", "]", "}", ",", ":", '"', '"x"', "null", "true", "false", "nul", "-", "0", "01"],
  ...["1.5", "1.", ".5", "1e5", "1E+2", "1e", "-0", '"\\u00e9"', '"\\ud800"', '"\\x"', '"\\'],
  ...[" ", "\t", "\n", "\r", "\f", '"é"', '"\u0001"', "{}", "[]", '"a":1', "\ufeff", "{", "+1"],
];

/** Values that are JSON, nearly JSON, or JSON broken by bytes. */
const jsonValue: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"))
    .map(([value, space]) => JSON.stringify(value, undefined, space)),
  fc.array(fc.constantFrom(...JSON_PIECES), { maxLength: 8 }).map((list) => list.join("")),
  fc.constantFrom("null", " null\n", "nul", "[null]", '"null"'),
).chain((text) => {
  const whole = new TextEncoder().encode(text);
  const mutated = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })).map(([at, byte]) => {
    const bytes = Uint8Array.from(whole);
    if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  });
  return fc.oneof({ weight: 2, arbitrary: fc.constant(whole) }, mutated);
});

/** Where offsets get a digit more, or do not fit into some number type any more. */
const EDGES = [0n, 9n, 99n, 10n ** 6n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 10n ** 18n, 2n ** 63n - 1n];

/** An offset at or near an edge; room for `below` more is left before 2^63. */
function edgeOffset(below: bigint): fc.Arbitrary<bigint> {
  return fc.tuple(fc.constantFrom(...EDGES), fc.bigInt(-20n, 20n)).map(([edge, near]) => {
    const offset = edge + near;
    const most = 2n ** 63n - 1n - below;
    return offset < 0n ? 0n : offset > most ? most : offset;
  });
}

/** Batches one after the other, some with holes. */
export const batchRun: fc.Arbitrary<BatchInput[]> = fc.tuple(
  edgeOffset(200n),
  fc.array(
    fc.record({
      records: fc.array(fc.tuple(record, fc.constantFrom(0, 0, 0, 1, 3)), { maxLength: 6 }),
      codec: fc.constantFrom("none" as const, "none" as const, "gzip" as const, "zstd" as const),
      logAppendTime: fc.boolean(),
      baseTimestampMs: fc.constantFrom(0n, -1n, 1_790_000_000_000n, 2n ** 62n),
      maxTimestampMs: fc.constantFrom(0n, 1_790_000_000_123n, 2n ** 53n + 1n),
      hole: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 4 },
  ),
).map(([first, parts]) => {
  let baseOffset = first;
  return parts.map(({ records, hole, ...rest }) => {
    let next = 0;
    const own = records.map(([record, skipped]) => {
      const offsetDelta = next + skipped;
      next = offsetDelta + 1;
      return { ...record, offsetDelta };
    });
    const lastOffsetDelta = Math.max(next - 1, 0) + hole;
    const batch = { ...rest, baseOffset, lastOffsetDelta, records: own };
    baseOffset += BigInt(lastOffsetDelta + 1);
    return batch;
  });
});

/** Batches as {@linkcode batchRun} has them, whose values may be JSON. */
export const jsonBatchRun: fc.Arbitrary<BatchInput[]> = fc.tuple(
  fc.array(fc.option(jsonValue, { nil: null, freq: 8 }), { minLength: 24, maxLength: 24 }),
  batchRun,
).map(([values, batches]) => {
  let i = 0;
  return batches.map((batch) => ({
    ...batch,
    records: batch.records.map((record) => ({ ...record, value: values[i++] })),
  }));
});

/** Formats with limits that cut often. */
export const v1Format: fc.Arbitrary<V1Format> = fc.record({
  encoding: fc.constantFrom("text" as const, "base64" as const),
  key: fc.boolean(),
  partition: fc.boolean(),
  timestamp: fc.boolean(),
  headers: fc.boolean(),
  maxBytes: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(500_000)),
  frameBytes: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constant(262_144)),
  maxRecords: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(2 ** 31)),
});

/** The same for v2. */
export const v2Format: fc.Arbitrary<V2Format> = v1Format.chain(({ maxBytes, maxRecords, ...v1 }) =>
  fc.record({
    subscription: fc.constantFrom(1, 65_535),
    encoding: fc.constantFrom("text" as const, "json" as const, "base64" as const),
    key: fc.constant(v1.key),
    timestamp: fc.constant(v1.timestamp),
    headers: fc.constant(v1.headers),
    maxBytes: fc.constant(maxBytes),
    frameBytes: fc.constant(v1.frameBytes),
    maxRecords: fc.constant(maxRecords),
  })
);
