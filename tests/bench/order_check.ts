/** A record of a v1 frame, as far as the check looks at it. */
interface SeenRecord {
  readonly message: string;
  readonly offset: number;
}

/**
 * Checks that frames hold the records 0 to `records` - 1, each once and in order, each with the
 * value that was produced: its own number, padded with `x`.
 *
 * @throws {Error} naming the first offset that is missing, repeated, out of order or altered
 */
export function checkOrder(frames: Iterable<string>, records: number): void {
  let next = 0;
  for (const frame of frames) {
    for (const { offset, message } of JSON.parse(frame) as SeenRecord[]) {
      if (offset !== next) throw new Error(`Wanted offset ${next}, got ${offset}`);
      if (parseInt(message, 10) !== next) {
        throw new Error(`Wanted the value of record ${next}, got ${JSON.stringify(message)}`);
      }
      next++;
    }
  }
  if (next !== records) throw new Error(`Wanted ${records} records, got ${next}`);
}
