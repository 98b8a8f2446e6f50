import { parseArgs } from "node:util";
import { didYouMean } from "../config/suggest.ts";

/** One flag of a command. */
export interface Flag {
  /** With its dashes: `--topic`. */
  readonly name: string;
  /** One letter, as kcat has it. */
  readonly short?: string;
  /** Stands for the value in the help; absent: it takes none. */
  readonly value?: string;
  /** It may be repeated. */
  readonly many?: true;
  readonly doc: string;
}

/** What was given, by the name of the flag without dashes. */
export interface Given {
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  has(name: string): boolean;
  /** Everything that is no flag. */
  readonly rest: readonly string[];
}

/** Reads a command's arguments, or says what is wrong with them. */
export function readFlags(flags: readonly Flag[], args: readonly string[]): Given | string {
  const options = Object.fromEntries(flags.map(({ name, short, value, many }) => [name.slice(2), {
    type: value === undefined ? "boolean" as const : "string" as const,
    multiple: many ?? false,
    ...(short === undefined ? {} : { short }),
  }]));
  try {
    const { values, positionals } = parseArgs({
      args: glued(flags, args),
      options,
      allowPositionals: true,
    });
    const texts = (name: string) => {
      const value = values[name];
      const all = Array.isArray(value) ? value : [value];
      return all.filter((one): one is string => typeof one === "string");
    };
    return {
      text: (name) => texts(name).at(-1),
      texts,
      has: (name) => values[name] !== undefined,
      rest: positionals,
    };
  } catch (error) {
    const [message] = (error as Error).message.split(". ");
    const [, unknown] = /option '(--[^' ]+)'/.exec(message) ?? [];
    return message +
      (unknown === undefined ? "" : didYouMean(unknown, flags.map(({ name }) => name)));
  }
}

/** A short flag may have its value behind it (`-o-10`), and a value may begin with a dash (`-o -10`). */
function glued(flags: readonly Flag[], args: readonly string[]): string[] {
  const valued = flags.filter(({ value }) => value !== undefined);
  const out: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === "--") return [...out, ...args.slice(i)];
    const flag = valued.find(({ name, short }) => arg === name || arg === `-${short}`);
    const next = args[i + 1];
    if (flag !== undefined && next?.startsWith("-") && next !== "-" && !isFlag(flags, next)) {
      out.push(`${flag.name}=${next}`);
      i++;
    } else {
      const own = valued.find(({ short }) => short !== undefined && arg.startsWith(`-${short}`));
      const isGlued = own !== undefined && arg.length > 2 && !arg.startsWith("--");
      out.push(isGlued ? `${own.name}=${arg.slice(2)}` : arg);
    }
  }
  return out;
}

function isFlag(flags: readonly Flag[], arg: string): boolean {
  return flags.some(({ name, short }) => arg === name || arg === `-${short}`);
}

/** The part of a help text that lists flags. */
export function flagsText(flags: readonly Flag[]): string {
  const heads = flags.map(({ name, short, value }) =>
    `${short === undefined ? "    " : `-${short}, `}${name}${
      value === undefined ? "" : ` ${value}`
    }`
  );
  const width = Math.max(...heads.map(({ length }) => length)) + 2;
  return flags.map(({ doc }, i) => `  ${heads[i].padEnd(width)}${doc}\n`).join("");
}
