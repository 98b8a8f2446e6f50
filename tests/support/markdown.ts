/** The text of a file of the repository. */
export function repositoryText(path: string): Promise<string> {
  return Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
}

/** What stands under a heading, up to the next one of the same or a higher level. */
export function section(text: string, heading: string): string {
  const level = /^#+/.exec(heading)![0].length;
  const lines = text.split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`There is no heading "${heading}"`);
  const length = lines.slice(start + 1).findIndex((line) => {
    const own = /^(#+) /.exec(line);
    return own !== null && own[1].length <= level;
  });
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join("\n");
}

/** The rows of the tables in a text, cells trimmed, without the line of dashes. */
export function tableRows(text: string): string[][] {
  return text.split("\n")
    .filter((line) => /^\|.*\|$/.test(line) && !/^\|[-| :]*\|$/.test(line))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));
}

/** Everything between single backticks, line by line. */
export function codeSpans(text: string): string[] {
  return text.split("\n").flatMap((line) =>
    [...line.matchAll(/`([^`]+)`/g)].map(([, span]) => span)
  );
}
