import { Buffer } from "node:buffer";

/** Which offsets a frame holds, and how long it must be then. */
export interface FrameRange {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

/** How frames of records of one size look, by their beginning and their end. */
export interface FrameShape {
  /** Bytes of the beginning and of the end that it looks at. */
  readonly headBytes: number;
  readonly tailBytes: number;
  /** Undefined for a frame that holds no records. */
  range(head: Buffer, tail: Buffer): FrameRange | undefined;
}

/** Digits of an offset at the most. */
const DIGITS = 19;

/** `[{"message":"...","offset":1},...]`. */
export function v1Shape(valueBytes: number): FrameShape {
  const before = '{"message":"'.length + valueBytes + '","offset":'.length;
  return {
    headBytes: 1 + before + DIGITS,
    tailBytes: DIGITS + "}]".length,
    range(head, tail) {
      const first = digitsFrom(head, 1 + before);
      const last = digitsBefore(tail, tail.length - "}]".length);
      const records = last - first + 1;
      const bytes = records * (before + "}".length) + digitsOf(first, last) + records - 1 + 2;
      return { first, last, bytes };
    },
  };
}

/** `{"type":"records",...,"records":[{"offset":"1","value":"..."},...],"next":"2","end":"9"}`. */
export function v2Shape(topic: string, valueBytes: number): FrameShape {
  const open = Buffer.from(
    `{"type":"records","subscription":1,"topic":${JSON.stringify(topic)},"partition":0,"records":[`,
  );
  const each = '{"offset":"'.length + '","value":"'.length + valueBytes + '"}'.length;
  const firstAt = open.length + '{"offset":"'.length;
  return {
    headBytes: firstAt + DIGITS,
    tailBytes: '],"next":"","end":""}'.length + 2 * DIGITS,
    range(head, tail) {
      if (!head.subarray(0, open.length).equals(open)) return undefined;
      const first = digitsFrom(head, firstAt);
      const endAt = tail.length - '"}'.length;
      const end = digitsBefore(tail, endAt);
      const nextAt = endAt - `${end}`.length - '","end":"'.length;
      const next = digitsBefore(tail, nextAt);
      const records = next - first;
      const closing = `],"next":"${next}","end":"${end}"}`.length;
      const bytes = open.length + records * each + digitsOf(first, next - 1) + records - 1 +
        closing;
      return { first, last: next - 1, bytes };
    },
  };
}

/** Digits of all whole numbers from `first` to `last`. */
export function digitsOf(first: number, last: number): number {
  let digits = 0;
  for (let low = first; low <= last;) {
    const width = `${low}`.length;
    const high = Math.min(last, 10 ** width - 1);
    digits += (high - low + 1) * width;
    low = high + 1;
  }
  return digits;
}

function digitsFrom(bytes: Buffer, start: number): number {
  let number = 0;
  for (let at = start; bytes[at] >= 0x30 && bytes[at] <= 0x39; at++) {
    number = number * 10 + bytes[at] - 0x30;
  }
  return number;
}

function digitsBefore(bytes: Buffer, end: number): number {
  let at = end;
  while (bytes[at - 1] >= 0x30 && bytes[at - 1] <= 0x39) at--;
  return digitsFrom(bytes, at);
}
