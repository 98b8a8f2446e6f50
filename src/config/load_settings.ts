import { quoted } from "../core/quoted.ts";
import {
  configPath,
  type ParsedSettings,
  parseSettings,
  type SettingsInput,
} from "./parse_settings.ts";
import { readSecretFiles, type ReadText } from "./secret_files.ts";
import { SETTING_KEYS, type SettingRow, SETTINGS_TABLE } from "./settings_table.ts";

/**
 * Reads the settings with every file they name: the configuration file, and the files of secrets.
 *
 * A server without such settings needs no permission to read: `readText` is called only for what is
 * named, and what it throws becomes a problem.
 */
export async function loadSettings(
  input: SettingsInput,
  readText: ReadText,
): Promise<ParsedSettings> {
  const path = configPath(input);
  const unread = parseSettings(input);
  if (path === undefined || unread.kind === "help" || unread.kind === "version") {
    return await withSecrets(unread, readText);
  }
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      kind: "problems",
      problems: [`The configuration file ${quoted(path)} cannot be read: ${why}`],
    };
  }
  return await withSecrets(parseSettings({ ...input, file: { path, text } }), readText);
}

async function withSecrets(parsed: ParsedSettings, readText: ReadText): Promise<ParsedSettings> {
  if (parsed.kind !== "run") return parsed;
  const { settings, problems } = await readSecretFiles(parsed.settings, readText);
  if (problems.length > 0) return { kind: "problems", problems };
  const origins = new Map(parsed.origins);
  for (const key of SETTING_KEYS) {
    const { fileOf }: SettingRow<unknown> = SETTINGS_TABLE[key];
    const origin = origins.get(key);
    if (fileOf !== undefined && settings[key] !== undefined && origin !== undefined) {
      origins.set(fileOf, origin);
    }
  }
  return { kind: "run", settings, origins };
}
