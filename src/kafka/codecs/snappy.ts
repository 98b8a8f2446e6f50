import { batchTooLarge, corruptBatch } from "./codec_error.ts";
import { withView } from "./copy_bytes.ts";
import { decodeSnappyBlock, readSnappyPreamble, SNAPPY_MAX_EXPANSION } from "./snappy_block.ts";

const XERIAL_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
/** The magic, a version and the oldest version that can read it. */
const XERIAL_HEADER_BYTES = 16;

/**
 * Decompresses snappy as Kafka's producers write it: the blocks of a xerial stream (the Java
 * client), or one raw block (librdkafka). A raw block cannot be mistaken for a stream: the fourth
 * byte of the magic would be a copy before there is anything to copy.
 *
 * Xerial is snappy-java's framing: the magic, two big-endian 32-bit versions, then blocks, each
 * after its big-endian 32-bit length; streams may follow each other. The versions are not looked
 * at, as in librdkafka: some clients wrote them in the wrong byte order.
 *
 * Sources: google/snappy `format_description.txt`; xerial/snappy-java `SnappyOutputStream`.
 *
 * Memory: the output, whose size is known and checked before it is allocated.
 *
 * @throws {ProxyError} `batch_too_large`, `corrupt_batch`
 */
export function decompressSnappy(input: Uint8Array, maxBytes: number): Uint8Array {
  const forEachBlock = isXerialHeader(input, 0) ? forEachXerialBlock : forOneBlock;
  let total = 0;
  forEachBlock(input, (start, end) => {
    const { length } = readSnappyPreamble(input, start, end);
    total += length;
    if (total > maxBytes) throw batchTooLarge("snappy", maxBytes);
    if (length > (end - start) * SNAPPY_MAX_EXPANSION) {
      throw corruptBatch("snappy", `a block of ${end - start} bytes cannot hold ${length}`);
    }
  });
  const output = new Uint8Array(total);
  const from = withView(input);
  const to = withView(output);
  let position = 0;
  forEachBlock(input, (start, end) => {
    const preamble = readSnappyPreamble(input, start, end);
    decodeSnappyBlock(from, preamble.start, end, to, position, position + preamble.length);
    position += preamble.length;
  });
  return output;
}

type Visit = (start: number, end: number) => void;

function forOneBlock(input: Uint8Array, visit: Visit): void {
  visit(0, input.length);
}

function forEachXerialBlock(input: Uint8Array, visit: Visit): void {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  let at = 0;
  while (at < input.length) {
    if (isXerialHeader(input, at)) {
      at += XERIAL_HEADER_BYTES;
      if (at > input.length) throw corruptBatch("snappy", "the xerial header is cut short");
      continue;
    }
    if (at + 4 > input.length) throw corruptBatch("snappy", "the length of a block is cut short");
    const length = view.getUint32(at);
    at += 4;
    if (length > input.length - at) {
      throw corruptBatch("snappy", `a block of ${length} bytes, ${input.length - at} are left`);
    }
    visit(at, at + length);
    at += length;
  }
}

function isXerialHeader(input: Uint8Array, at: number): boolean {
  return XERIAL_MAGIC.every((byte, i) => input[at + i] === byte);
}
