const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/**
 * The 32-bit hash by which Kafka's clients choose a key's partition (`Utils.murmur2` in Java), as a
 * signed integer.
 *
 * @example
 * ```ts
 * import { murmur2 } from "./murmur2.ts";
 *
 * console.assert(murmur2(new TextEncoder().encode("foobar")) === -790332482);
 * ```
 */
export function murmur2(key: Uint8Array): number {
  const { length } = key;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word = key[at] | key[at + 1] << 8 | key[at + 2] << 16 | key[at + 3] << 24;
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const left = length - at;
  if (left >= 3) hash ^= key[at + 2] << 16;
  if (left >= 2) hash ^= key[at + 1] << 8;
  if (left >= 1) hash = Math.imul(hash ^ key[at], MULTIPLIER);
  hash = Math.imul(hash ^ hash >>> 13, MULTIPLIER);
  return hash ^ hash >>> 15;
}

/** The partition of a key, where Kafka's default partitioner puts it: `toPositive(murmur2) % count`. */
export function keyPartition(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
