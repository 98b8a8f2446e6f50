import type { Settings } from "./settings.ts";
import { SETTING_KEYS, type SettingRow, SETTINGS_TABLE } from "./settings_table.ts";

/** What of new settings a running server takes. */
export interface ReloadedSettings {
  /** The old settings with what may change while the server runs. */
  readonly taken: Settings;
  /** Names of the settings taken, those of the library. */
  readonly changed: readonly string[];
  /** Names of the settings that differ and stay as they are. */
  readonly needRestart: readonly string[];
}

/** Compares the settings of a running server with what they are to be. */
export function reloadedSettings(now: Settings, wanted: Settings): ReloadedSettings {
  const different = SETTING_KEYS.filter((key) =>
    JSON.stringify(now[key]) !== JSON.stringify(wanted[key])
  );
  const rowOf = (key: keyof Settings): SettingRow<unknown> => SETTINGS_TABLE[key];
  const live = different.filter((key) => rowOf(key).live);
  const names = (keys: readonly (keyof Settings)[]) => keys.map((key) => rowOf(key).name);
  return {
    taken: Object.freeze({
      ...now,
      ...Object.fromEntries(live.map((key) => [key, wanted[key]])),
    }),
    changed: names(live),
    needRestart: names(different.filter((key) => !live.includes(key))),
  };
}
