/**
 * Pieces of a stream of bytes between delimiters; what follows the last one is a piece too, unless it
 * is empty.
 */
export async function* pieces(
  chunks: AsyncIterable<Uint8Array>,
  delimiter: Uint8Array,
): AsyncIterableIterator<Uint8Array[]> {
  let rest = new Uint8Array();
  for await (const chunk of chunks) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const found: Uint8Array[] = [];
    let from = 0;
    for (let at; (at = indexOf(bytes, delimiter, from)) >= 0;) {
      found.push(bytes.subarray(from, at));
      from = at + delimiter.length;
    }
    rest = bytes.subarray(from);
    if (found.length > 0) yield found;
  }
  if (rest.length > 0) yield [rest];
}

/** Where a delimiter begins; -1 when it is not there. */
export function indexOf(bytes: Uint8Array, delimiter: Uint8Array, from = 0): number {
  for (let at = from; (at = bytes.indexOf(delimiter[0], at)) >= 0; at++) {
    if (delimiter.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}
