import { z } from "zod";
import { BadValue, badValue, type Kind } from "./kind.ts";

/**
 * A whole number from `min` to `max`; `unit` is what it counts, `zero` what 0 means where it is
 * more than a number.
 */
export function integer(
  placeholder: string,
  min: number,
  max: number,
  { unit, zero }: { unit?: string; zero?: string } = {},
): Kind<number> {
  const expected = `an integer from ${min} to ${max}${unit === undefined ? "" : ` ${unit}`}` +
    (zero === undefined ? "" : ` (0 ${zero})`);
  return {
    placeholder,
    expected,
    bounds: { min, max },
    unit,
    schema: z.int().min(min).max(max),
    parse([text]) {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
      // A comparison with NaN is false, so that malformed numbers end here too.
      if (!(value >= min && value <= max)) throw badValue(text, expected);
      return value === 0 ? 0 : value; // never -0
    },
  };
}

/** A whole number of which 0 means "no limit" and becomes `undefined`. */
export function limit(placeholder: string, max: number, unit: string): Kind<number | undefined> {
  const number = integer(placeholder, 0, max, { unit, zero: "sets no limit" });
  return {
    ...number,
    parse(texts) {
      const value = number.parse(texts);
      return value === 0 ? undefined : value;
    },
  };
}

/** One of a few words. */
export function choice<Word extends string>(...words: readonly Word[]): Kind<Word> {
  const expected = `one of ${words.join(", ")}`;
  return {
    placeholder: words.join("|"),
    expected,
    schema: z.enum(words),
    parse([text]) {
      const word = words.find((one) => one === text);
      if (word === undefined) throw badValue(text, expected);
      return word;
    },
  };
}

/** Text that a pattern must match as a whole. */
export function text(placeholder: string, expected: string, pattern: RegExp): Kind<string> {
  return {
    placeholder,
    expected,
    schema: z.string().regex(pattern),
    parse([value]) {
      if (!pattern.test(value)) throw badValue(value, expected);
      return value;
    },
  };
}

/**
 * A secret that fits into an HTTP header. Its messages never show it. Blanks at its ends are
 * refused: a header loses them, so that no client could ever send it.
 */
export function secret(placeholder: string): Kind<string> {
  const expected = "text without control characters and without blanks at its ends";
  return {
    placeholder,
    expected,
    schema: z.string().min(1),
    parse([value]) {
      // deno-lint-ignore no-control-regex
      if (value.trim() !== value || /[\u0000-\u001f\u007f]/.test(value)) {
        throw new BadValue(`is not usable: it must be ${expected}`);
      }
      return value;
    },
  };
}

/** Several texts, without duplicates, each read by `parse`. */
export function list(
  placeholder: string,
  expected: string,
  parse: (text: string) => string,
): Kind<readonly string[]> {
  return {
    placeholder,
    expected,
    many: true,
    schema: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
    parse: (texts) => Object.freeze([...new Set(texts.map(parse))]),
  };
}
