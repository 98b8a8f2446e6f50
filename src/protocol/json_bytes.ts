/**
 * Writing JSON as bytes. Each `write` function puts its text into `out` at `at` and returns the
 * position after it; the caller has made room, with {@linkcode textBytesBound} or by knowing.
 *
 * Bytes from 0x80 on are copied as they are: the finished frame is decoded as UTF-8 once, which
 * turns invalid sequences into U+FFFD exactly as decoding each value alone would, because the
 * quote after a value is ASCII and never part of a sequence.
 */

/** What a byte needs inside a JSON string: 0 nothing, 1 `\u00XX`, otherwise the letter after `\`. */
const ESCAPE = new Uint8Array(256);
ESCAPE.fill(1, 0, 0x20);
for (const [byte, letter] of [[8, "b"], [9, "t"], [10, "n"], [12, "f"], [13, "r"]] as const) {
  ESCAPE[byte] = letter.charCodeAt(0);
}
ESCAPE[0x22] = 0x22;
ESCAPE[0x5c] = 0x5c;

const HEX = ascii("0123456789abcdef");
const BASE64 = ascii("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** Values up to this size are given six bytes for each of theirs; larger ones are measured first. */
const MEASURE_FROM_BYTES = 4096;

/** The bytes of an ASCII text. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Room a JSON string of these bytes may need, quotes included. */
export function textBytesBound(src: Uint8Array, start: number, length: number): number {
  if (length <= 0) return 8;
  if (length <= MEASURE_FROM_BYTES) return length * 6 + 8;
  let bound = length + 8;
  for (let i = start; i < start + length; i++) {
    const escape = ESCAPE[src[i]];
    if (escape !== 0) bound += escape === 1 ? 5 : 1;
  }
  return bound;
}

/** Room the base64 form of so many bytes needs, quotes included. */
export function base64BytesBound(length: number): number {
  return Math.ceil(Math.max(length, 0) / 3) * 4 + 8;
}

/**
 * A JSON string from bytes, or `null` when `length` is negative.
 *
 * With views over the same bytes, plain text goes eight bytes at a time, which is twice as fast.
 * JSON does not: it is full of quotes from its first byte on, by which it is told.
 */
export function writeText(
  src: Uint8Array,
  start: number,
  length: number,
  out: Uint8Array,
  at: number,
  srcView?: DataView,
  outView?: DataView,
): number {
  seenBits = 0;
  if (length < 0) return writeNull(out, at);
  out[at++] = QUOTE;
  const end = start + length;
  const first = src[start];
  if (
    srcView === undefined || outView === undefined || first === OPEN_BRACE || first === OPEN_BRACKET
  ) {
    at = writeBytes(src, start, end, out, at);
  } else {
    let i = start;
    while (i < end) {
      const plain = copyPlain(srcView, i, end, outView, at);
      i += plain;
      at += plain;
      const stop = Math.min(i + BYTE_RUN, end);
      at = writeBytes(src, i, stop, out, at);
      i = stop;
    }
  }
  out[at++] = QUOTE;
  return at;
}

/** All bytes that the last {@linkcode writeText} wrote, or-ed together, four to a number. */
let seenBits = 0;

/** Whether the last {@linkcode writeText} wrote plain ASCII, which cannot be wrong UTF-8. */
export function wasAscii(): boolean {
  return (seenBits & 0x80808080) === 0;
}

/** After a byte that wants escaping, so many are looked at one by one: others are near it. */
const BYTE_RUN = 64;

function writeBytes(
  src: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  let seen = 0;
  for (let i = start; i < end; i++) {
    const byte = src[i];
    const escape = ESCAPE[byte];
    seen |= byte;
    if (escape === 0) {
      out[at++] = byte;
    } else {
      at = writeEscape(byte, escape, out, at);
    }
  }
  seenBits |= seen;
  return at;
}

/**
 * Copies eight bytes at a time up to the first that wants escaping; returns how many.
 *
 * The comparisons set the highest bit of every byte below 0x20, and of every quote and backslash
 * (Hacker's Delight, section 6-1). A borrow can mark a byte too many, never one too few.
 */
function copyPlain(
  srcView: DataView,
  start: number,
  end: number,
  outView: DataView,
  at: number,
): number {
  let i = start;
  let seen = 0;
  for (; i + 8 <= end; i += 8) {
    const one = srcView.getInt32(i, true);
    const two = srcView.getInt32(i + 4, true);
    const quote1 = one ^ 0x22222222;
    const quote2 = two ^ 0x22222222;
    const slash1 = one ^ 0x5c5c5c5c;
    const slash2 = two ^ 0x5c5c5c5c;
    const marks = (one - 0x20202020) & ~one | (two - 0x20202020) & ~two |
      (quote1 - 0x01010101) & ~quote1 | (quote2 - 0x01010101) & ~quote2 |
      (slash1 - 0x01010101) & ~slash1 | (slash2 - 0x01010101) & ~slash2;
    if ((marks & 0x80808080) !== 0) break;
    outView.setInt32(at, one, true);
    outView.setInt32(at + 4, two, true);
    seen |= one | two;
    at += 8;
  }
  seenBits |= seen;
  return i - start;
}

/** A JSON string of the base64 form (RFC 4648 section 4), or `null` when `length` is negative. */
export function writeBase64(
  src: Uint8Array,
  start: number,
  length: number,
  out: Uint8Array,
  at: number,
): number {
  if (length < 0) return writeNull(out, at);
  out[at++] = QUOTE;
  const end = start + length;
  let i = start;
  for (; i + 2 < end; i += 3) {
    const bits = src[i] << 16 | src[i + 1] << 8 | src[i + 2];
    out[at++] = BASE64[bits >> 18];
    out[at++] = BASE64[bits >> 12 & 63];
    out[at++] = BASE64[bits >> 6 & 63];
    out[at++] = BASE64[bits & 63];
  }
  if (i < end) {
    const two = i + 1 < end;
    const bits = src[i] << 16 | (two ? src[i + 1] << 8 : 0);
    out[at++] = BASE64[bits >> 18];
    out[at++] = BASE64[bits >> 12 & 63];
    out[at++] = two ? BASE64[bits >> 6 & 63] : 0x3d;
    out[at++] = 0x3d;
  }
  out[at++] = QUOTE;
  return at;
}

/** ASCII bytes as they are. */
export function writeAscii(text: Uint8Array, out: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) out[at++] = text[i];
  return at;
}

function writeEscape(byte: number, escape: number, out: Uint8Array, at: number): number {
  out[at++] = BACKSLASH;
  if (escape !== 1) {
    out[at++] = escape;
    return at;
  }
  out[at++] = 0x75;
  out[at++] = 0x30;
  out[at++] = 0x30;
  out[at++] = HEX[byte >> 4];
  out[at++] = HEX[byte & 15];
  return at;
}

function writeNull(out: Uint8Array, at: number): number {
  out[at] = 0x6e;
  out[at + 1] = 0x75;
  out[at + 2] = 0x6c;
  out[at + 3] = 0x6c;
  return at + 4;
}
