/** From so many bytes on, the runtime's own copy is faster than the loop, its call included. */
const NATIVE_FROM_BYTES = 192;

/** Copies bytes to `out` at `at`, and returns the position after them; views over the same bytes. */
export function copyBytes(
  src: Uint8Array,
  start: number,
  length: number,
  out: Uint8Array,
  at: number,
  srcView: DataView,
  outView: DataView,
): number {
  const end = start + length;
  if (length >= NATIVE_FROM_BYTES) {
    out.set(src.subarray(start, end), at);
    return at + length;
  }
  let i = start;
  for (; i + 8 <= end; i += 8) {
    outView.setInt32(at, srcView.getInt32(i, true), true);
    outView.setInt32(at + 4, srcView.getInt32(i + 4, true), true);
    at += 8;
  }
  for (; i < end; i++) out[at++] = src[i];
  return at;
}
