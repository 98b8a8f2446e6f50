import { configJsonSchema } from "../../src/config/config_schema.ts";
import { configurationMarkdown } from "../../src/config/configuration_page.ts";
import { settingsMarkdown } from "../../src/config/help.ts";

/** Comes before the README's table of settings. */
const README_MARK = "<!-- From src/config/settings_table.ts; a test compares. -->\n\n";

/** A file of the repository that is made from the code, in whole or in part. */
export interface GeneratedDoc {
  readonly path: string;
  /** What it is to be, made from what it is. */
  readonly text: (now: string) => string;
}

/** Everything `deno task docs` writes. */
export const GENERATED_DOCS: readonly GeneratedDoc[] = [
  { path: "README.md", text: withTable },
  { path: "docs/CONFIGURATION.md", text: configurationMarkdown },
  { path: "docs/config.schema.json", text: configJsonSchema },
];

function withTable(readme: string): string {
  const start = readme.indexOf(README_MARK) + README_MARK.length;
  const end = readme.indexOf("\n\n", start) + 1;
  return readme.slice(0, start) + settingsMarkdown() + readme.slice(end);
}
