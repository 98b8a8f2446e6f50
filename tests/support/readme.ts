const README = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));

/** The texts of the fenced blocks of a language, in their order. */
export function readmeBlocks(language: string, text = README): string[] {
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , block]) => block);
}

/** The shell commands: one a line, comments and empty lines left out. */
export function readmeCommands(text = README): string[] {
  return readmeBlocks("sh", text).flatMap((block) => block.split("\n"))
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
}
