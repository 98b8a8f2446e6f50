import type { GivenValue } from "./given_value.ts";
import { BadValue } from "./kind.ts";
import { misfitting } from "./misfitting.ts";
import type { Settings } from "./settings.ts";
import {
  SETTING_KEYS,
  type SettingKey,
  type SettingRow,
  SETTINGS_TABLE,
} from "./settings_table.ts";

/** Settings, or everything that is wrong with them, never both. */
export type Collected =
  | { readonly settings: Settings; readonly problems?: undefined }
  | { readonly settings?: undefined; readonly problems: readonly string[] };

/**
 * Reads every given value by its row and fills in the defaults.
 *
 * @param found Problems known already; they come first.
 * @param missing What to say when nothing was given for a setting, `undefined` when that is fine.
 * @param nameOf What to call a setting that was not given.
 */
export function collectSettings(
  given: ReadonlyMap<SettingKey, GivenValue>,
  found: readonly string[],
  missing: (key: SettingKey) => string | undefined,
  nameOf: (key: SettingKey) => string,
): Collected {
  const problems = [...found];
  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const key of SETTING_KEYS) {
    const row: SettingRow<unknown> = SETTINGS_TABLE[key];
    const value = given.get(key);
    if (value === undefined) {
      const problem = missing(key);
      if (problem !== undefined) problems.push(problem);
      values[key] = row.default;
      continue;
    }
    try {
      values[key] = readValue(row, value.texts);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      problems.push(`${value.source} ${error.message}`);
    }
  }
  if (problems.length > 0) return { problems };
  const settings = Object.freeze(values as unknown as Settings);
  const name = (key: SettingKey) => given.get(key)?.source ?? nameOf(key);
  const misfits = misfitting(settings, name);
  return misfits.length > 0 ? { problems: misfits } : { settings };
}

/**
 * Reads one setting's value.
 *
 * @throws {BadValue} also for a value that is missing or empty
 */
export function readValue<Value>(row: SettingRow<Value>, texts: readonly string[]): Value {
  const { kind } = row;
  if (texts.length === 0) throw new BadValue(`needs a value: it must be ${kind.expected}`);
  const parts = kind.many ? texts.flatMap((text) => text.split(",")) : texts;
  const clean = row.secret ? parts : parts.map((part) => part.trim());
  if (clean.includes("")) {
    throw new BadValue(
      `${kind.many ? "has an empty part" : "is empty"}: give ${kind.expected}, or leave it out`,
    );
  }
  return kind.parse(clean);
}
