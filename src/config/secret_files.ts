import { quoted } from "../core/quoted.ts";
import { readValue } from "./collect_settings.ts";
import { BadValue } from "./kind.ts";
import type { Settings } from "./settings.ts";
import {
  SETTING_KEYS,
  type SettingKey,
  type SettingRow,
  SETTINGS_TABLE,
} from "./settings_table.ts";

/** Reads a file as UTF-8. */
export type ReadText = (path: string) => Promise<string>;

/**
 * Puts what the files hold that settings name (`authFile`) into the settings they stand for
 * (`auth`). One line break at the end of a file is dropped.
 *
 * @param readText what it throws becomes a problem
 */
export async function readSecretFiles(
  settings: Settings,
  readText: ReadText,
): Promise<{ readonly settings: Settings; readonly problems: readonly string[] }> {
  const problems: string[] = [];
  const found: Partial<Record<SettingKey, unknown>> = {};
  for (const key of SETTING_KEYS) {
    const { fileOf, name }: SettingRow<unknown> = SETTINGS_TABLE[key];
    const path = settings[key];
    if (fileOf === undefined || typeof path !== "string") continue;
    try {
      const text = await readText(path);
      const row: SettingRow<unknown> = SETTINGS_TABLE[fileOf];
      found[fileOf] = readValue(row, [text.replace(/\r?\n$/, "")]);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      problems.push(
        `The file ${quoted(path)} (${name}) ${
          error instanceof BadValue ? why : `cannot be read: ${why}`
        }`,
      );
    }
  }
  return { settings: Object.freeze({ ...settings, ...(found as Partial<Settings>) }), problems };
}
