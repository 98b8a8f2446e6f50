import { zstdDecompressSync } from "node:zlib";
import { batchTooLarge } from "./codec_error.ts";
import { decompressNative, type NativeFormat, type NativePiece } from "./native_format.ts";
import { feedZstd } from "./zstd_feed.ts";
import { narrowFrame, ZSTD_PART_BYTES, type ZstdFrame, zstdFrames } from "./zstd_frame.ts";

interface ZstdPiece extends NativePiece {
  readonly frame: ZstdFrame;
}

const ZSTD: NativeFormat<ZstdPiece> = {
  name: "zstd",
  now: (input, options) => zstdDecompressSync(input, options),
  inSlices: ({ input, frame: { cuts, boundBytes } }, roomBytes) =>
    feedZstd({ frame: input(), cuts, boundBytes, partBytes: ZSTD_PART_BYTES }, roomBytes),
};

/**
 * Decompresses one or more zstd frames, with or without their content size; checksums are verified
 * where they are present. Kafka's producers write one frame, without a content size.
 *
 * Sources: RFC 8878, KIP-110. Memory and turns of the event loop: see
 * {@linkcode decompressNative}; the window a frame asks for is cut to what the limit can use.
 *
 * @throws {ProxyError} `batch_too_large`, `corrupt_batch`; or rejects with them
 */
export function decompressZstd(
  input: Uint8Array,
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  const pieces = { [Symbol.iterator]: () => zstdPieces(input, maxBytes) };
  return decompressNative(ZSTD, pieces, maxBytes);
}

function* zstdPieces(input: Uint8Array, maxBytes: number): Generator<ZstdPiece> {
  for (const frame of zstdFrames(input)) {
    const { contentBytes } = frame;
    if (contentBytes !== undefined && contentBytes > maxBytes) {
      throw batchTooLarge("zstd", maxBytes);
    }
    yield {
      frame,
      bytes: frame.end - frame.start,
      expectedBytes: contentBytes ?? frame.boundBytes,
      exactBytes: contentBytes,
      input: () => narrowFrame(input, frame, maxBytes),
    };
  }
}
