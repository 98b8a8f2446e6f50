import { editDistance } from "../core/edit_distance.ts";

/** What people try who know other Kafka tools; letters only, without case. */
const OTHER_NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["group", ["consumerGroup"]],
  ["groupid", ["consumerGroup", "group"]],
  ["consumergroup", ["group"]],
  ["from", ["offset"]],
  ["offset", ["from"]],
  ["startoffset", ["offset", "from"]],
  ["commit", ["ack"]],
  ["publish", ["produce"]],
  ["resume", ["continue"]],
]);

/**
 * The one of `known` that somebody who wrote `name` meant: the same letters in another case or with
 * `_`, `-` and `.` between them, another tool's word for it, or the same first letter and one typing
 * error (two in a name of eight letters or more). `undefined` when it resembles none.
 */
export function nearName(name: string, known: readonly string[]): string | undefined {
  const letters = name.toLowerCase().replace(/[_.-]/g, "");
  const other = OTHER_NAMES.get(letters)?.find((word) => known.includes(word));
  if (other !== undefined) return other;
  return known.find((candidate) => {
    const wanted = candidate.toLowerCase();
    const edits = wanted.length < 8 ? 1 : 2;
    return wanted[0] === letters[0] && editDistance(letters, wanted) <= edits;
  });
}
