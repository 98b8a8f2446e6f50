import { Buffer } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createZstdDecompress, type ZstdDecompress } from "node:zlib";
import { trimmed } from "./trimmed.ts";

/** What is fed to the decompressor before the event loop turns. */
export interface ZstdFeed {
  /** All of it, headers included. */
  readonly frame: Uint8Array;
  /** Ends of the parts of the frame; each part is whole blocks. */
  readonly cuts: readonly number[];
  /** Most that one part can decode to. */
  readonly partBytes: number;
  /** Most that all of them can. */
  readonly boundBytes: number;
}

/**
 * Decompresses one zstd frame part by part, with a turn of the event loop after each. Resolves to
 * `undefined` once the output is over `roomBytes`.
 *
 * The buffer is so large that no part can fill it. That is not for speed: in Deno 2.9.6 a write
 * that fills it is continued in a later tick, and if libzstd then finds an error, it is thrown
 * where nobody can catch it, and one corrupt batch ends the process. The first call of a write is
 * guarded, and becomes the stream's `error`.
 *
 * Memory: the output, or the room and one part when that is less; and as much again in libzstd.
 */
export async function feedZstd(
  { frame, cuts, partBytes, boundBytes }: ZstdFeed,
  roomBytes: number,
): Promise<Uint8Array | undefined> {
  const bufferBytes = Math.min(boundBytes, roomBytes + partBytes) + 1;
  const stream = createZstdDecompress({ chunkSize: Math.max(bufferBytes, 64) });
  const parts: Uint8Array[] = [];
  let bytes = 0;
  stream.on("data", (part: Uint8Array) => {
    parts.push(part);
    bytes += part.length;
  });
  const failure = Promise.withResolvers<never>();
  stream.once("error", failure.reject);
  try {
    let start = 0;
    for (const end of cuts) {
      await Promise.race([failure.promise, write(stream, frame.subarray(start, end))]);
      await nextTurn();
      if (bytes > roomBytes) return undefined;
      start = end;
    }
    return joined(parts, bytes);
  } finally {
    stream.destroy();
  }
}

function write(stream: ZstdDecompress, part: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(part, (error) => error ? reject(error) : resolve());
  });
}

/** One array of all parts: without a copy, where they follow each other in one buffer anyway. */
function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const isRun = parts.every((part, i) =>
    i === 0 || part.buffer === parts[i - 1].buffer &&
      part.byteOffset === parts[i - 1].byteOffset + parts[i - 1].length
  );
  if (parts.length > 0 && isRun) return trimmed(parts[0], bytes);
  return trimmed(Buffer.concat(parts, bytes), bytes);
}
