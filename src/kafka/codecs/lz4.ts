import { batchTooLarge, corruptBatch } from "./codec_error.ts";
import { withView } from "./copy_bytes.ts";
import { decodeLz4Block, LZ4_MAX_EXPANSION } from "./lz4_block.ts";
import { lz4Parts } from "./lz4_frame.ts";
import { trimmed } from "./trimmed.ts";

/**
 * Decompresses one or more LZ4 frames, with blocks that are compressed or not, independent or
 * linked. Kafka's producers write one frame of independent 64 KiB blocks without a content size.
 *
 * Sources: lz4/lz4 `doc/lz4_Frame_format.md` 1.6.x; KIP-57 (the header checksum is right in every
 * message format that is read here).
 *
 * Memory: what the block headers allow the output to be, at most the limit; twice that for a moment
 * when blocks turn out to hold less.
 *
 * @throws {ProxyError} `batch_too_large`, `corrupt_batch`
 */
export function decompressLz4(input: Uint8Array, maxBytes: number): Uint8Array {
  const output = new Uint8Array(Math.min(outputBound(input, maxBytes), maxBytes));
  const from = withView(input);
  const to = withView(output);
  let position = 0;
  let frameStart = 0;
  for (const part of lz4Parts(input)) {
    const { frame } = part;
    if (part.kind === "begin") {
      frameStart = position;
    } else if (part.kind === "end") {
      const bytes = position - frameStart;
      if (frame.contentBytes !== undefined && frame.contentBytes !== bytes) {
        throw corruptBatch("lz4", `a frame of ${frame.contentBytes} bytes ends after ${bytes}`);
      }
    } else {
      const { start, end } = part;
      const room = output.length - position;
      const limit = position + Math.min(frame.blockBytes, room);
      let next: number | undefined;
      if (part.compressed) {
        const history = frame.linked ? frameStart : position;
        next = decodeLz4Block(from, start, end, to, position, limit, history);
      } else if (end - start <= room) {
        output.set(input.subarray(start, end), position);
        next = position + end - start;
      }
      if (next === undefined) {
        // Where the bound was allocated, a block always has the room its size can fill.
        if (room < frame.blockBytes) throw batchTooLarge("lz4", maxBytes);
        throw corruptBatch("lz4", `a block holds more than ${frame.blockBytes} bytes`);
      }
      position = next;
    }
  }
  return trimmed(output, position);
}

/** The most that the blocks can decode to, from their sizes alone. */
function outputBound(input: Uint8Array, maxBytes: number): number {
  let bound = 0;
  for (const part of lz4Parts(input)) {
    const { blockBytes, contentBytes } = part.frame;
    if (part.kind === "begin" && contentBytes !== undefined && contentBytes > maxBytes) {
      throw batchTooLarge("lz4", maxBytes);
    }
    if (part.kind === "block") {
      const bytes = part.end - part.start;
      bound += part.compressed ? Math.min(blockBytes, bytes * LZ4_MAX_EXPANSION) : bytes;
    }
  }
  return bound;
}
