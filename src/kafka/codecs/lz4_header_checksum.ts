const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/**
 * The second byte of the xxHash-32 of an LZ4 frame descriptor, which is shorter than the 16 bytes
 * from which on xxHash works in stripes.
 *
 * Sources: lz4 `doc/lz4_Frame_format.md` (Header Checksum), xxHash `doc/xxhash_spec.md`.
 */
export function lz4HeaderChecksum(descriptor: Uint8Array): number {
  const { length } = descriptor;
  let hash = PRIME_5 + length | 0;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const word = descriptor[i] | descriptor[i + 1] << 8 | descriptor[i + 2] << 16 |
      descriptor[i + 3] << 24;
    hash = Math.imul(rotateLeft(hash + Math.imul(word, PRIME_3), 17), PRIME_4);
  }
  for (; i < length; i++) {
    hash = Math.imul(rotateLeft(hash + Math.imul(descriptor[i], PRIME_5), 11), PRIME_1);
  }
  hash = Math.imul(hash ^ hash >>> 15, PRIME_2);
  hash = Math.imul(hash ^ hash >>> 13, PRIME_3);
  return (hash ^ hash >>> 16) >>> 8 & 0xff;
}

function rotateLeft(value: number, bits: number): number {
  return value << bits | value >>> 32 - bits;
}
