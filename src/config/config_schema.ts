import { z } from "zod";
import { SETTING_KEYS, type SettingRow, SETTINGS_TABLE } from "./settings_table.ts";

/**
 * What a configuration file may say: a row of the settings table each, by its name in the library.
 * Nothing is required, since flags and environment may give the rest.
 */
export const CONFIG_SCHEMA = z.strictObject(Object.fromEntries([
  ["$schema", z.string().optional().describe("Where this schema is, for editors.")],
  ...SETTING_KEYS.map((key): SettingRow<unknown> => SETTINGS_TABLE[key])
    .filter(({ notInFile }) => notInFile === undefined)
    .map((row) => [row.name, row.kind.schema.optional().describe(described(row))]),
]));

/** {@linkcode CONFIG_SCHEMA} as JSON Schema (2020-12), as `docs/config.schema.json` has it. */
export function configJsonSchema(): string {
  const schema = z.toJSONSchema(CONFIG_SCHEMA, { io: "input" });
  const titled = { title: "Configuration file of kafka-proxy", ...schema };
  return `${JSON.stringify(titled, undefined, 2)}\n`;
}

function described({ doc, required, default: standard, defaultText }: SettingRow<unknown>): string {
  if (required) return doc;
  return `${doc} Default: ${defaultText ?? String(standard)}.`;
}
