import { corruptBatch } from "./codec_error.ts";
import { type Bytes, copyLiteral, copyMatch } from "./copy_bytes.ts";

/** The most a block can grow: an element of three bytes copies 64. */
export const SNAPPY_MAX_EXPANSION = 22;

/** What the copies that do not look at the ends of the arrays may touch: the longest copy there is. */
const FAST_BYTES = 64;

/** What the preamble of a raw snappy block says. */
export interface SnappyPreamble {
  /** Bytes the block decodes to. */
  readonly length: number;
  /** Where its elements start. */
  readonly start: number;
}

/**
 * Reads the preamble of the raw snappy block between `start` and `end`. Its length is a claim of
 * up to 2^35 bytes, to be checked before anything is allocated for it.
 *
 * @throws {ProxyError} `corrupt_batch`
 */
export function readSnappyPreamble(
  input: Uint8Array,
  start: number,
  end: number,
): SnappyPreamble {
  let length = 0;
  for (let i = 0, unit = 1; i < 5; i++, unit *= 128) {
    if (start + i >= end) throw corruptBatch("snappy", "a block ends inside its length");
    const byte = input[start + i];
    length += (byte & 0x7f) * unit;
    if (byte < 0x80) return { length, start: start + i + 1 };
  }
  throw corruptBatch("snappy", "the length of a block is longer than 5 bytes");
}

/**
 * Decodes the elements of one raw snappy block: the source from `s` to `sEnd`, to exactly
 * `dEnd - d` bytes at `d`.
 *
 * Source: google/snappy, `format_description.txt`.
 *
 * @throws {ProxyError} `corrupt_batch`
 */
export function decodeSnappyBlock(
  from: Bytes,
  s: number,
  sEnd: number,
  to: Bytes,
  d: number,
  dEnd: number,
): void {
  // Everything in here stays a 32-bit integer: one double among them halves the speed.
  const source = from.array;
  const input = from.view;
  const output = to.view;
  const base = d;
  const sFast = sEnd - FAST_BYTES;
  const dFast = dEnd - FAST_BYTES;
  while (s < sEnd) {
    const tag = source[s++];
    const kind = tag & 3;
    let length = (tag >>> 2) + 1;
    if (kind === 0) {
      if (length <= 16 && s <= sFast && d <= dFast) {
        output.setBigUint64(d, input.getBigUint64(s, true), true);
        if (length > 8) output.setBigUint64(d + 8, input.getBigUint64(s + 8, true), true);
        s += length;
        d += length;
        continue;
      }
      if (length > 60) {
        const width = length - 60;
        if (width > sEnd - s) throw endsInside();
        length = littleEndian(source, s, width) + 1;
        s += width;
      }
      if (length <= 0 || length > sEnd - s) throw endsInside();
      if (length > dEnd - d) throw tooLong();
      copyLiteral(from, s, to, d, length);
      s += length;
      d += length;
      continue;
    }

    const width = kind === 3 ? 4 : kind;
    if (width > sEnd - s) throw endsInside();
    let offset: number;
    if (kind === 1) {
      length = ((tag >>> 2) & 7) + 4;
      offset = (tag >>> 5) << 8 | source[s];
    } else if (kind === 2) {
      offset = source[s] | source[s + 1] << 8;
    } else {
      offset = littleEndian(source, s, 4);
    }
    s += width;
    if (offset <= 0 || offset > d - base) {
      throw corruptBatch("snappy", `an offset of ${offset >>> 0} after ${d - base} bytes`);
    }
    if (length > dEnd - d) throw tooLong();
    if (offset >= 8 && d <= dFast) {
      const start = d - offset;
      output.setBigUint64(d, output.getBigUint64(start, true), true);
      for (let i = 8; i < length; i += 8) {
        output.setBigUint64(d + i, output.getBigUint64(start + i, true), true);
      }
    } else {
      copyMatch(to, d, offset, length);
    }
    d += length;
  }
  if (d !== dEnd) {
    throw corruptBatch("snappy", `a block of ${dEnd - base} bytes ends after ${d - base}`);
  }
}

/** Negative from 2^31 on, which no length or offset inside an array can be. */
function littleEndian(source: Uint8Array, s: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) value |= source[s + i] << (8 * i);
  return value;
}

function endsInside() {
  return corruptBatch("snappy", "a block ends inside an element");
}

function tooLong() {
  return corruptBatch("snappy", "a block holds more than its length says");
}
