import { Buffer } from "node:buffer";
import type { Random } from "../support/random.ts";

/** Numbers at which formats break. */
const NUMBERS = [0, 1, -1, 2, 127, 128, 255, 256, 32_767, 65_535, 2 ** 31 - 1, -(2 ** 31)];

/** No input gets longer. */
const MOST_BYTES = 1 << 16;

type Change = (bytes: Buffer, random: Random, words: readonly Uint8Array[]) => Buffer;

const CHANGES: readonly Change[] = [
  function flip(bytes, random) {
    bytes[random.between(0, bytes.length)] ^= 1 << random.between(0, 8);
    return bytes;
  },
  function overwrite(bytes, random) {
    bytes[random.between(0, bytes.length)] = random.pick(NUMBERS) & 255;
    return bytes;
  },
  function number(bytes, random) {
    if (bytes.length < 4) return bytes;
    bytes.writeInt32BE(random.pick(NUMBERS), random.between(0, bytes.length - 3));
    return bytes;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.between(0, bytes.length));
  },
  function remove(bytes, random) {
    const from = random.between(0, bytes.length);
    const to = Math.min(from + random.between(1, 33), bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  function repeat(bytes, random) {
    const from = random.between(0, bytes.length);
    const part = bytes.subarray(from, from + random.between(1, 129));
    const parts = new Array<Uint8Array>(random.between(1, 9)).fill(part);
    return Buffer.concat([bytes.subarray(0, from), ...parts, bytes.subarray(from)]);
  },
  function insertWord(bytes, random, words) {
    if (words.length === 0) return bytes;
    const at = random.between(0, bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), random.pick(words), bytes.subarray(at)]);
  },
  function noise(bytes, random) {
    const at = random.between(0, bytes.length + 1);
    const some = Buffer.alloc(random.between(1, 17));
    for (let i = 0; i < some.length; i++) some[i] = random.between(0, 256);
    return Buffer.concat([bytes.subarray(0, at), some, bytes.subarray(at)]);
  },
];

/** A seed with one to six changes, and now and then the end of another. */
export function mutated(
  seeds: readonly Uint8Array[],
  random: Random,
  words: readonly Uint8Array[],
): Uint8Array {
  let bytes = Buffer.from(random.pick(seeds));
  if (random.next() < 0.1) {
    const other = random.pick(seeds);
    const head = bytes.subarray(0, random.between(0, bytes.length + 1));
    bytes = Buffer.concat([head, other.subarray(random.between(0, other.length + 1))]);
  }
  for (let left = random.between(1, 7); left > 0 && bytes.length > 0; left--) {
    bytes = random.pick(CHANGES)(bytes, random, words) as Buffer<ArrayBuffer>;
  }
  return bytes.subarray(0, MOST_BYTES);
}
