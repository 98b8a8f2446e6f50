import { corruptBatch } from "./codec_error.ts";
import { decompressGzip } from "./gzip.ts";
import { decompressLz4 } from "./lz4.ts";
import { decompressSnappy } from "./snappy.ts";
import { decompressZstd } from "./zstd.ts";

type Decompress = (input: Uint8Array, maxBytes: number) => Uint8Array | Promise<Uint8Array>;

/** By the number in the lowest three bits of a record batch's attributes; 0 is no compression. */
const CODECS: Readonly<Record<number, Decompress>> = {
  1: decompressGzip,
  2: decompressSnappy,
  3: decompressLz4,
  4: decompressZstd,
};

/**
 * Decompresses the records section of a record batch.
 *
 * - Codecs: 1 gzip, 2 snappy (a xerial stream or a raw block), 3 lz4 frames, 4 zstd frames
 *   (message format 2: KIP-98, KIP-110).
 * - Time: a promise only for gzip and zstd of more than 128 KiB, or 1 MiB once decompressed, where
 *   the event loop turns every 256 KiB; everything else is done on return.
 * - Memory: about twice `maxBytes` at the most, whatever the input claims.
 * - Ownership: `input` is not kept, and must not change before a promise settles. The result is a
 *   plain array that shares nothing with it, in a buffer at most an eighth larger.
 *
 * @throws {ProxyError} `batch_too_large` over `maxBytes`, `corrupt_batch` for input that is not
 * valid or another codec number; a promise rejects with the same
 * @throws {RangeError} when `maxBytes` is not a whole number
 *
 * @example
 * ```ts
 * import { decompress } from "./decompress.ts";
 * import { gzipSync } from "node:zlib";
 *
 * const records = await decompress(1, gzipSync("records"), 1024 * 1024);
 * console.assert(new TextDecoder().decode(records) === "records");
 * ```
 */
export function decompress(
  codec: number,
  input: Uint8Array,
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new RangeError(`Cannot decompress: maxBytes is ${maxBytes}, not a whole number`);
  }
  const run = CODECS[codec];
  if (run === undefined) throw corruptBatch(`codec ${codec}`, "codecs are 1 to 4");
  return run(input, maxBytes);
}
