import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { type Bytes, copyLiteral, copyMatch, withView } from "../../src/kafka/codecs/copy_bytes.ts";
import { decompress } from "../../src/kafka/codecs/decompress.ts";
import { lz4HeaderChecksum } from "../../src/kafka/codecs/lz4_header_checksum.ts";
import { narrowFrame, zstdFrames } from "../../src/kafka/codecs/zstd_frame.ts";

const GZIP = 1, SNAPPY = 2, LZ4 = 3, ZSTD = 4;
const LIMIT_BYTES = 1024 * 1024;

/** Something compressed, and what it was. */
interface Sample {
  readonly codec: number;
  readonly input: Uint8Array;
  readonly plain: Uint8Array;
}

const u32 = (value: number) => [value, value >>> 8, value >>> 16, value >>> 24].map((b) => b & 255);
const concat = (parts: readonly ArrayLike<number>[]) =>
  Uint8Array.from(parts.flatMap((part) => Array.from(part)));

// What the writers of snappy and lz4 below work from: bytes as they are, or a match that reaches
// back by a fraction of what can be reached.

interface Literal {
  readonly kind: "literal";
  readonly bytes: Uint8Array;
}
interface Match {
  readonly kind: "match";
  readonly length: number;
  readonly reach: number;
}
type Step = Literal | Match;

const literalBytes = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 24, size: "max" }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 50, maxLength: 400, size: "max" }) },
);
const reach = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  // Short offsets, which overlap.
  fc.double({ min: 0, max: 0.05, noNaN: true }),
);
const steps = (maxMatch: number) =>
  fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("literal" as const), bytes: literalBytes }),
      fc.record({
        kind: fc.constant("match" as const),
        length: fc.oneof(fc.integer({ min: 4, max: 20 }), fc.integer({ min: 4, max: maxMatch })),
        reach,
      }),
    ),
    { maxLength: 60, size: "max" },
  );

function offsetOf(match: Match, produced: number, most: number): number {
  return 1 + Math.floor(match.reach * (Math.min(produced, most) - 1));
}

function repeat(plain: number[], offset: number, length: number): void {
  for (let i = 0; i < length; i++) plain.push(plain[plain.length - offset]);
}

// Snappy

const varint = (value: number): number[] =>
  value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];

function snappyLiteral(bytes: Uint8Array, extraWidth: number): number[] {
  const n = bytes.length - 1;
  const needed = n < 60 ? 0 : n < 256 ? 1 : 2;
  const width = Math.max(needed, extraWidth);
  return width === 0 ? [n << 2, ...bytes] : [59 + width << 2, ...u32(n).slice(0, width), ...bytes];
}

function snappyCopy(offset: number, length: number, width: number): number[] {
  if (width === 1 && length >= 4 && length <= 11 && offset < 2048) {
    return [1 | length - 4 << 2 | offset >>> 8 << 5, offset & 255];
  }
  return width === 4
    ? [3 | length - 1 << 2, ...u32(offset)]
    : [2 | length - 1 << 2, offset & 255, offset >>> 8];
}

const snappyBlock = fc.record({
  steps: steps(64),
  widths: fc.array(fc.constantFrom(0, 1, 2, 3, 4), { minLength: 1, maxLength: 8 }),
}).map(({ steps, widths }) => {
  const plain: number[] = [];
  const elements: number[] = [];
  steps.forEach((step, i) => {
    const width = widths[i % widths.length];
    if (step.kind === "literal") {
      elements.push(...snappyLiteral(step.bytes, width));
      plain.push(...step.bytes);
    } else if (plain.length > 0) {
      const offset = offsetOf(step, plain.length, 65535);
      elements.push(...snappyCopy(offset, step.length, width));
      repeat(plain, offset, step.length);
    }
  });
  return {
    input: Uint8Array.from([...varint(plain.length), ...elements]),
    plain: Uint8Array.from(plain),
  };
});

const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1];
const snappy: fc.Arbitrary<Sample> = fc.oneof(
  snappyBlock.map((block) => ({ codec: SNAPPY, ...block })),
  fc.array(snappyBlock, { maxLength: 4 }).map((blocks) => ({
    codec: SNAPPY,
    input: concat([
      XERIAL,
      ...blocks.flatMap(({ input }) => [u32(input.length).reverse(), input]),
    ]),
    plain: concat(blocks.map(({ plain }) => plain)),
  })),
);

// LZ4

function lz4Length(value: number, most: number): number[] {
  if (value < most) return [];
  const rest = value - most;
  return [...new Array(Math.floor(rest / 255)).fill(255), rest % 255];
}

function lz4Sequence(literal: ArrayLike<number>, match?: { offset: number; length: number }) {
  const token = Math.min(literal.length, 15) << 4 | Math.min((match?.length ?? 4) - 4, 15);
  return [
    token,
    ...lz4Length(literal.length, 15),
    ...Array.from(literal),
    ...match ? [match.offset & 255, match.offset >>> 8, ...lz4Length(match.length - 4, 15)] : [],
  ];
}

/** Appends what the block decodes to, and gives its bytes. */
function lz4Block(steps: readonly Step[], plain: number[], history: number): number[] {
  const block: number[] = [];
  let literal: number[] = [];
  for (const step of steps) {
    if (step.kind === "literal") {
      literal.push(...step.bytes);
      plain.push(...step.bytes);
    } else if (plain.length > history) {
      const offset = offsetOf(step, plain.length - history, 65535);
      block.push(...lz4Sequence(literal, { offset, length: step.length }));
      repeat(plain, offset, step.length);
      literal = [];
    }
  }
  return [...block, ...lz4Sequence(literal)];
}

const lz4Frame = fc.record({
  blocks: fc.array(
    fc.oneof(
      { weight: 3, arbitrary: steps(700).map((steps) => ({ steps })) },
      { weight: 1, arbitrary: literalBytes.map((stored) => ({ stored })) },
    ),
    { maxLength: 4 },
  ),
  linked: fc.boolean(),
  blockSums: fc.boolean(),
  contentSum: fc.boolean(),
  sized: fc.boolean(),
  blockCode: fc.integer({ min: 4, max: 7 }),
}).map(({ blocks, linked, blockSums, contentSum, sized, blockCode }) => {
  const plain: number[] = [];
  const sum = [1, 2, 3, 4];
  const body = blocks.flatMap((block) => {
    const blockSum = blockSums ? sum : [];
    if ("stored" in block) {
      plain.push(...block.stored);
      return [...u32(block.stored.length + 0x80000000), ...block.stored, ...blockSum];
    }
    const bytes = lz4Block(block.steps, plain, linked ? 0 : plain.length);
    return [...u32(bytes.length), ...bytes, ...blockSum];
  });
  const flags = 0x40 | (linked ? 0 : 32) | (blockSums ? 16 : 0) | (sized ? 8 : 0) |
    (contentSum ? 4 : 0);
  const descriptor = [flags, blockCode << 4, ...sized ? [...u32(plain.length), 0, 0, 0, 0] : []];
  return {
    input: concat([
      u32(0x184d2204),
      descriptor,
      [lz4HeaderChecksum(Uint8Array.from(descriptor))],
      body,
      u32(0),
      contentSum ? sum : [],
    ]),
    plain: Uint8Array.from(plain),
  };
});
const several = (part: fc.Arbitrary<Omit<Sample, "codec">>, codec: number, maxLength: number) =>
  fc.array(part, { minLength: 1, maxLength }).map((parts): Sample => ({
    codec,
    input: concat(parts.map(({ input }) => input)),
    plain: concat(parts.map(({ plain }) => plain)),
  }));
const lz4 = several(lz4Frame, LZ4, 3);

// gzip and zstd, by the runtime's own compressors

const words = fc.array(fc.constantFrom("record", "batch", " ", "\n", '{"id":', "0", "1", "é"), {
  maxLength: 400,
  size: "max",
}).map((parts) => new TextEncoder().encode(parts.join("")));
const plain = fc.oneof(
  { weight: 9, arbitrary: words },
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 600, size: "max" }) },
  // More than one block, and with its neighbours more than is decompressed at once.
  { weight: 1, arbitrary: fc.nat(300_000).map((n) => new Uint8Array(n).fill(n)) },
);
const gzipMember = fc.record({ plain, level: fc.integer({ min: 0, max: 9 }) })
  .map(({ plain, level }) => ({ plain, input: gzipSync(plain, { level }) }));
const zstdFrame = fc.record({
  plain,
  level: fc.constantFrom(-5, 1, 3, 9),
  sized: fc.boolean(),
  summed: fc.nat(1),
}).map(({ plain, level, sized, summed }) => ({
  plain,
  input: zstdCompressSync(plain, {
    ...sized ? { pledgedSrcSize: plain.length } : {},
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: summed,
    },
  }),
}));
/** Nine pieces and more take the way of large batches. */
const pieces = (part: fc.Arbitrary<Omit<Sample, "codec">>, codec: number) =>
  fc.oneof(
    { weight: 3, arbitrary: several(part, codec, 3) },
    { weight: 1, arbitrary: several(part, codec, 3).map(ninefold) },
  );
function ninefold({ codec, input, plain }: Sample): Sample {
  const times = <T>(value: T) => Array.from({ length: 9 }, () => value);
  return { codec, input: Buffer.concat(times(input)), plain: Buffer.concat(times(plain)) };
}

const SAMPLES: Record<string, fc.Arbitrary<Sample>> = {
  snappy,
  lz4,
  gzip: pieces(gzipMember, GZIP),
  zstd: pieces(zstdFrame, ZSTD),
};

/** Waits for both ways to fail; anything but the two errors fails the property. */
async function outcome(codec: number, input: Uint8Array, maxBytes: number) {
  try {
    return await decompress(codec, input, maxBytes);
  } catch (error) {
    assert(error instanceof ProxyError, `threw ${error}`);
    assert(error.code === "corrupt_batch" || error.code === "batch_too_large", error.message);
    return error.code;
  }
}

for (const [name, sample] of Object.entries(SAMPLES)) {
  const limit = 4 * LIMIT_BYTES;

  Deno.test(`decompress() restores the bytes, whatever was written: ${name}`, async () => {
    await fc.assert(
      fc.asyncProperty(sample, async ({ codec, input, plain }) => {
        const output = await decompress(codec, input, 16 * LIMIT_BYTES);
        assert(Buffer.from(output).equals(plain), `${output.length} for ${plain.length} bytes`);
      }),
      { numRuns: 200 },
    );
  });

  Deno.test(`decompress() keeps to its limit, whatever was written: ${name}`, async () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(sample, share, async ({ codec, input, plain }, share) => {
        assert.notEqual(typeof await outcome(codec, input, plain.length), "string");
        if (plain.length === 0) return;
        const maxBytes = Math.floor(share * (plain.length - 1));
        assert.equal(await outcome(codec, input, maxBytes), "batch_too_large");
      }),
      { numRuns: 100 },
    );
  });

  Deno.test(`decompress() fails with a ProxyError or not at all, ${name} with changes`, async () => {
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      kind: fc.constantFrom("flip", "set", "cut", "insert", "remove", "copy"),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff)),
    });
    const maxBytes = fc.oneof(fc.constant(limit), fc.nat(2000));
    await fc.assert(
      fc.asyncProperty(
        sample,
        fc.array(change, { minLength: 1, maxLength: 4 }),
        maxBytes,
        async ({ codec, input }, changes, maxBytes) => {
          const changed = changes.reduce(changedBy, new Uint8Array(input));
          const before = changed.slice();
          const output = await outcome(codec, changed, maxBytes);
          if (typeof output !== "string") assert(output.length <= maxBytes);
          assert(Buffer.from(changed).equals(before), "the input was written to");
        },
      ),
      { numRuns: 300 },
    );
  });

  Deno.test(`decompress() fails with a ProxyError or not at all, ${name} from rubbish`, async () => {
    const start = sample.map(({ input }) => input.subarray(0, 20));
    await fc.assert(
      fc.asyncProperty(
        sample,
        start,
        fc.uint8Array({ maxLength: 300, size: "max" }),
        fc.boolean(),
        async ({ codec }, start, rubbish, hasStart) => {
          const input = hasStart ? concat([start, rubbish]) : rubbish;
          const output = await outcome(codec, input, LIMIT_BYTES);
          if (typeof output !== "string") assert(output.length <= LIMIT_BYTES);
        },
      ),
      { numRuns: 200 },
    );
  });
}

interface Change {
  readonly at: number;
  readonly kind: string;
  readonly byte: number;
}

function changedBy(input: Uint8Array, { at, kind, byte }: Change): Uint8Array {
  const i = Math.floor(at * input.length);
  switch (kind) {
    case "cut":
      return input.slice(0, i);
    case "insert":
      return Buffer.concat([input.subarray(0, i), Uint8Array.of(byte), input.subarray(i)]);
    case "remove":
      return Buffer.concat([input.subarray(0, i), input.subarray(i + 1)]);
    case "copy":
      return new Uint8Array(input).copyWithin(i, Math.floor(i / 2), Math.floor(i / 2) + byte);
    default:
      return input.length === 0
        ? input
        : new Uint8Array(input).with(i, kind === "set" ? byte : input[i] ^ 1 << (byte & 7));
  }
}

// The copies that everything rests on, against a loop, with guards at both ends.

const GUARD = 0xee;
function guarded(content: Uint8Array, room: number): { to: Bytes; whole: Uint8Array } {
  const whole = new Uint8Array(16 + content.length + room + 16).fill(GUARD);
  whole.set(content, 16);
  return { to: withView(whole.subarray(16, 16 + content.length + room)), whole };
}
function assertGuards(whole: Uint8Array): void {
  for (const end of [whole.subarray(0, 16), whole.subarray(-16)]) {
    assert(end.every((byte) => byte === GUARD), "a guard was overwritten");
  }
}

Deno.test("copyMatch() is a byte loop, whatever the offset, the length and the room", () => {
  const content = fc.uint8Array({ minLength: 1, maxLength: 200, size: "max" });
  fc.assert(
    fc.property(content, reach, fc.nat(300), fc.nat(20), (content, reach, length, slack) => {
      const offset = 1 + Math.floor(reach * (content.length - 1));
      const expected = Array.from(content);
      repeat(expected, offset, length);
      const { to, whole } = guarded(content, length + slack);
      copyMatch(to, content.length, offset, length);
      assert.deepEqual(Array.from(to.array.subarray(0, expected.length)), expected);
      assert(to.array.subarray(expected.length + 7).every((byte) => byte === GUARD));
      assertGuards(whole);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("copyLiteral() is a byte loop, whatever the length and the room", () => {
  const source = fc.uint8Array({ maxLength: 300, size: "max" });
  fc.assert(
    fc.property(source, fc.nat(30), fc.nat(20), fc.nat(20), (source, start, before, slack) => {
      const from = Math.min(start, source.length);
      const length = Math.max(0, source.length - from - slack % 9);
      const { to, whole } = guarded(new Uint8Array(before).fill(7), length + slack);
      copyLiteral(withView(source), from, to, before, length);
      assert.deepEqual(
        to.array.subarray(before, before + length),
        source.subarray(from, from + length),
      );
      assert(to.array.subarray(0, before).every((byte) => byte === 7));
      assertGuards(whole);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("narrowFrame() leaves a window that holds what the limit allows, and little more", () => {
  const maxBytes = fc.integer({ min: 1, max: 64 * LIMIT_BYTES });
  fc.assert(fc.property(fc.nat(255), maxBytes, fc.nat(40), (window, maxBytes, blocks) => {
    // Blocks of one byte repeated, as large as this window allows.
    const windowBytes = 2 ** (10 + (window >>> 3)) * (1 + (window & 7) / 8);
    const blockBytes = Math.min(windowBytes, 128 * 1024);
    const input = concat([
      u32(0xfd2fb528),
      [0, window],
      ...Array.from({ length: blocks + 1 }, (_, i) => [
        ...u32(blockBytes << 3 | 2 | (i === blocks ? 1 : 0)).slice(0, 3),
        0,
      ]),
    ]);
    const [frame] = zstdFrames(input);
    assert.equal(frame.windowBytes, windowBytes);
    assert.equal(frame.boundBytes, blockBytes * (blocks + 1));
    const narrowed = narrowFrame(input, frame, maxBytes);
    const [after] = zstdFrames(narrowed);
    const useful = Math.min(frame.boundBytes, maxBytes + 128 * 1024);
    assert(after.windowBytes >= Math.min(windowBytes, useful, frame.boundBytes));
    assert(after.windowBytes <= Math.max(1024, 128 * 1024, useful * 1.125));
    assert(after.windowBytes >= blockBytes);
    assert.deepEqual(after.cuts, frame.cuts);
    assert.deepEqual(narrowed.with(5, window), input);
  }));
});
