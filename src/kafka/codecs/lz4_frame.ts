import { corruptBatch } from "./codec_error.ts";
import { lz4HeaderChecksum } from "./lz4_header_checksum.ts";

const FRAME_MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
const UNCOMPRESSED = 0x80000000;

/** What the descriptor of an LZ4 frame says of its blocks. */
export interface Lz4Frame {
  /** Largest size of a block, compressed or not. */
  readonly blockBytes: number;
  /** Whether matches may reach back into the blocks before. */
  readonly linked: boolean;
  /** Bytes the whole frame decodes to, where the writer knew. */
  readonly contentBytes: number | undefined;
}

/** A part of a frame. A frame is a `begin`, its blocks, and an `end`. */
export type Lz4Part =
  | { readonly kind: "begin"; readonly frame: Lz4Frame }
  | { readonly kind: "end"; readonly frame: Lz4Frame }
  | {
    readonly kind: "block";
    readonly frame: Lz4Frame;
    readonly start: number;
    readonly end: number;
    readonly compressed: boolean;
  };

/**
 * Walks the frames of an input without decoding their blocks; skippable frames are passed over.
 *
 * Checksums of blocks and content are not verified: a record batch has a CRC of its own.
 *
 * Source: lz4/lz4, `doc/lz4_Frame_format.md`, 1.6.x.
 *
 * @throws {ProxyError} `corrupt_batch`, from the iterator
 */
export function* lz4Parts(input: Uint8Array): Generator<Lz4Part, void, undefined> {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;

  function take(bytes: number, what: string): number {
    if (bytes > input.length - at) {
      throw corruptBatch("lz4", `${what} takes ${bytes} bytes, ${input.length - at} are left`);
    }
    const start = at;
    at += bytes;
    return start;
  }

  do {
    const magic = view.getUint32(take(4, "the magic number"), true);
    if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) {
      take(view.getUint32(take(4, "a skippable frame"), true), "a skippable frame");
      continue;
    }
    if (magic !== FRAME_MAGIC) {
      throw corruptBatch("lz4", `a frame starts with 0x${magic.toString(16)}, not 0x184d2204`);
    }
    const descriptor = take(2, "a frame descriptor");
    const flags = input[descriptor];
    const blockDescriptor = input[descriptor + 1];
    // Version 01 and no reserved bit; block sizes from 64 KiB (4) to 4 MiB (7).
    if ((flags & 0xc2) !== 0x40 || (blockDescriptor & 0x8f) !== 0 || blockDescriptor < 0x40) {
      throw corruptBatch("lz4", `a frame has FLG ${flags} and BD ${blockDescriptor}`);
    }
    if ((flags & 1) !== 0) throw corruptBatch("lz4", "a frame needs a dictionary");
    let contentBytes: number | undefined;
    if ((flags & 8) !== 0) {
      const size = take(8, "the content size");
      contentBytes = view.getUint32(size + 4, true) * 2 ** 32 + view.getUint32(size, true);
    }
    const checksum = take(1, "the header checksum");
    if (lz4HeaderChecksum(input.subarray(descriptor, checksum)) !== input[checksum]) {
      throw corruptBatch("lz4", "the checksum of a frame descriptor is wrong");
    }
    const frame: Lz4Frame = {
      blockBytes: 2 ** (8 + blockDescriptor / 8),
      linked: (flags & 32) === 0,
      contentBytes,
    };
    yield { kind: "begin", frame };
    while (true) {
      const word = view.getUint32(take(4, "the size of a block"), true);
      if (word === 0) break;
      const compressed = word < UNCOMPRESSED;
      const bytes = compressed ? word : word - UNCOMPRESSED;
      if (bytes > frame.blockBytes) {
        throw corruptBatch("lz4", `a block of ${bytes} bytes where ${frame.blockBytes} are most`);
      }
      const start = take(bytes, "a block");
      yield { kind: "block", frame, start, end: at, compressed };
      if ((flags & 16) !== 0) take(4, "the checksum of a block");
    }
    if ((flags & 4) !== 0) take(4, "the checksum of the content");
    yield { kind: "end", frame };
  } while (at < input.length);
}
