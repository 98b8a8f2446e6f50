import { editDistance } from "../core/edit_distance.ts";

/**
 * The known name a person most likely meant, or `undefined` when none is near.
 *
 * Case and the separators `-` and `_` do not count, so `--maxBytes` finds `--max-bytes`.
 *
 * @example
 * ```ts
 * import { nearestName } from "./suggest.ts";
 *
 * console.assert(nearestName("--prot", ["--host", "--port"]) === "--port");
 * ```
 */
export function nearestName(wrong: string, names: Iterable<string>): string | undefined {
  const given = bare(wrong);
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(given.length / 2.5)) + 1;
  for (const name of names) {
    const distance = editDistance(given, bare(name));
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` (did you mean X?)` for the end of a message, or nothing. */
export function didYouMean(wrong: string, names: Iterable<string>): string {
  const near = nearestName(wrong, names);
  return near === undefined ? "" : ` (did you mean ${near}?)`;
}

function bare(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "");
}
