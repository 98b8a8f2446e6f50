import { stringify } from "yaml";
import type { Origins } from "./parse_settings.ts";
import type { Settings } from "./settings.ts";
import {
  SETTING_KEYS,
  type SettingKey,
  type SettingRow,
  SETTINGS_TABLE,
} from "./settings_table.ts";

/** Stands for a secret. */
const HIDDEN = "***";

/**
 * Every setting as the server would have it, one paragraph of YAML each, with where it came from in
 * a comment. Secrets are hidden; a setting without a value is commented out.
 */
export function shownSettings(settings: Settings, origins: Origins): string {
  return SETTING_KEYS.map((key) => {
    const row: SettingRow<unknown> = SETTINGS_TABLE[key];
    const { origin, source } = origins.get(key) ?? { origin: "default", source: "default" };
    const from = origin === "default" ? "default" : `${origin}, ${source}`;
    const value = shownValue(key, settings[key]);
    if (value === undefined) return `# ${row.name}: not set # ${from}\n`;
    const [first, ...more] = stringify({ [row.name]: value }, { lineWidth: 0 }).split("\n");
    const isUsable = !row.notInFile;
    return [`${isUsable ? "" : "# "}${first} # ${from}`, ...more].join("\n");
  }).join("");
}

function shownValue(key: SettingKey, value: unknown): unknown {
  const { secret, kind }: SettingRow<unknown> = SETTINGS_TABLE[key];
  if (value === undefined) return undefined;
  if (secret) return kind.shown?.(value) ?? HIDDEN;
  return value;
}
