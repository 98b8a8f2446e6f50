/** What people try who know other Kafka tools; letters only, without case. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ["group", "consumerGroup"],
  ["groupid", "consumerGroup"],
  ["from", "offset"],
  ["startoffset", "offset"],
]);

/**
 * The one of `known` that somebody who wrote `name` meant: the same letters in another case or with
 * `_`, `-` and `.` between them, another tool's word for it, or the same first letter and one typing
 * error (two in a name of eight letters or more). `undefined` when it resembles none.
 */
export function nearName(name: string, known: readonly string[]): string | undefined {
  const letters = name.toLowerCase().replace(/[_.-]/g, "");
  const other = OTHER_NAMES.get(letters);
  if (other !== undefined && known.includes(other)) return other;
  return known.find((candidate) => {
    const wanted = candidate.toLowerCase();
    return wanted[0] === letters[0] && isWithin(letters, wanted, wanted.length < 8 ? 1 : 2);
  });
}

/** Whether `edits` insertions, deletions, replacements or swaps of neighbours make `a` into `b`. */
function isWithin(a: string, b: string, edits: number): boolean {
  if (Math.abs(a.length - b.length) > edits) return false;
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const [x, y] = [a.slice(same), b.slice(same)];
  if (x === y) return true;
  if (edits === 0) return false;
  const swapped = x.length > 1 && x[0] === y[1] && x[1] === y[0];
  return isWithin(x.slice(1), y.slice(1), edits - 1) ||
    isWithin(x.slice(1), y, edits - 1) ||
    isWithin(x, y.slice(1), edits - 1) ||
    (swapped && isWithin(x.slice(2), y.slice(2), edits - 1));
}
