import { collectSettings, type GivenValue } from "./collect_settings.ts";
import { helpText } from "./help.ts";
import { readEnvironment } from "./read_environment.ts";
import { readFlags } from "./read_flags.ts";
import type { Settings } from "./settings.ts";
import { type SettingKey, SETTINGS_TABLE } from "./settings_table.ts";

/** What the command line asks for. */
export type ParsedSettings =
  | { readonly kind: "run"; readonly settings: Settings }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/**
 * Reads the settings: flags before environment before defaults, all mistakes reported together.
 *
 * `--help` and `--version` win over mistakes. No problem ever shows a secret. A secret's file is
 * not read here: see `readAuthFile()`.
 *
 * @example
 * ```ts
 * import { parseSettings } from "./parse_settings.ts";
 *
 * const parsed = parseSettings({ args: ["--kafka", "localhost:9092", "--port", "0"], env: {} });
 * console.assert(parsed.kind === "run" && parsed.settings.port === 0);
 * ```
 */
export function parseSettings(
  from: { args: readonly string[]; env: Readonly<Record<string, string | undefined>> },
): ParsedSettings {
  const flags = readFlags(from.args);
  if (flags.help) return { kind: "help", text: helpText() };
  if (flags.version) return { kind: "version" };
  const environment = readEnvironment(from.env);
  const given = new Map([...environment.given, ...flags.given]);
  const found = [...flags.problems, ...environment.problems];
  found.push(...oneAuth(given, flags.given));
  const { settings, problems } = collectSettings(given, found, missing);
  return settings === undefined ? { kind: "problems", problems } : { kind: "run", settings };
}

/**
 * The secret comes from one place. A flag overrides the other setting's variable as it would its
 * own; two of the same rank are a problem, since nobody could say which one counts.
 */
function oneAuth(
  given: Map<SettingKey, GivenValue>,
  flags: ReadonlyMap<SettingKey, GivenValue>,
): string[] {
  const auth = given.get("auth");
  const file = given.get("authFile");
  if (auth === undefined || file === undefined) return [];
  if (flags.has("auth") === flags.has("authFile")) {
    return [`${auth.source} and ${file.source} both give the secret: leave one out`];
  }
  given.delete(flags.has("auth") ? "authFile" : "auth");
  return [];
}

function missing(key: SettingKey): string | undefined {
  const { required, flag, env } = SETTINGS_TABLE[key];
  if (!required) return undefined;
  return `${flag} is missing: name a broker, such as ${flag} localhost:9092, or in the environment ` +
    `${env}=localhost:9092`;
}
