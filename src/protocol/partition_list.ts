import { MAX_INT32, parseWholeNumber } from "./whole_number.ts";

/** The most partitions one request may list. */
export const MAX_LISTED_PARTITIONS = 16;

/** What {@linkcode parsePartitions} accepts, for messages. */
export const PARTITIONS_FORM: string =
  `"all", a partition number from 0 to ${MAX_INT32}, or at most ${MAX_LISTED_PARTITIONS} ` +
  "different ones with commas between them, as in 0,2";

/**
 * Reads `all`, `0` or `0,2`: numbers come back ascending. `undefined` for anything else, an empty
 * text, blanks and a number that stands there twice among them.
 */
export function parsePartitions(text: string): readonly number[] | "all" | undefined {
  if (text === "all") return "all";
  const texts = text.split(",", MAX_LISTED_PARTITIONS + 1);
  if (texts.length > MAX_LISTED_PARTITIONS) return undefined;
  const partitions = new Set<number>();
  for (const each of texts) {
    const partition = parseWholeNumber(each, 0, MAX_INT32);
    if (partition === undefined || partitions.has(partition)) return undefined;
    partitions.add(partition);
  }
  return [...partitions].sort((a, b) => a - b);
}
