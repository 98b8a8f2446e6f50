import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { resourceUsage } from "node:process";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import type { ErrorCode } from "../../src/core/error_table.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { decompress } from "../../src/kafka/codecs/decompress.ts";
import { GrowingOutput } from "../../src/kafka/codecs/growing_output.ts";
import { lz4HeaderChecksum } from "../../src/kafka/codecs/lz4_header_checksum.ts";
import { decompressNative } from "../../src/kafka/codecs/native_format.ts";
import { trimmed } from "../../src/kafka/codecs/trimmed.ts";
import { CODEC_FIXTURES, type CodecFixture } from "./codec_fixtures.ts";

const GZIP = 1, SNAPPY = 2, LZ4 = 3, ZSTD = 4;
const KIB = 1024, MIB = 1024 * 1024;

const compressed = (fixture: CodecFixture) => Buffer.from(fixture.base64, "base64");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const bytes = (...parts: (number | string | ArrayLike<number>)[]) =>
  new Uint8Array(
    parts.flatMap((part) =>
      typeof part === "number"
        ? [part]
        : typeof part === "string"
        ? [...new TextEncoder().encode(part)]
        : Array.from(part)
    ),
  );
const u32 = (value: number) => [value, value >>> 8, value >>> 16, value >>> 24].map((b) => b & 255);
const bigEndian = (value: number) => u32(value).reverse();

/** Both ways to fail, at once and later, with the one class and the code. */
async function assertFails(
  codec: number,
  input: Uint8Array,
  maxBytes: number,
  code: ErrorCode,
  message: RegExp,
) {
  await assert.rejects(async () => await decompress(codec, input, maxBytes), (error) => {
    assert(error instanceof ProxyError, `threw ${error}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

for (const fixture of CODEC_FIXTURES) {
  const title = `${fixture.name}, by ${fixture.writer}`;

  Deno.test(`decompress() restores the bytes, ${title}`, async () => {
    const output = await decompress(fixture.codec, compressed(fixture), MIB);
    assert.equal(output.length, fixture.bytes);
    assert.equal(sha256(output), fixture.sha256);
  });

  Deno.test(`decompress() takes a limit of exactly the output, ${title}`, async () => {
    const output = await decompress(fixture.codec, compressed(fixture), fixture.bytes);
    assert.equal(sha256(output), fixture.sha256);
  });

  if (fixture.bytes > 0) {
    Deno.test(`decompress() fails with batch_too_large, one byte over: ${title}`, async () => {
      const limit = fixture.bytes - 1;
      await assertFails(
        fixture.codec,
        compressed(fixture),
        limit,
        "batch_too_large",
        new RegExp(`limit of ${limit} bytes`),
      );
    });
  }

  Deno.test(`decompress() fails with corrupt_batch, cut short anywhere: ${title}`, async () => {
    const input = compressed(fixture);
    const step = Math.ceil(input.length / 60);
    // A xerial stream, and one frame of two, is whole where one of its parts ends.
    const hasParts = input[0] === 0x82 || fixture.name.includes("two ");
    for (let length = 0; length < input.length; length += step) {
      const outcome = await Promise.resolve(input.subarray(0, length))
        .then((cut) => decompress(fixture.codec, cut, MIB))
        .catch((error) => error);
      if (hasParts && outcome instanceof Uint8Array) {
        assert(outcome.length < fixture.bytes);
        continue;
      }
      assert(outcome instanceof ProxyError, `${length} bytes gave ${outcome}`);
      assert.equal(outcome.code, "corrupt_batch", `${length} bytes: ${outcome.message}`);
    }
  });
}

for (const codec of [GZIP, SNAPPY, LZ4, ZSTD]) {
  const fixture = CODEC_FIXTURES.find((row) => row.codec === codec)!;

  Deno.test(`decompress() is done on return, ${fixture.name} of one small batch`, () => {
    const output = decompress(codec, compressed(fixture), MIB);
    assert(output instanceof Uint8Array);
  });

  Deno.test(`decompress() gives a plain array of its own, ${fixture.name} in a larger buffer`, async () => {
    const input = compressed(fixture);
    const around = new Uint8Array(input.length + 64).fill(0xa5);
    around.set(input, 32);
    const before = around.slice();
    const output = await decompress(codec, around.subarray(32, 32 + input.length), MIB);
    assert.equal(sha256(output), fixture.sha256);
    assert.deepEqual(around, before);
    assert.equal(Object.getPrototypeOf(output), Uint8Array.prototype);
    assert.notEqual(output.buffer, around.buffer);
    assert(output.buffer.byteLength <= output.length * 8 / 7 + 1);
  });

  Deno.test(`decompress() fails with corrupt_batch, ${fixture.name} of nothing`, async () => {
    await assertFails(codec, new Uint8Array(), MIB, "corrupt_batch", new RegExp(fixture.name));
  });
}

for (const codec of [0, 5, 6, 7]) {
  Deno.test(`decompress() fails with corrupt_batch, codec ${codec}`, async () => {
    await assertFails(codec, bytes(0), MIB, "corrupt_batch", new RegExp(`codec ${codec}`));
  });
}

for (const maxBytes of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
  Deno.test(`decompress() throws a RangeError, a limit of ${maxBytes}`, () => {
    assert.throws(() => decompress(SNAPPY, bytes(0), maxBytes), RangeError);
  });
}

// Snappy

const XERIAL = bytes(0x82, "SNAPPY", 0, bigEndian(1), bigEndian(1));
const xerial = (...blocks: Uint8Array[]) =>
  bytes(XERIAL, ...blocks.flatMap((block) => [bigEndian(block.length), block]));
const HI = bytes(2, 1 << 2, "hi");

for (
  const [condition, input, text] of [
    ["a raw block", HI, "hi"],
    ["a xerial stream without blocks", XERIAL, ""],
    ["two xerial blocks", xerial(HI, HI), "hihi"],
    ["two xerial streams", bytes(xerial(HI), xerial(HI)), "hihi"],
    [
      "a xerial stream with versions in the wrong byte order",
      xerial(HI).with(11, 0).with(8, 1),
      "hi",
    ],
    ["a copy with an offset of one byte", bytes(6, 4, "hi", 0b1, 2), "hihihi"],
    ["a copy with an offset of two bytes", bytes(6, 4, "hi", 3 << 2 | 2, 2, 0), "hihihi"],
    ["a copy with an offset of four bytes", bytes(6, 4, "hi", 3 << 2 | 3, u32(2)), "hihihi"],
    ["a literal with a length of one byte", bytes(2, 60 << 2, 1, "hi"), "hi"],
    ["a literal with a length of four bytes", bytes(2, 63 << 2, u32(1), "hi"), "hi"],
    ["a length of more bytes than it needs", bytes(0x82, 0x80, 0, 4, "hi"), "hi"],
  ] as [string, Uint8Array, string][]
) {
  Deno.test(`decompress() restores the bytes, snappy: ${condition}`, async () => {
    assert.equal(new TextDecoder().decode(await decompress(SNAPPY, input, MIB)), text);
  });
}

for (
  const [condition, input, message] of [
    ["a length that does not end", bytes(0x80, 0x80), /inside its length/],
    ["a length of six bytes", bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0), /longer than 5 bytes/],
    ["a length no block of its size can hold", bytes(0x80, 0x08, 0, 0), /4 bytes cannot hold 1024/],
    ["a literal past the end", bytes(4, 3 << 2, "hi"), /inside an element/],
    ["the length of a literal past the end", bytes(4, 61 << 2, 0), /inside an element/],
    ["a literal of 2^32 bytes", bytes(4, 63 << 2, u32(0xffffffff), "hi"), /inside an element/],
    ["a literal of 2^31 bytes", bytes(4, 63 << 2, u32(0x7fffffff), "hi"), /inside an element/],
    ["a literal of less than nothing", bytes(4, 63 << 2, u32(0xfffffffa), "hi"), /inside an/],
    ["a literal over the length", bytes(1, 1 << 2, "hi"), /more than its length/],
    ["a copy over the length", bytes(3, 4, "hi", 1, 2), /more than its length/],
    ["a copy of nothing", bytes(6, 4, "hi", 1, 0), /offset of 0 after 2/],
    ["a copy from before the start", bytes(6, 4, "hi", 1, 3), /offset of 3 after 2/],
    ["an offset of 2^32 - 1", bytes(6, 4, "hi", 15, u32(0xffffffff)), /offset of 4294967295/],
    ["a copy cut short", bytes(6, 4, "hi", 2, 2), /inside an element/],
    ["fewer bytes than the length", bytes(3, 4, "hi"), /block of 3 bytes ends after 2/],
    ["a xerial header cut short", XERIAL.subarray(0, 12), /header is cut short/],
    ["a xerial length cut short", bytes(XERIAL, 0, 0), /length of a block is cut short/],
    ["a xerial block past the end", bytes(XERIAL, bigEndian(9), HI), /9 bytes, 4 are left/],
    ["a negative xerial length", bytes(XERIAL, bigEndian(-1), HI), /4294967295 bytes/],
    ["a xerial block of nothing", bytes(XERIAL, bigEndian(0)), /inside its length/],
    ["a copy into the xerial block before", xerial(HI, bytes(4, 1, 2)), /offset of 2 after 0/],
  ] as [string, Uint8Array, RegExp][]
) {
  Deno.test(`decompress() fails with corrupt_batch, snappy: ${condition}`, async () => {
    await assertFails(SNAPPY, input, MIB, "corrupt_batch", message);
  });
}

Deno.test("decompress() fails with batch_too_large, snappy that says 4 GiB", async () => {
  const input = bytes(0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0);
  await assertFails(SNAPPY, input, MIB, "batch_too_large", /limit of 1048576 bytes/);
});

Deno.test("decompress() fails with batch_too_large, xerial blocks that are too much together", async () => {
  await assertFails(SNAPPY, xerial(HI, HI, HI), 5, "batch_too_large", /limit of 5 bytes/);
});

// LZ4

interface FrameOptions {
  flags?: number;
  blockDescriptor?: number;
  contentBytes?: number;
  tail?: number[];
}

/** A frame of 64 KiB blocks, independent unless the flags say otherwise; `!` marks stored ones. */
function lz4Frame(
  blocks: (Uint8Array | { stored: Uint8Array })[],
  { flags = 0x60, blockDescriptor = 0x40, contentBytes, tail = u32(0) }: FrameOptions = {},
): Uint8Array {
  const descriptor = bytes(
    contentBytes === undefined ? flags : flags | 8,
    blockDescriptor,
    contentBytes === undefined
      ? []
      : [...u32(contentBytes % 2 ** 32), ...u32(Math.floor(contentBytes / 2 ** 32))],
  );
  const body = blocks.flatMap((block) =>
    block instanceof Uint8Array
      ? [u32(block.length), block]
      : [u32(block.stored.length + 0x80000000), block.stored]
  );
  return bytes(u32(0x184d2204), descriptor, lz4HeaderChecksum(descriptor), ...body, tail);
}
const HI4 = bytes(2 << 4, "hi");
/** "hi", then 19 + 255 * n + 250 bytes from two bytes back, then nothing. */
const lz4Run = (n: number) =>
  bytes(2 << 4 | 15, "hi", 2, 0, new Uint8Array(n).fill(255), 250, 0 << 4);

for (
  const [condition, input, text] of [
    ["a literal", lz4Frame([HI4]), "hi"],
    ["a match", lz4Frame([bytes(2 << 4, "hi", 2, 0, 1 << 4, "!")]), "hihihi!"],
    ["a stored block", lz4Frame([{ stored: bytes("hi") }]), "hi"],
    ["a content size", lz4Frame([HI4], { contentBytes: 2 }), "hi"],
    [
      "a match into the block before",
      lz4Frame([HI4, bytes(0, 2, 0, 0)], { flags: 0x40 }),
      "hihihi",
    ],
    [
      "a match into a stored block",
      lz4Frame([{ stored: bytes("hi") }, bytes(0, 2, 0, 0)], { flags: 0x40 }),
      "hihihi",
    ],
    ["two frames", bytes(lz4Frame([HI4]), lz4Frame([HI4])), "hihi"],
    ["a frame without blocks, then another", bytes(lz4Frame([]), lz4Frame([HI4])), "hi"],
    [
      "a checksum of the content",
      lz4Frame([HI4], { flags: 0x64, tail: [...u32(0), 1, 2, 3, 4] }),
      "hi",
    ],
    [
      "a skippable frame between two",
      bytes(lz4Frame([HI4]), u32(0x184d2a5f), u32(3), "abc", lz4Frame([HI4])),
      "hihi",
    ],
    ["only a skippable frame", bytes(u32(0x184d2a50), u32(0)), ""],
  ] as [string, Uint8Array, string][]
) {
  Deno.test(`decompress() restores the bytes, lz4: ${condition}`, async () => {
    assert.equal(new TextDecoder().decode(await decompress(LZ4, input, MIB)), text);
  });
}

for (
  const [condition, input, message] of [
    ["another magic number", bytes(u32(0x184c2102), 0, 0), /starts with 0x184c2102/],
    ["another version", lz4Frame([HI4], { flags: 0xa0 }), /FLG 160/],
    ["a reserved flag", lz4Frame([HI4], { flags: 0x62 }), /FLG 98/],
    ["a reserved block size", lz4Frame([HI4], { blockDescriptor: 0x30 }), /BD 48/],
    ["a reserved bit beside the block size", lz4Frame([HI4], { blockDescriptor: 0x41 }), /BD 65/],
    ["a dictionary", lz4Frame([HI4], { flags: 0x61 }), /dictionary/],
    ["a wrong header checksum", lz4Frame([HI4]).with(6, 0), /checksum of a frame descriptor/],
    ["no end mark", lz4Frame([HI4], { tail: [] }), /size of a block takes 4 bytes, 0 are left/],
    ["a block past the end", lz4Frame([HI4]).with(7, 99), /a block takes 99 bytes/],
    ["a block over its most", bytes(lz4Frame([], { tail: u32(65537) })), /65537 bytes where 65536/],
    ["a checksum past the end", lz4Frame([HI4], { flags: 0x64 }), /checksum of the content/],
    ["a token cut short", lz4Frame([bytes(15 << 4, 255)]), /inside a sequence/],
    ["a literal cut short", lz4Frame([bytes(3 << 4, "hi")]), /inside a sequence/],
    ["an offset cut short", lz4Frame([bytes(2 << 4, "hi", 2)]), /inside a sequence/],
    ["a match length cut short", lz4Frame([bytes(2 << 4 | 15, "hi", 2, 0)]), /inside a sequence/],
    ["an end without literals", lz4Frame([bytes(2 << 4, "hi", 2, 0)]), /inside a sequence/],
    ["an offset of 0", lz4Frame([bytes(2 << 4, "hi", 0, 0, 0)]), /offset of 0 after 2/],
    ["an offset before the start", lz4Frame([bytes(2 << 4, "hi", 3, 0, 0)]), /offset of 3 after 2/],
    [
      "a match into an independent block",
      lz4Frame([HI4, bytes(0, 2, 0, 0)]),
      /offset of 2 after 0/,
    ],
    [
      "a match into the frame before",
      bytes(lz4Frame([HI4]), lz4Frame([bytes(0, 2, 0, 0)], { flags: 0x40 })),
      /offset of 2 after 0/,
    ],
    [
      "an offset before the start, far from the ends",
      lz4Frame([
        bytes(
          15 << 4,
          85,
          new Uint8Array(100),
          50,
          0,
          2 << 4,
          "hi",
          107,
          0,
          15 << 4,
          45,
          new Uint8Array(60),
        ),
      ]),
      /offset of 107 after 106/,
    ],
    ["less than the content size", lz4Frame([HI4], { contentBytes: 3 }), /3 bytes ends after 2/],
    ["more than the content size", lz4Frame([HI4], { contentBytes: 1 }), /1 bytes ends after 2/],
    ["more than a block may hold", lz4Frame([lz4Run(300)]), /more than 65536 bytes/],
    [
      "a second block with more than it may hold",
      lz4Frame([lz4Run(255), lz4Run(300)]),
      /more than 65536 bytes/,
    ],
    ["rubbish after the frame", bytes(lz4Frame([HI4]), "rubbish"), /starts with 0x/],
    ["a skippable frame past the end", bytes(u32(0x184d2a50), u32(5), "abc"), /skippable/],
  ] as [string, Uint8Array, RegExp][]
) {
  Deno.test(`decompress() fails with corrupt_batch, lz4: ${condition}`, async () => {
    await assertFails(LZ4, input, MIB, "corrupt_batch", message);
  });
}

Deno.test("decompress() fails with batch_too_large, lz4 that says 2^60 bytes", async () => {
  await assertFails(
    LZ4,
    lz4Frame([HI4], { contentBytes: 2 ** 60 }),
    MIB,
    "batch_too_large",
    /limit/,
  );
});

Deno.test("decompress() fails with batch_too_large, lz4 with a stored block over the limit", async () => {
  await assertFails(LZ4, lz4Frame([HI4, { stored: bytes("hi") }]), 3, "batch_too_large", /of 3 b/);
});

Deno.test("lz4HeaderChecksum() is the one lz4 writes, with and without a content size", () => {
  for (const fixture of CODEC_FIXTURES.filter((row) => row.codec === LZ4)) {
    const input = compressed(fixture);
    const end = (input[4] & 8) === 0 ? 6 : 14;
    assert.equal(lz4HeaderChecksum(input.subarray(4, end)), input[end], fixture.name);
  }
});

// Both, where they copy eight bytes at a time

const AHEAD = new Uint8Array(100).map((_, i) => i + 100);

/** AHEAD, its first four bytes again, the first `literal` bytes, a match, and the first `tail`. */
function withMatch(literal: number, offset: number, length: number, tail: number) {
  const plain = [...AHEAD, ...AHEAD.subarray(0, 4), ...AHEAD.subarray(0, literal)];
  for (let i = 0; i < length; i++) plain.push(plain[plain.length - offset]);
  plain.push(...AHEAD.subarray(0, tail));
  const snappyLiteral = (n: number) => n === 0 ? [] : [60 << 2, n - 1, ...AHEAD.subarray(0, n)];
  const lz4Extra = (n: number, most: number) => n < most ? [] : [n - most];
  return {
    plain: bytes(plain),
    snappy: bytes(
      [plain.length & 127 | 128, plain.length >>> 7],
      snappyLiteral(100),
      [3 << 2 | 2, 100, 0],
      snappyLiteral(literal),
      [length - 1 << 2 | 2, offset, 0],
      snappyLiteral(tail),
    ),
    lz4: lz4Frame([bytes(
      [15 << 4, 85, ...AHEAD, 100, 0],
      [literal << 4 | Math.min(length - 4, 15), ...AHEAD.subarray(0, literal), offset, 0],
      lz4Extra(length, 19),
      [Math.min(tail, 15) << 4, ...lz4Extra(tail, 15), ...AHEAD.subarray(0, tail)],
    )]),
  };
}

Deno.test("decompress() restores the bytes, every short offset and length of a match", async () => {
  for (let offset = 1; offset <= 20; offset++) {
    for (let length = 4; length <= 64; length++) {
      const { plain, snappy, lz4 } = withMatch(2, offset, length, 100);
      const at = `offset ${offset}, length ${length}`;
      assert.deepEqual(await decompress(SNAPPY, snappy, plain.length), plain, `snappy, ${at}`);
      assert.deepEqual(await decompress(LZ4, lz4, plain.length), plain, `lz4, ${at}`);
    }
  }
});

Deno.test("decompress() restores the bytes, a match so many bytes before the end", async () => {
  for (const literal of [0, 8, 9, 14]) {
    for (let length = 4; length <= 64; length++) {
      for (let tail = 0; tail <= 30; tail++) {
        const { plain, snappy, lz4 } = withMatch(literal, 70, length, tail);
        const at = `literal ${literal}, length ${length}, tail ${tail}`;
        assert.deepEqual(await decompress(SNAPPY, snappy, plain.length), plain, `snappy, ${at}`);
        assert.deepEqual(await decompress(LZ4, lz4, plain.length), plain, `lz4, ${at}`);
      }
    }
  }
});

// gzip and zstd

const TEXT = Buffer.from("one record, another record, and one record more");
const gzipped = gzipSync(TEXT);
/** As Kafka's producers write it: without the content size, which a stream does not know. */
const unsized = (input: Uint8Array, params: Record<number, number> = {}) =>
  zstdCompressSync(input, { params });
const summed = unsized(TEXT, { [constants.ZSTD_c_checksumFlag]: 1 });
// The type does not know `pledgedSrcSize`, which is what makes it write the content size.
const pledged = { params: {}, pledgedSrcSize: TEXT.length };
const sized = zstdCompressSync(TEXT, pledged);

for (
  const [condition, codec, input, message] of [
    ["gzip with another magic number", GZIP, gzipped.with(0, 0), /incorrect header check/],
    ["gzip with a wrong CRC", GZIP, gzipped.with(-5, gzipped.at(-5)! ^ 1), /incorrect data check/],
    ["gzip with a wrong size", GZIP, gzipped.with(-1, 1), /incorrect length check/],
    ["gzip with rubbish after it", GZIP, bytes(gzipped, "rubbish"), /incorrect header check/],
    [
      "gzip with half a member after it",
      GZIP,
      bytes(gzipped, gzipped.subarray(0, 19)),
      /unexpected end/,
    ],
    ["zstd with another magic number", ZSTD, sized.with(0, 0), /starts with 0xfd2fb500/],
    ["zstd with rubbish after it", ZSTD, bytes(sized, "rubbish"), /starts with 0x/],
    ["zstd with half a frame after it", ZSTD, bytes(sized, sized.subarray(0, 9)), /are left/],
    ["zstd with a reserved bit", ZSTD, sized.with(4, sized[4] | 8), /reserved bit/],
    [
      "zstd with a reserved block type",
      ZSTD,
      bytes(u32(0xfd2fb528), 0x20, 1, 7, 0, 0),
      /reserved type/,
    ],
    [
      "zstd with a block over its most",
      ZSTD,
      bytes(u32(0xfd2fb528), 0, 0, u32(1025 << 3 | 1).slice(0, 3), new Uint8Array(1025)),
      /1025 bytes where 1024/,
    ],
    ["zstd with a dictionary", ZSTD, bytes(u32(0xfd2fb528), 0x21, 9, 1, 1, 0, 0), /dictionary/],
    ["zstd with a wrong checksum", ZSTD, summed.with(-1, summed.at(-1)! ^ 1), /checksum/],
    [
      "zstd with less than its content size",
      ZSTD,
      bytes(u32(0xfd2fb528), 0x20, 5, 0x09, 0, 0, "a"),
      /zstd/,
    ],
    [
      "zstd with more than its content size",
      ZSTD,
      bytes(u32(0xfd2fb528), 0x20, 0, 0x09, 0, 0, "a"),
      /zstd/,
    ],
    [
      "zstd without a last block",
      ZSTD,
      bytes(u32(0xfd2fb528), 0x20, 1, 0x08, 0, 0, "a"),
      /block header/,
    ],
  ] as [string, number, Uint8Array, RegExp][]
) {
  Deno.test(`decompress() fails with corrupt_batch, ${condition}`, async () => {
    await assertFails(codec, input, MIB, "corrupt_batch", message);
  });
}

Deno.test("decompress() restores the bytes, zstd with a skippable frame before and after", async () => {
  const skippable = bytes(u32(0x184d2a53), u32(3), "abc");
  const output = await decompress(ZSTD, bytes(skippable, sized, skippable), MIB);
  assert.deepEqual(Buffer.from(output), TEXT);
});

Deno.test("decompress() restores the bytes, zstd whose window is larger than any memory", async () => {
  const input = unsized(TEXT);
  assert.equal(input[4] & 0x20, 0, "the frame has a window descriptor");
  for (const window of [17 << 3, 21 << 3, 31 << 3 | 7]) {
    const output = await decompress(ZSTD, input.with(5, window), TEXT.length);
    assert.deepEqual(Buffer.from(output), TEXT);
  }
});

Deno.test("decompress() fails with batch_too_large, zstd that says 2^60 bytes", async () => {
  const input = bytes(u32(0xfd2fb528), 0xe0, u32(0), u32(2 ** 28), 0x09, 0, 0, "a");
  await assertFails(ZSTD, input, MIB, "batch_too_large", /limit of 1048576 bytes/);
});

for (
  const [name, codec, input] of [["gzip", GZIP, gzipSync("a")], [
    "zstd",
    ZSTD,
    unsized(bytes("a")),
  ]] as const
) {
  Deno.test(`decompress() fails with batch_too_large, ${name} of a byte where none is allowed`, async () => {
    await assertFails(codec, input, 0, "batch_too_large", /limit of 0 bytes/);
  });
}

Deno.test("decompress() fails with batch_too_large, zstd whose window was cut to the limit", async () => {
  // The second half repeats the first from further back than the window that is left.
  const half = noise(600 * KIB);
  const input = unsized(Buffer.concat([half, half]), { [constants.ZSTD_c_windowLog]: 24 });
  for (const limit of [64 * KIB, 599 * KIB, 700 * KIB, 1100 * KIB]) {
    await assertFails(ZSTD, input, limit, "batch_too_large", new RegExp(`limit of ${limit} bytes`));
  }
});

/** Bytes no codec can shorten. */
function noise(length: number): Uint8Array {
  let state = 88172645;
  return new Uint8Array(length).map(() => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  });
}

// The end of the output can hide behind a chunk that is full.
for (
  const [kind, make] of [["noise", noise], ["zeros", (n: number) => new Uint8Array(n)]] as const
) {
  Deno.test(`decompress() restores the bytes, ${kind} that fills a chunk just so`, async () => {
    const sizes = [1023, 1024, 1025, 128 * KIB, 256 * KIB, 256 * KIB + 1, MIB - 1, MIB, MIB + 1];
    for (const size of sizes) {
      const plain = make(size);
      for (const [codec, input] of [[GZIP, gzipSync(plain)], [ZSTD, unsized(plain)]] as const) {
        for (const limit of [size, 4 * MIB]) {
          const output = await decompress(codec, input, limit);
          assert.equal(output.length, size, `codec ${codec}, limit ${limit}`);
          assert.equal(sha256(output), sha256(plain));
        }
      }
    }
  });
}

const gzip = (input: Uint8Array, _params?: Record<number, number>) => gzipSync(input);

for (const [name, codec, compress] of [["gzip", GZIP, gzip], ["zstd", ZSTD, unsized]] as const) {
  Deno.test(`decompress() lets the event loop turn, ${name} of 8 MiB`, async () => {
    const plain = Buffer.alloc(8 * MIB, noise(1000));
    let turns = 0;
    let isRunning = true;
    const count = () => {
      turns++;
      if (isRunning) setImmediate(count);
    };
    const pending = decompress(codec, compress(plain), 8 * MIB);
    assert(pending instanceof Promise);
    setImmediate(count);
    const output = await pending;
    isRunning = false;
    await new Promise<void>((resolve) => setImmediate(resolve));
    assert.equal(sha256(output), sha256(plain));
    assert(turns >= 30, `${turns} turns`);
  });

  Deno.test(`decompress() restores the bytes, ${name} of 100 pieces`, async () => {
    // With its size, each frame alone and all of them together look small.
    const piece = codec === ZSTD ? sized : gzipped;
    const input = Buffer.concat(Array.from({ length: 100 }, () => piece));
    const pending = decompress(codec, input, MIB);
    if (codec === ZSTD) assert(pending instanceof Promise, "100 calls of the runtime at once");
    const output = await pending;
    assert.deepEqual(Buffer.from(output), Buffer.concat(Array.from({ length: 100 }, () => TEXT)));
  });

  Deno.test(`decompress() fails with batch_too_large, ${name} of 9 pieces one byte over`, async () => {
    const input = Buffer.concat(Array.from({ length: 9 }, () => compress(TEXT)));
    const limit = 9 * TEXT.length - 1;
    await assertFails(
      codec,
      input,
      limit,
      "batch_too_large",
      new RegExp(`limit of ${limit} bytes`),
    );
  });

  Deno.test(`decompress() rejects with corrupt_batch, ${name} of 8 MiB with a wrong sum`, async () => {
    const input = compress(noise(8 * MIB), { [constants.ZSTD_c_checksumFlag]: 1 });
    // Four bytes that end zstd; gzip has the size after them.
    const at = input.length - (codec === GZIP ? 5 : 1);
    const pending = decompress(codec, input.with(at, input[at] ^ 1), 8 * MIB);
    assert(pending instanceof Promise);
    await assert.rejects(pending, (error) => {
      assert(error instanceof ProxyError);
      assert.equal(error.code, "corrupt_batch");
      return true;
    });
  });
}

// Deno 2.9.6 throws where nobody can catch it, when a zstd stream meets an error in a write that
// has filled its buffer: a wrong checksum in a batch over the limit ended the process.
for (const [fault, fromEnd] of [["a wrong sum", 1], ["a wrong byte in a block", 20_000]] as const) {
  Deno.test(`decompress() rejects, zstd of 2 MiB with ${fault} under any limit`, async () => {
    // Not a number of whole slices, so that the last one is more than the sum.
    const plain = noise(2 * MIB + 5000).map((byte) => byte & 15);
    const input = unsized(plain, { [constants.ZSTD_c_checksumFlag]: 1 });
    input[input.length - fromEnd] ^= 0x55;
    for (const over of [0, 1, 2, 3, 1000, 200_000, 256 * KIB, 300 * KIB, MIB]) {
      const pending = decompress(ZSTD, input, plain.length - over);
      assert(pending instanceof Promise);
      await assert.rejects(pending, (error) => {
        assert(error instanceof ProxyError);
        assert(["corrupt_batch", "batch_too_large"].includes(error.code));
        return true;
      });
    }
  });
}

/** A frame of `blocks` times 128 KiB of one byte, four bytes each: RFC 8878, RLE_Block. */
function zstdBomb(blocks: number): Uint8Array {
  const input = new Uint8Array(6 + blocks * 4);
  input.set([...u32(0xfd2fb528), 0, 10 << 3]);
  const word = 128 * KIB << 3 | 1 << 1;
  for (let i = 0; i < blocks; i++) {
    input.set(u32(i === blocks - 1 ? word | 1 : word).slice(0, 3), 6 + i * 4);
  }
  return input;
}

for (
  const [name, codec, make] of [
    ["zstd of 32 KiB, 1 GiB decompressed", ZSTD, () => zstdBomb(8192)],
    ["zstd of 8000 frames, 1 GiB decompressed", ZSTD, () => {
      const frame = zstdBomb(1);
      return Buffer.concat(Array.from({ length: 8192 }, () => frame));
    }],
    ["gzip of 64 KiB, 64 MiB decompressed", GZIP, () => gzipSync(new Uint8Array(64 * MIB))],
    [
      "gzip of 64 KiB that says it is small",
      GZIP,
      () => bytes(gzipSync(new Uint8Array(64 * MIB)), gzipped),
    ],
    ["lz4 of 4 MiB, 1 GiB decompressed", LZ4, () => {
      const frame = lz4Frame([lz4Run(255)]);
      const input = new Uint8Array(7 + 16384 * (frame.length - 11) + 4);
      input.set(frame.subarray(0, 7));
      const block = frame.subarray(7, -4);
      for (let at = 7; at < input.length - 4; at += block.length) input.set(block, at);
      return input;
    }],
  ] as [string, number, () => Uint8Array][]
) {
  Deno.test(`decompress() fails with batch_too_large in little memory, ${name}`, async () => {
    const input = make();
    const before = resourceUsage().maxRSS;
    await assertFails(codec, input, 4 * MIB, "batch_too_large", /limit of 4194304 bytes/);
    const grownKib = resourceUsage().maxRSS - before;
    assert(grownKib < 48 * KIB, `the peak grew by ${grownKib} KiB`);
  });
}

// The parts the codecs share

for (const [how, expectedBytes] of [["at once", 1], ["in slices", 2 * MIB]] as const) {
  Deno.test(`decompressNative() fails with corrupt_batch, a runtime that stops short ${how}`, async () => {
    const format = {
      name: "zstd",
      now: () => bytes("ab"),
      inSlices: () => Promise.resolve(bytes("ab")),
    };
    const piece = { bytes: 1, expectedBytes, exactBytes: 3, input: () => bytes("x") };
    await assert.rejects(async () => await decompressNative(format, [piece], MIB), (error) => {
      assert(error instanceof ProxyError);
      assert.equal(error.code, "corrupt_batch");
      assert.match(error.message, /a frame of 3 bytes ends after 2/);
      return true;
    });
  });
}

Deno.test("trimmed() copies, when more than an eighth would be wasted", () => {
  const array = new Uint8Array(800).fill(1);
  assert.equal(trimmed(array, 700).buffer, array.buffer);
  assert.equal(trimmed(array, 699).buffer.byteLength, 699);
});

Deno.test("trimmed() copies, when the bytes are a corner of a shared buffer", () => {
  const pool = Buffer.from(new ArrayBuffer(8192), 4096, 100);
  const output = trimmed(pool, 100);
  assert.equal(output.buffer.byteLength, 100);
  assert(!Buffer.isBuffer(output));
});

Deno.test("GrowingOutput.append() refuses, one byte over, and keeps what it has", () => {
  const output = new GrowingOutput(5, 1);
  assert(output.append(bytes("abc")));
  assert(output.append(bytes("de")));
  assert(!output.append(bytes("f")));
  assert.equal(output.bytes, 5);
  assert.deepEqual(output.finish(), bytes("abcde"));
});
