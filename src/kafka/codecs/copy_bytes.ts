/** From here on one call of the runtime is cheaper than a loop of ours. */
const LONG_BYTES = 64;

/**
 * An array, and a view of the same bytes to copy eight at a time with: 1.6 times as fast as a byte
 * loop for what snappy and lz4 copy, which is a dozen bytes mostly.
 */
export interface Bytes {
  /** What is read and written byte by byte. */
  readonly array: Uint8Array;
  /** The same bytes, for eight at a time. */
  readonly view: DataView;
}

/** Pairs an array with a view of it. */
export function withView(array: Uint8Array): Bytes {
  return { array, view: new DataView(array.buffer, array.byteOffset, array.byteLength) };
}

/**
 * Copies `length` bytes from one array to another. Both ranges must be inside their arrays.
 *
 * Up to seven bytes after the range in `to` may be overwritten, never past its end: fill it in
 * ascending order.
 */
export function copyLiteral(
  from: Bytes,
  start: number,
  to: Bytes,
  position: number,
  length: number,
): void {
  if (length > LONG_BYTES) {
    to.array.set(from.array.subarray(start, start + length), position);
  } else if (
    start + length + 8 <= from.array.length && position + length + 8 <= to.array.length
  ) {
    for (let i = 0; i < length; i += 8) {
      to.view.setBigUint64(position + i, from.view.getBigUint64(start + i, true), true);
    }
  } else {
    for (let i = 0; i < length; i++) to.array[position + i] = from.array[start + i];
  }
}

/**
 * Repeats the `length` bytes that begin `offset` before `position`; with an offset shorter than the
 * length they overlap, which repeats a pattern. Needs `1 <= offset <= position` and room for the
 * result; overwrites as {@linkcode copyLiteral} does.
 */
export function copyMatch(to: Bytes, position: number, offset: number, length: number): void {
  const start = position - offset;
  if (length > LONG_BYTES) {
    repeatPattern(to.array, position, offset, length);
  } else if (offset >= 8 && position + length + 8 <= to.array.length) {
    for (let i = 0; i < length; i += 8) {
      to.view.setBigUint64(position + i, to.view.getBigUint64(start + i, true), true);
    }
  } else {
    for (let i = 0; i < length; i++) to.array[position + i] = to.array[start + i];
  }
}

/** Doubles what is there until it is long enough: a run of a megabyte takes 20 calls. */
function repeatPattern(array: Uint8Array, position: number, offset: number, length: number): void {
  const start = position - offset;
  const end = position + length;
  let filled = position;
  while (filled < end) {
    const count = Math.min(filled - start, end - filled);
    array.copyWithin(filled, start, start + count);
    filled += count;
  }
}
