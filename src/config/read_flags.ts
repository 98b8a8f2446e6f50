import type { GivenValue } from "./given_value.ts";
import { quoted } from "../core/quoted.ts";
import { SETTING_KEYS, type SettingKey, SETTINGS_TABLE } from "./settings_table.ts";
import { didYouMean } from "./suggest.ts";

/** What a command line said. */
export interface Flags {
  /** Values by setting. */
  readonly given: ReadonlyMap<SettingKey, GivenValue>;
  /** Whether the help text was asked for. */
  readonly help: boolean;
  /** Whether the version was asked for. */
  readonly version: boolean;
  /** Flags that do not exist, and values without a flag. */
  readonly problems: readonly string[];
}

const KEY_OF_FLAG: ReadonlyMap<string, SettingKey> = new Map(
  SETTING_KEYS.map((key) => [SETTINGS_TABLE[key].flag, key]),
);
const FLAGS = SETTING_KEYS.map((key) => SETTINGS_TABLE[key])
  .filter((row) => !row.notOnCommandLine).map((row) => row.flag).concat("--help", "--version");

/**
 * Takes a command line apart: `--flag value`, `--flag=value`, `--help`, `-h`, `--version`.
 *
 * A list's flag may be repeated; of any other the last one counts, so that a task's own flags can
 * be overridden. Written by hand because `node:util`'s `parseArgs` takes the flag that follows for
 * the value of one whose value was forgotten.
 */
export function readFlags(args: readonly string[]): Flags {
  const given = new Map<SettingKey, GivenValue>();
  const problems: string[] = [];
  let help = false;
  let version = false;
  let secretFlag: string | undefined;
  // `deno task start -- --port 0`, as npm's users write it, comes with the dashes.
  for (let at = args[0] === "--" ? 1 : 0; at < args.length; at++) {
    const arg = args[at];
    if (!arg.startsWith("-")) {
      problems.push(strayText(arg, secretFlag));
      continue;
    }
    const [name, inline] = splitOnce(arg);
    if (name === "--help" || name === "-h") help = true;
    else if (name === "--version") version = true;
    else {
      const value = inline ?? (isValue(args[at + 1]) ? args[++at] : undefined);
      const key = KEY_OF_FLAG.get(name);
      if (key === undefined) problems.push(unknownFlag(name));
      else if (SETTINGS_TABLE[key].notOnCommandLine) problems.push(notHere(name, key));
      else given.set(key, joined(key, name, given.get(key), value));
      secretFlag = key !== undefined && SETTINGS_TABLE[key].secret ? name : undefined;
    }
  }
  return { given, help, version, problems };
}

/** The last value, or for a list all of them. */
function joined(
  key: SettingKey,
  source: string,
  before: GivenValue | undefined,
  value: string | undefined,
): GivenValue {
  const texts = value === undefined ? [] : [value];
  const many = SETTINGS_TABLE[key].kind.many === true;
  // Once forgotten, always reported: an empty list of texts stays one.
  const given = { source, origin: "flag", texts } as const;
  if (!many || before === undefined || texts.length === 0) return given;
  return before.texts.length === 0 ? before : { ...given, texts: [...before.texts, ...texts] };
}

/** A value may begin with one dash (`-1`), not with two, and is not the short flag. */
function isValue(arg: string | undefined): boolean {
  return arg !== undefined && !arg.startsWith("--") && arg !== "-h";
}

/** Only the name is shown: what follows `=` may be a secret. */
function unknownFlag(name: string): string {
  return `${name} is not a flag${didYouMean(name, FLAGS)}; --help shows all`;
}

function notHere(name: string, key: SettingKey): string {
  return `${name} would show a secret to all users of this machine: give it as ` +
    `${SETTINGS_TABLE[key].env}, or in a file by ${name}-file`;
}

/** What follows a secret may be the rest of it, so it is not shown. */
function strayText(text: string, secretFlag: string | undefined): string {
  if (secretFlag === undefined) return `${quoted(text)} stands alone: it needs a flag before it`;
  return `${secretFlag} is followed by more than one text: put a value with blanks into quotes`;
}

function splitOnce(arg: string): [name: string, value: string | undefined] {
  const equals = arg.indexOf("=");
  return equals < 0 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}
