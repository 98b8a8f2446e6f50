import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  ascii,
  base64BytesBound,
  textBytesBound,
  writeAscii,
  writeBase64,
  writeText,
} from "../../src/protocol/json_bytes.ts";

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** What a writer puts after three bytes that are not its own, in an array of just the promised room. */
function written(
  bound: number,
  write: (out: Uint8Array, at: number) => number,
): Uint8Array {
  const out = new Uint8Array(3 + bound).fill(0xee);
  const end = write(out, 3);
  assert.ok(end <= out.length, `${end - 3} bytes are written, ${bound} were promised`);
  assert.deepEqual(out.subarray(0, 3), new Uint8Array(3).fill(0xee));
  return out.subarray(3, end);
}

function text(src: Uint8Array, start = 0, length = src.length): string {
  const bytes = written(
    textBytesBound(src, start, length),
    (out, at) => writeText(src, start, length, out, at),
  );
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function base64(src: Uint8Array, start = 0, length = src.length): string {
  const bytes = written(
    base64BytesBound(length),
    (out, at) => writeBase64(src, start, length, out, at),
  );
  return Buffer.from(bytes).toString("latin1");
}

/** The plain way. */
function decoded(bytes: Uint8Array): string {
  return JSON.stringify(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
}

Deno.test("ascii() gives one byte a character", () => {
  assert.deepEqual(ascii('[{"a":1}]'), new TextEncoder().encode('[{"a":1}]'));
});

Deno.test("writeAscii() copies and returns the position after it", () => {
  assert.deepEqual(written(3, (out, at) => writeAscii(ascii("abc"), out, at)), ascii("abc"));
});

Deno.test("writeText() gives JSON.stringify() of the decoded text, every byte", () => {
  assert.equal(text(EVERY_BYTE), decoded(EVERY_BYTE));
  for (const byte of EVERY_BYTE) {
    assert.equal(text(Uint8Array.of(byte)), decoded(Uint8Array.of(byte)));
  }
});

Deno.test("writeText() gives JSON.stringify() of the decoded text, any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert.equal(text(bytes), decoded(bytes));
  }));
});

Deno.test("writeText() writes null, a length of -1", () => {
  assert.equal(text(EVERY_BYTE, 5, -1), "null");
});

Deno.test("writeText() takes nothing from beside its part", () => {
  assert.equal(text(ascii('a"b"c'), 2, 1), '"b"');
  assert.equal(text(ascii("abc"), 3, 0), '""');
});

Deno.test("textBytesBound() is enough, around the size from which it measures", () => {
  for (const length of [4095, 4096, 4097, 20_000]) {
    for (const byte of [0x00, 0x0a, 0x22, 0x61, 0xff]) {
      const src = new Uint8Array(length).fill(byte);
      assert.equal(text(src), decoded(src));
    }
  }
});

Deno.test("textBytesBound() measures what is large, no six bytes for each", () => {
  const src = new Uint8Array(1 << 20).fill(0x61);
  assert.ok(textBytesBound(src, 0, src.length) < src.length + 16);
});

Deno.test("writeBase64() is RFC 4648's, every length of the last group", () => {
  for (const length of [0, 1, 2, 3, 4, 5, 256]) {
    const bytes = EVERY_BYTE.subarray(256 - length);
    assert.equal(base64(bytes), `"${Buffer.from(bytes).toString("base64")}"`);
  }
});

Deno.test("writeBase64() is what Buffer gives, any part of any bytes", () => {
  const part = fc.tuple(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100));
  fc.assert(fc.property(part, ([bytes, one, other]) => {
    const [start, end] = [one, other].map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b);
    const wanted = Buffer.from(bytes.subarray(start, end)).toString("base64");
    assert.equal(base64(bytes, start, end - start), `"${wanted}"`);
  }));
});

Deno.test("writeBase64() writes null, a length of -1", () => {
  assert.equal(base64(EVERY_BYTE, 5, -1), "null");
});
