import type { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";

/** How record batches are compressed before they are sent. */
export type Compression = "none" | "gzip" | "zstd";

/** What one of {@linkcode Compression} does, with its number in a batch's attributes. */
export interface Compressor {
  readonly codec: number;
  readonly compress?: (section: Buffer) => Uint8Array;
}

/**
 * At once, not in a thread: the asynchronous functions of `node:zlib` run on the event loop too, and
 * a batch is half a MiB at the most, or one record.
 */
export const COMPRESSORS: Readonly<Record<Compression, Compressor>> = {
  none: { codec: 0 },
  gzip: { codec: 1, compress: (section) => gzipSync(section) },
  zstd: { codec: 4, compress: (section) => zstdCompressSync(section) },
};
