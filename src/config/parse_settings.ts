import { collectSettings } from "./collect_settings.ts";
import type { GivenValue, Origin } from "./given_value.ts";
import { type CommandSummary, helpText } from "./help.ts";
import { type ConfigFile, readConfigFile } from "./read_config_file.ts";
import { readEnvironment } from "./read_environment.ts";
import { readFlags } from "./read_flags.ts";
import type { Settings } from "./settings.ts";
import {
  SETTING_KEYS,
  type SettingKey,
  type SettingRow,
  SETTINGS_TABLE,
} from "./settings_table.ts";

/** Where each setting's value came from. */
export type Origins = ReadonlyMap<SettingKey, { readonly origin: Origin; readonly source: string }>;

/** What the command line asks for. */
export type ParsedSettings =
  | { readonly kind: "run"; readonly settings: Settings; readonly origins: Origins }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** What settings are read from. */
export interface SettingsInput {
  /** Arguments of the command line. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The configuration file, where one is named. */
  readonly file?: ConfigFile;
  /** For the help text. */
  readonly commands?: readonly CommandSummary[];
}

/** The configuration file that flags or environment name; mistakes are found later. */
export function configPath({ args, env }: SettingsInput): string | undefined {
  const given = readFlags(args).given.get("config") ?? readEnvironment(env).given.get("config");
  return given?.texts[0];
}

/**
 * Reads the settings: flags before environment before file before defaults, all mistakes reported
 * together.
 *
 * `--help` and `--version` win over mistakes. No problem ever shows a secret. Files are not read
 * here: see `loadSettings()`.
 *
 * @example
 * ```ts
 * import { parseSettings } from "./parse_settings.ts";
 *
 * const parsed = parseSettings({ args: ["--kafka", "localhost:9092", "--port", "0"], env: {} });
 * console.assert(parsed.kind === "run" && parsed.settings.port === 0);
 * ```
 */
export function parseSettings({ args, env, file, commands }: SettingsInput): ParsedSettings {
  const flags = readFlags(args);
  if (flags.help) return { kind: "help", text: helpText(commands) };
  if (flags.version) return { kind: "version" };
  const environment = readEnvironment(env);
  const inFile = file === undefined ? undefined : readConfigFile(file);
  const ranks = [flags.given, environment.given, inFile?.given ?? new Map()];
  const given = new Map(ranks.toReversed().flatMap((rank) => [...rank]));
  const found = [...flags.problems, ...environment.problems, ...inFile?.problems ?? []];
  found.push(...oneOfEach(given, ranks));
  const { settings, problems } = collectSettings(
    given,
    found,
    (key) => inFile?.mentioned.has(key) ? undefined : missing(key),
    nameOf,
  );
  if (settings === undefined) return { kind: "problems", problems };
  const origins: Origins = new Map(SETTING_KEYS.map((key) => {
    const { origin, source } = given.get(key) ?? { origin: "default" as const, source: "default" };
    return [key, { origin, source }];
  }));
  return { kind: "run", settings, origins };
}

/**
 * A value comes from one place: itself, or the file another setting names. What has the higher rank
 * overrides the other as it would its own; two of the same rank are a problem, since nobody could
 * say which one counts.
 */
function oneOfEach(
  given: Map<SettingKey, GivenValue>,
  ranks: readonly ReadonlyMap<SettingKey, GivenValue>[],
): string[] {
  return SETTING_KEYS.flatMap((fileKey) => {
    const { fileOf: key }: SettingRow<unknown> = SETTINGS_TABLE[fileKey];
    if (key === undefined) return [];
    const rank = ranks.find((each) => each.has(key) || each.has(fileKey));
    const [value, file] = [rank?.get(key), rank?.get(fileKey)];
    if (value !== undefined && file !== undefined) {
      return [`${value.source} and ${file.source} both give the secret: leave one out`];
    }
    given.delete(value === undefined ? key : fileKey);
    return [];
  });
}

function nameOf(key: SettingKey): string {
  const { flag, env, notOnCommandLine } = SETTINGS_TABLE[key];
  return notOnCommandLine ? env : flag;
}

function missing(key: SettingKey): string | undefined {
  const { required, flag, env } = SETTINGS_TABLE[key];
  if (!required) return undefined;
  return `${flag} is missing: name a broker, such as ${flag} localhost:9092, or in the environment ` +
    `${env}=localhost:9092`;
}
