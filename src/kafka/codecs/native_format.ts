import { setImmediate as nextTurn } from "node:timers/promises";
import { batchTooLarge, corruptBatch } from "./codec_error.ts";
import { GrowingOutput } from "./growing_output.ts";
import { ProxyError } from "../../core/proxy_error.ts";
import { trimmed } from "./trimmed.ts";

/** Up to here an input is decompressed at once. */
const AT_ONCE_INPUT_BYTES = 128 * 1024;
/** Up to here an output is decompressed at once: 1 to 3 ms. */
const AT_ONCE_OUTPUT_BYTES = 1024 * 1024;
/** A call of the runtime costs 20 microseconds, so many small pieces are not small. */
const AT_ONCE_PIECES = 8;
/** Output between two turns of the event loop: well under a millisecond. */
const SLICE_BYTES = 256 * 1024;
const MIN_CHUNK_BYTES = 1024;
/** Few records compress better than this; for those that do, a second chunk costs little. */
const LIKELY_EXPANSION = 8;

/** The options of `node:zlib` that are used here. */
export interface NativeOptions {
  readonly chunkSize: number;
  readonly maxOutputLength?: number;
}

/** A format that the runtime decompresses. */
export interface NativeFormat {
  readonly name: string;
  /** Decompresses at once; throws `ERR_BUFFER_TOO_LARGE` over `maxOutputLength`. */
  now(input: Uint8Array, options: NativeOptions): Uint8Array;
  /** Decompresses as a stream, `chunkSize` bytes at a time, without a limit of its own. */
  stream(
    options: NativeOptions,
  ): AsyncIterable<Uint8Array> & { end(input: Uint8Array): unknown };
}

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

/**
 * Decompresses pieces one after the other: small ones at once, large ones in slices between which
 * the event loop turns. In Deno the asynchronous functions of `node:zlib` run on the event loop
 * too, from start to end without a turn: 64 MiB stop every socket for 90 to 170 ms.
 *
 * Memory: at most twice the limit, for a moment, beside the input. `pieces` is iterated twice.
 *
 * @throws {ProxyError} `batch_too_large`, `corrupt_batch`; or rejects with them
 */
export function decompressNative(
  format: NativeFormat,
  pieces: Iterable<NativePiece>,
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
  return done ?? inSlices(format, pieces, expectedBytes, maxBytes);
}

/** `undefined` when the output is larger than expected, so large that it is better sliced. */
function atOnce(
  format: NativeFormat,
  pieces: Iterable<NativePiece>,
  count: number,
  maxBytes: number,
): Uint8Array | undefined {
  const output = new GrowingOutput(format.name, maxBytes, 0);
  for (const piece of pieces) {
    const room = Math.min(maxBytes - output.bytes, AT_ONCE_OUTPUT_BYTES);
    let part: Uint8Array;
    try {
      part = format.now(piece.input(), {
        chunkSize: chunkSize(piece, AT_ONCE_OUTPUT_BYTES, maxBytes),
        // Zero is not a limit that node:zlib knows.
        maxOutputLength: Math.max(1, room),
      });
    } catch (error) {
      if (!isTooLarge(error)) throw foreign(format, error);
      if (room === AT_ONCE_OUTPUT_BYTES) return undefined;
      throw batchTooLarge(format.name, maxBytes);
    }
    check(format, piece, part.length);
    if (count === 1 && part.length <= maxBytes) return trimmed(part, part.length);
    output.append(part);
  }
  return output.finish();
}

async function inSlices(
  format: NativeFormat,
  pieces: Iterable<NativePiece>,
  expectedBytes: number,
  maxBytes: number,
): Promise<Uint8Array> {
  const output = new GrowingOutput(format.name, maxBytes, expectedBytes);
  for (const piece of pieces) {
    const before = output.bytes;
    const stream = format.stream({ chunkSize: chunkSize(piece, SLICE_BYTES, maxBytes) });
    stream.end(piece.input());
    try {
      for await (const part of stream) {
        output.append(part);
        await nextTurn();
      }
    } catch (error) {
      throw foreign(format, error);
    }
    check(format, piece, output.bytes - before);
  }
  return output.finish();
}

/** One byte more than the likely output, so that one chunk is enough to see its end. */
function chunkSize(piece: NativePiece, most: number, maxBytes: number): number {
  const likely = Math.min(piece.expectedBytes, piece.bytes * LIKELY_EXPANSION, most, maxBytes);
  return Math.max(MIN_CHUNK_BYTES, likely + 1);
}

function check(format: NativeFormat, piece: NativePiece, bytes: number): void {
  if (piece.exactBytes !== undefined && piece.exactBytes !== bytes) {
    throw corruptBatch(format.name, `a frame of ${piece.exactBytes} bytes ends after ${bytes}`);
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

function foreign(format: NativeFormat, error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  const state = error instanceof Error ? error.message : String(error);
  return corruptBatch(format.name, state, error);
}
