import { ProxyError } from "../../core/proxy_error.ts";
import { batchTooLarge, corruptBatch } from "./codec_error.ts";
import { GrowingOutput } from "./growing_output.ts";
import { trimmed } from "./trimmed.ts";

/** Up to here an input is decompressed at once. */
const AT_ONCE_INPUT_BYTES = 128 * 1024;
/** Up to here an output is decompressed at once: about a millisecond. */
const AT_ONCE_OUTPUT_BYTES = 1024 * 1024;
/** A call of the runtime costs 20 microseconds, so many small pieces are not small. */
const AT_ONCE_PIECES = 8;
const MIN_CHUNK_BYTES = 1024;
/** Few records compress better than this; for those that do, a second chunk costs little. */
const LIKELY_EXPANSION = 8;

/** Output between two turns of the event loop, more or less: a third of a millisecond. */
export const SLICE_BYTES = 256 * 1024;

/** Input for one call of the runtime. */
export interface NativePiece {
  /** Bytes before decompression. */
  readonly bytes: number;
  /** About how many bytes after it, from what it claims. It sizes buffers, it is not relied on. */
  readonly expectedBytes: number;
  /** Bytes after it, where the format says so. */
  readonly exactBytes?: number;
  /** The input itself. */
  input(): Uint8Array;
}

/** A format that the runtime decompresses. */
export interface NativeFormat<Piece extends NativePiece = NativePiece> {
  /** What messages call it. */
  readonly name: string;
  /** Decompresses at once; throws `ERR_BUFFER_TOO_LARGE` over `maxOutputLength`. */
  now(input: Uint8Array, options: { chunkSize: number; maxOutputLength: number }): Uint8Array;
  /**
   * Decompresses with a turn of the event loop about every {@linkcode SLICE_BYTES}. Resolves to
   * `undefined` once the output is over `roomBytes`.
   */
  inSlices(piece: Piece, roomBytes: number): Promise<Uint8Array | undefined>;
}

/**
 * Decompresses pieces one after the other: small ones at once, large ones in slices between which
 * the event loop turns. In Deno the asynchronous functions of `node:zlib` run on the event loop
 * too, from start to end without a turn: 32 MiB stop every socket for 20 to 130 ms.
 *
 * Memory: at most twice the limit, for a moment, beside the input. `pieces` is iterated twice.
 *
 * @throws {ProxyError} `batch_too_large`, `corrupt_batch`; or rejects with them
 */
export function decompressNative<Piece extends NativePiece>(
  format: NativeFormat<Piece>,
  pieces: Iterable<Piece>,
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  let count = 0, inputBytes = 0, expectedBytes = 0;
  for (const piece of pieces) {
    count++;
    inputBytes += piece.bytes;
    expectedBytes += piece.expectedBytes;
  }
  const isSmall = count <= AT_ONCE_PIECES && inputBytes <= AT_ONCE_INPUT_BYTES &&
    expectedBytes <= AT_ONCE_OUTPUT_BYTES;
  const done = isSmall ? atOnce(format, pieces, count, maxBytes) : undefined;
  return done ?? inSlices(format, pieces, count, maxBytes);
}

/** `undefined` when the output is larger than expected, so large that it is better sliced. */
function atOnce<Piece extends NativePiece>(
  format: NativeFormat<Piece>,
  pieces: Iterable<Piece>,
  count: number,
  maxBytes: number,
): Uint8Array | undefined {
  const output = new GrowingOutput(maxBytes, 0);
  for (const piece of pieces) {
    const roomBytes = Math.min(maxBytes - output.bytes, AT_ONCE_OUTPUT_BYTES);
    const likelyBytes = Math.min(piece.expectedBytes, piece.bytes * LIKELY_EXPANSION, roomBytes);
    let part: Uint8Array;
    try {
      part = format.now(piece.input(), {
        // One more than the output, so that one chunk is enough to see its end.
        chunkSize: Math.max(MIN_CHUNK_BYTES, likelyBytes + 1),
        // Zero is not a limit that node:zlib knows.
        maxOutputLength: Math.max(1, roomBytes),
      });
    } catch (error) {
      if (!isTooLarge(error)) throw foreign(format.name, error);
      if (roomBytes === AT_ONCE_OUTPUT_BYTES) return undefined;
      throw batchTooLarge(format.name, maxBytes);
    }
    checkSize(format.name, piece, part);
    if (part.length > roomBytes) throw batchTooLarge(format.name, maxBytes);
    if (count === 1) return trimmed(part, part.length);
    output.append(part);
  }
  return output.finish();
}

async function inSlices<Piece extends NativePiece>(
  format: NativeFormat<Piece>,
  pieces: Iterable<Piece>,
  count: number,
  maxBytes: number,
): Promise<Uint8Array> {
  const output = new GrowingOutput(maxBytes, 0);
  for (const piece of pieces) {
    let part: Uint8Array | undefined;
    try {
      part = await format.inSlices(piece, maxBytes - output.bytes);
    } catch (error) {
      throw foreign(format.name, error);
    }
    if (part === undefined) throw batchTooLarge(format.name, maxBytes);
    checkSize(format.name, piece, part);
    if (count === 1) return part;
    output.append(part);
  }
  return output.finish();
}

function checkSize(codec: string, { exactBytes }: NativePiece, part: Uint8Array): void {
  if (exactBytes !== undefined && exactBytes !== part.length) {
    throw corruptBatch(codec, `a frame of ${exactBytes} bytes ends after ${part.length}`);
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

function foreign(codec: string, error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  return corruptBatch(codec, error instanceof Error ? error.message : String(error), error);
}
