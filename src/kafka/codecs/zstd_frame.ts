import { corruptBatch } from "./codec_error.ts";
import { SLICE_BYTES } from "./native_format.ts";

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK_BYTES = 128 * 1024;
const WINDOW_AT = 5;

/** The most that what lies between two cuts can decode to. */
export const ZSTD_PART_BYTES: number = SLICE_BYTES + MAX_BLOCK_BYTES;

/** One frame of a zstd input, found without decompressing it. */
export interface ZstdFrame {
  /** Where in the input it starts. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** Bytes of history the frame asks a decompressor to keep. */
  readonly windowBytes: number;
  /** Whether that is a field of its own; otherwise the window is the content. */
  readonly hasWindowDescriptor: boolean;
  /** Bytes the frame decodes to, where the writer knew. */
  readonly contentBytes: number | undefined;
  /** The most its blocks can decode to. */
  readonly boundBytes: number;
  /**
   * Offsets from the start, ascending, after whole blocks, the last one at the end; no more than
   * {@linkcode ZSTD_PART_BYTES} of output between two of them.
   */
  readonly cuts: readonly number[];
}

/**
 * Walks the frames of an input by their headers and the headers of their blocks; skippable frames
 * are passed over. `node:zlib` cannot be asked: Deno decodes the first frame, ignores what follows,
 * and takes a truncated frame for one that is done.
 *
 * Source: RFC 8878, sections 3.1.1 and 3.1.2.
 *
 * @throws {ProxyError} `corrupt_batch`, from the iterator
 */
export function* zstdFrames(input: Uint8Array): Generator<ZstdFrame, void, undefined> {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;

  function take(bytes: number, what: string): number {
    if (bytes > input.length - at) {
      throw corruptBatch("zstd", `${what} takes ${bytes} bytes, ${input.length - at} are left`);
    }
    const start = at;
    at += bytes;
    return start;
  }

  do {
    const start = at;
    const magic = view.getUint32(take(4, "the magic number"), true);
    if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) {
      take(view.getUint32(take(4, "a skippable frame"), true), "a skippable frame");
      continue;
    }
    if (magic !== FRAME_MAGIC) {
      throw corruptBatch("zstd", `a frame starts with 0x${magic.toString(16)}, not 0xfd2fb528`);
    }
    const descriptor = input[take(1, "a frame descriptor")];
    if ((descriptor & 0x08) !== 0) throw corruptBatch("zstd", "a reserved bit is set");
    const hasWindowDescriptor = (descriptor & 0x20) === 0;
    let windowBytes = 0;
    if (hasWindowDescriptor) {
      const window = input[take(1, "the window descriptor")];
      windowBytes = 2 ** (10 + (window >>> 3)) * (1 + (window & 7) / 8);
    }
    const dictionary = take([0, 1, 2, 4][descriptor & 3], "the dictionary id");
    if (input.subarray(dictionary, at).some((byte) => byte !== 0)) {
      throw corruptBatch("zstd", "a frame needs a dictionary");
    }
    const width = [hasWindowDescriptor ? 0 : 1, 2, 4, 8][descriptor >>> 6];
    const contentBytes = readContentSize(view, take(width, "the content size"), width);
    if (!hasWindowDescriptor) windowBytes = contentBytes ?? 0;

    const blockBytes = Math.min(windowBytes, MAX_BLOCK_BYTES);
    const cuts: number[] = [];
    let boundBytes = 0;
    let cutBytes = 0;
    let isLast = false;
    while (!isLast) {
      if (boundBytes - cutBytes >= SLICE_BYTES) {
        cuts.push(at - start);
        cutBytes = boundBytes;
      }
      const header = take(3, "a block header");
      const size = view.getUint16(header + 1, true) << 5 | input[header] >>> 3;
      const type = input[header] >>> 1 & 3;
      if (type === 3) throw corruptBatch("zstd", "a block has the reserved type");
      if (size > blockBytes) {
        throw corruptBatch("zstd", `a block of ${size} bytes where ${blockBytes} are most`);
      }
      take(type === 1 ? 1 : size, "a block");
      boundBytes += type === 2 ? blockBytes : size;
      isLast = (input[header] & 1) === 1;
    }
    if ((descriptor & 0x04) !== 0) take(4, "the checksum of the content");
    cuts.push(at - start);
    yield { start, end: at, windowBytes, hasWindowDescriptor, contentBytes, boundBytes, cuts };
  } while (at < input.length);
}

function readContentSize(view: DataView, at: number, width: number): number | undefined {
  if (width === 0) return undefined;
  if (width === 1) return view.getUint8(at);
  if (width === 2) return view.getUint16(at, true) + 256;
  if (width === 4) return view.getUint32(at, true);
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/**
 * The bytes of a frame, with a window no larger than output under `maxBytes` can use.
 *
 * A decompressor allocates the window before it sees a block, and a writer that does not know the
 * size of its content names what its level could use: Kafka's Java producer at level 22 (KIP-390)
 * asks for 128 MiB in front of a kilobyte.
 */
export function narrowFrame(input: Uint8Array, frame: ZstdFrame, maxBytes: number): Uint8Array {
  const bytes = input.subarray(frame.start, frame.end);
  // No match reaches further back than the output is long; no block is longer either, which the
  // window bounds too. One block more, because the limit is checked after the block that crosses it.
  const useful = Math.min(frame.boundBytes, maxBytes + MAX_BLOCK_BYTES);
  if (!frame.hasWindowDescriptor || frame.windowBytes <= useful) return bytes;
  const narrowed = new Uint8Array(bytes);
  narrowed[WINDOW_AT] = windowDescriptor(useful);
  return narrowed;
}

/** The smallest window of at least so many bytes: an exponent, and eighths of its power. */
function windowDescriptor(bytes: number): number {
  const exponent = Math.max(10, Math.floor(Math.log2(bytes)));
  const eighths = Math.max(0, Math.ceil((bytes / 2 ** exponent - 1) * 8));
  // Eight eighths carry into the exponent by themselves.
  return (exponent - 10 << 3) + eighths;
}
