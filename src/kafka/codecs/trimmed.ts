/**
 * The first `bytes` of an array: a view when that wastes at most an eighth of its memory, a copy
 * otherwise, so that a small result never keeps a large buffer alive. Always a plain `Uint8Array`.
 */
export function trimmed(array: Uint8Array, bytes: number): Uint8Array {
  const { buffer, byteOffset } = array;
  const view = new Uint8Array(buffer, byteOffset, bytes);
  return buffer.byteLength - bytes <= buffer.byteLength / 8 ? view : view.slice();
}
