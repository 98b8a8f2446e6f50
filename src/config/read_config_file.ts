import { parseDocument } from "yaml";
import { quoted } from "../core/quoted.ts";
import { type GivenValue, textsOf, typeText } from "./given_value.ts";
import {
  SETTING_KEYS,
  type SettingKey,
  type SettingRow,
  SETTINGS_TABLE,
} from "./settings_table.ts";
import { didYouMean } from "./suggest.ts";

/** A configuration file as it was read. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** What a configuration file said. */
export interface FileSettings {
  /** Values by setting. */
  readonly given: ReadonlyMap<SettingKey, GivenValue>;
  /** Settings that it names, whatever is wrong with their values. */
  readonly mentioned: ReadonlySet<SettingKey>;
  /** Names that do not exist, values of the wrong type, what is no YAML. */
  readonly problems: readonly string[];
}

/** Names of a file's settings, those of the library's options. */
const KEY_OF_NAME: ReadonlyMap<string, SettingKey> = new Map(
  SETTING_KEYS.filter((key) => !("notInFile" in SETTINGS_TABLE[key]))
    .map((key) => [SETTINGS_TABLE[key].name, key]),
);

/** Editors find the schema by it. */
const SCHEMA_KEY = "$schema";

/** Aliases multiply (`&a`, `*a`): more is an accident or an attack. */
const MAX_ALIASES = 100;

/**
 * Reads a configuration file: YAML 1.2, of which JSON is a part, with one setting a line by its name
 * in the library. An empty file says nothing. No problem shows a secret.
 *
 * @example
 * ```ts
 * import { readConfigFile } from "./read_config_file.ts";
 *
 * const { given } = readConfigFile({ path: "proxy.yaml", text: "wsPort: 0\nkafka: [a:1, b:1]\n" });
 * console.assert(given.get("port")?.texts[0] === "0");
 * ```
 */
export function readConfigFile({ path, text }: ConfigFile): FileSettings {
  const given = new Map<SettingKey, GivenValue>();
  const mentioned = new Set<SettingKey>();
  const document = parseDocument(text, {
    prettyErrors: false,
    strict: true,
    uniqueKeys: true,
    logLevel: "error",
  });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ code, pos: [at] }) =>
      `${path} is no YAML at line ${lineOf(text, at)}: ${code.toLowerCase().replaceAll("_", " ")}`
    );
    return { given, mentioned, problems };
  }
  let root: unknown;
  try {
    root = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (holdsItself(root)) throw new RangeError("an alias stands inside what it stands for");
  } catch (error) {
    return { given, mentioned, problems: [`${path} cannot be read: ${(error as Error).message}`] };
  }
  if (root === null || root === undefined) return { given, mentioned, problems: [] };
  if (typeof root !== "object" || Array.isArray(root)) {
    return {
      given,
      mentioned,
      problems: [`${path} is of type ${typeText(root)}: it must be names and values`],
    };
  }
  const problems: string[] = [];
  for (const [name, value] of Object.entries(root)) {
    if (name === SCHEMA_KEY) continue;
    const source = `${path}: ${name}`;
    const key = KEY_OF_NAME.get(name);
    if (key === undefined) {
      problems.push(unknownName(path, name));
      continue;
    }
    mentioned.add(key);
    const texts = textsOfValue(value, SETTINGS_TABLE[key]);
    if (texts === undefined) {
      const { expected } = SETTINGS_TABLE[key].kind;
      problems.push(`${source} is of type ${typeText(value)}: it must be ${expected}`);
    } else {
      given.set(key, { source, origin: "file", texts });
    }
  }
  return { given, mentioned, problems };
}

/** Whether a structure contains itself, as `a: &a [*a]` does. */
function holdsItself(value: unknown, above: readonly unknown[] = []): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (above.includes(value)) return true;
  return Object.values(value).some((inner) => holdsItself(inner, [...above, value]));
}

/**
 * The value as the command line would give it, or `undefined` where the schema has another type.
 * Nothing after a colon is a value that was forgotten.
 */
function textsOfValue(value: unknown, { kind }: SettingRow<unknown>): string[] | undefined {
  if (value === null) return [];
  const texts = textsOf(value, kind);
  if (kind.structured || texts === undefined || kind.schema.safeParse(value).success) return texts;
  // Of the right type and yet wrong: the kind's own words say it better.
  const wanted = kind.bounds === undefined ? "string" : "number";
  return typeof value === wanted || Array.isArray(value) ? texts : undefined;
}

function unknownName(path: string, name: string): string {
  const names = [...KEY_OF_NAME.keys()];
  const byFlag = SETTING_KEYS.map((key) => SETTINGS_TABLE[key])
    .find(({ flag, env }) => `--${name}` === flag || name === env)?.name;
  const hint = byFlag === undefined ? didYouMean(name, names) : ` (did you mean ${byFlag}?)`;
  return `${path}: ${quoted(name)} is not a setting${hint}`;
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}
