import type { ZodType } from "zod";
import { quoted } from "../core/quoted.ts";

/** What a setting's value may be, and how it is read from text. */
export interface Kind<Value> {
  /** Stands for the value in the help text: `PORT`, `HOST:PORT[,HOST:PORT]`. */
  readonly placeholder: string;
  /** Ends "it must be ...": `an integer from 0 to 65535`. */
  readonly expected: string;
  /** Several values may be given, separated by commas or by repeating the flag. */
  readonly many?: true;
  /** Smallest and largest integer. */
  readonly bounds?: { readonly min: number; readonly max: number };
  /** What a number counts. */
  readonly unit?: string;
  /** What a configuration file has, as its published schema says it. */
  readonly schema: ZodType;
  /** A file has a structure instead of a text; as text it is given in JSON. */
  readonly structured?: true;
  /** A secret structure with its secrets hidden. */
  readonly shown?: (value: unknown) => unknown;
  /**
   * Reads the value; texts of other kinds than secrets come without blanks around them, none is
   * empty, and there is exactly one unless {@linkcode many} is set.
   *
   * @throws {BadValue} with what is wrong, to be put after the setting's name
   */
  parse(texts: readonly string[]): Value;
}

/** Why a value cannot be used; the message reads on from the name: `is "x": it must be ...`. */
export class BadValue extends Error {
  /** Tells it from other errors. */
  override readonly name = "BadValue";
}

/** A {@linkcode BadValue} that shows the value and says what would be right. */
export function badValue(text: string, expected: string): BadValue {
  return new BadValue(`is ${quoted(text)}: it must be ${expected}`);
}
