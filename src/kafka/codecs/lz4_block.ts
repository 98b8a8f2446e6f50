import { corruptBatch } from "./codec_error.ts";
import { type Bytes, copyLiteral, copyMatch } from "./copy_bytes.ts";

/** The most a block can grow: an extension byte of a length stands for 255 bytes. */
export const LZ4_MAX_EXPANSION = 255;

/** A literal of up to 14 bytes copied as 16, or that literal and an offset. */
const FAST_INPUT_BYTES = 16;
/** That literal, and a match of up to 18 bytes copied as 24. */
const FAST_OUTPUT_BYTES = 38;

/**
 * Decodes one LZ4 block: the source from `s` to `sEnd`, to at most `dEnd - d` bytes at `d`. Matches
 * may reach back to `history`, which is `d` itself unless blocks depend on each other.
 *
 * Returns the position after the last byte written, or `undefined` when there is no room.
 *
 * Source: lz4/lz4, `doc/lz4_Block_format.md`. Its rules for the end of a block (the last five bytes
 * are literals) exist for fast decoders; they are not enforced here.
 *
 * @throws {ProxyError} `corrupt_batch`
 */
export function decodeLz4Block(
  from: Bytes,
  s: number,
  sEnd: number,
  to: Bytes,
  d: number,
  dEnd: number,
  history: number,
): number | undefined {
  // Everything in here stays a 32-bit integer: one double among them halves the speed.
  const source = from.array;
  const input = from.view;
  const output = to.view;
  const sFast = sEnd - FAST_INPUT_BYTES;
  const dFast = dEnd - FAST_OUTPUT_BYTES;
  while (s < sEnd) {
    const token = source[s++];
    let length = token >>> 4;
    if (length < 15 && s <= sFast && d <= dFast) {
      // Far from all ends: a short literal and a short match without looking at each.
      output.setBigUint64(d, input.getBigUint64(s, true), true);
      if (length > 8) output.setBigUint64(d + 8, input.getBigUint64(s + 8, true), true);
      s += length;
      d += length;
      const offset = input.getUint16(s, true);
      const extra = token & 15;
      if (extra < 15 && offset >= 8 && offset <= d - history) {
        const start = d - offset;
        output.setBigUint64(d, output.getBigUint64(start, true), true);
        if (extra > 4) output.setBigUint64(d + 8, output.getBigUint64(start + 8, true), true);
        if (extra > 12) output.setBigUint64(d + 16, output.getBigUint64(start + 16, true), true);
        s += 2;
        d += extra + 4;
        continue;
      }
    } else {
      if (length === 15) {
        let byte = 255;
        while (byte === 255) {
          if (s >= sEnd) throw endsInside();
          byte = source[s++];
          length += byte;
        }
      }
      if (length > sEnd - s) throw endsInside();
      if (length > dEnd - d) return undefined;
      copyLiteral(from, s, to, d, length);
      s += length;
      d += length;
      if (s === sEnd) return d;
    }

    if (sEnd - s < 2) throw endsInside();
    const offset = source[s] | source[s + 1] << 8;
    s += 2;
    if (offset === 0 || offset > d - history) {
      throw corruptBatch("lz4", `an offset of ${offset} after ${d - history} bytes`);
    }
    length = (token & 15) + 4;
    if (length === 19) {
      let byte = 255;
      while (byte === 255) {
        if (s >= sEnd) throw endsInside();
        byte = source[s++];
        length += byte;
      }
    }
    if (length > dEnd - d) return undefined;
    copyMatch(to, d, offset, length);
    d += length;
  }
  // Only a block without a sequence, or one that ends with a match, gets here.
  throw endsInside();
}

function endsInside() {
  return corruptBatch("lz4", "a block ends inside a sequence");
}
