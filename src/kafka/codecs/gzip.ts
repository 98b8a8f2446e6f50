import { setImmediate as nextTurn } from "node:timers/promises";
import { createGunzip, gunzipSync } from "node:zlib";
import { corruptBatch } from "./codec_error.ts";
import { GrowingOutput } from "./growing_output.ts";
import { decompressNative, type NativeFormat, SLICE_BYTES } from "./native_format.ts";

const GZIP: NativeFormat = {
  name: "gzip",
  now: (input, options) => gunzipSync(input, options),
  async inSlices(piece, roomBytes) {
    const output = new GrowingOutput(roomBytes, piece.expectedBytes);
    const stream = createGunzip({ chunkSize: SLICE_BYTES });
    stream.end(piece.input());
    for await (const part of stream) {
      if (!output.append(part)) return undefined;
      await nextTurn();
    }
    return output.finish();
  },
};

/** A header of ten bytes and a trailer of eight. */
const MIN_MEMBER_BYTES = 18;
/** The most deflate can grow: 258 bytes for two bits, and some overhead. */
const MAX_EXPANSION = 1032;

/**
 * Decompresses one or more gzip members; their CRCs are verified. Anything after the last member is
 * an error.
 *
 * Source: RFC 1952. Memory and turns of the event loop: see {@linkcode decompressNative}.
 *
 * @throws {ProxyError} `batch_too_large`, `corrupt_batch`; or rejects with them
 */
export function decompressGzip(
  input: Uint8Array,
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  if (input.length < MIN_MEMBER_BYTES) {
    throw corruptBatch("gzip", `${input.length} bytes where a member takes ${MIN_MEMBER_BYTES}`);
  }
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  // Section 2.3.1, ISIZE: the size of the last member, modulo 2^32.
  const lastMemberBytes = view.getUint32(input.length - 4, true);
  const piece = {
    bytes: input.length,
    expectedBytes: Math.min(lastMemberBytes, input.length * MAX_EXPANSION),
    input: () => input,
  };
  return decompressNative(GZIP, [piece], maxBytes);
}
