import { configJsonSchema } from "../../src/config/config_schema.ts";
import { configurationMarkdown } from "../../src/config/configuration_page.ts";
import { settingsMarkdown } from "../../src/config/help.ts";
import { eventsMarkdown, metricsMarkdown } from "./operations_tables.ts";

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
  { path: "README.md", text: (readme) => withTable(readme, README_MARK, settingsMarkdown()) },
  { path: "docs/CONFIGURATION.md", text: configurationMarkdown },
  { path: "docs/config.schema.json", text: configJsonSchema },
  {
    path: "docs/OPERATIONS.md",
    text: (page) =>
      withTable(
        withTable(page, "### All metrics\n\n", metricsMarkdown()),
        "### All events\n\n",
        eventsMarkdown(),
      ),
  },
];

/** Puts a table in place of the one that stands after a mark. */
function withTable(text: string, mark: string, table: string): string {
  const start = text.indexOf(mark) + mark.length;
  const end = text.indexOf("\n\n", start) + 1 || text.length;
  return text.slice(0, start) + table + text.slice(end);
}
