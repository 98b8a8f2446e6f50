import { Buffer, isAscii, isUtf8 } from "node:buffer";
import type { Frame } from "../core/ports.ts";

/** What a frame is sent as. */
export type FrameData = Pick<Frame, "data" | "bytes">;

/** Kept between frames; a frame of a very large record gets a larger one for once. */
const SCRATCH_BYTES = 1 << 20;

/** Deno's Buffer has them; the published type does not. */
type SliceableBuffer = Buffer & {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
};

/**
 * The space frames are written into before they are copied out, one for all encoders: a frame is
 * finished before its encoder returns or waits.
 */
class FrameScratch {
  readonly #kept = Buffer.allocUnsafeSlow(SCRATCH_BYTES) as SliceableBuffer;
  readonly #keptView = viewOf(this.#kept);
  bytes: SliceableBuffer = this.#kept;
  /** Over {@linkcode bytes}. */
  view: DataView = this.#keptView;

  /** Makes room for `bytes` more after `at`, keeping what is written; {@linkcode bytes} may change. */
  reserve(at: number, bytes: number): void {
    if (at + bytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(at + bytes) as SliceableBuffer;
    larger.set(this.bytes.subarray(0, at));
    this.bytes = larger;
    this.view = viewOf(larger);
  }

  /** The first bytes as a text; what is not UTF-8 becomes U+FFFD. */
  text(length: number): FrameData {
    const { bytes } = this;
    if (isAscii(bytes.subarray(0, length))) {
      return { data: bytes.latin1Slice(0, length), bytes: length };
    }
    const data = bytes.utf8Slice(0, length);
    return { data, bytes: Buffer.byteLength(data) };
  }

  /** A copy of the first bytes; a Buffer's own `slice()` would be a view. */
  copy(length: number): FrameData {
    const { buffer, byteOffset } = this.bytes;
    return { data: new Uint8Array(buffer, byteOffset, length).slice(), bytes: length };
  }

  /** Gives back what a large record took. */
  shrink(): void {
    this.bytes = this.#kept;
    this.view = this.#keptView;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The one there is. */
export const scratch = new FrameScratch();

/** Whether a part of some bytes is UTF-8 by itself. */
export function isUtf8Part(bytes: Uint8Array, start: number, length: number): boolean {
  return isUtf8(bytes.subarray(start, start + length));
}
