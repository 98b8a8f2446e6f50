import { repositoryText } from "./support/markdown.ts";
import { GENERATED_DOCS } from "./support/generated_docs.ts";

/** Writes the parts of the docs that are made from the code: `deno task docs`. */
for (const { path, text } of GENERATED_DOCS) {
  const now = await repositoryText(path).catch(() => "");
  await Deno.writeTextFile(new URL(`../${path}`, import.meta.url), text(now));
}
