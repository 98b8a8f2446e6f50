/** The largest offset and the largest timestamp Kafka can express: 2^63 - 1. */
export const MAX_INT64 = 9223372036854775807n;

/** The largest partition number and the longest timer in ms: 2^31 - 1. */
export const MAX_INT32 = 2147483647;

/**
 * Reads a whole number from 0 to 2^63 - 1. Only its one usual spelling counts: decimal digits
 * without sign, blanks, exponent, point or leading zeros. `undefined` for anything else.
 */
export function parseInt64(text: string): bigint | undefined {
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return value <= MAX_INT64 ? value : undefined;
}

/** As {@linkcode parseInt64}, for a number from `least` to `most`, both included and both safe. */
export function parseWholeNumber(text: string, least: number, most: number): number | undefined {
  const value = parseInt64(text);
  return value !== undefined && value >= least && value <= most ? Number(value) : undefined;
}
