import type { Kind } from "./frame_reader.ts";
import { isGroupName, isTopicName, TOPIC_NAME_FORM } from "./kafka_names.ts";
import { readStartPosition, START_POSITION_FORMS, type StartPosition } from "./start_position.ts";
import { MAX_INT32, parseInt64 } from "./whole_number.ts";

/** An integer from `least` to `most`, both included and both safe. */
export function integer(least: number, most: number, unit?: string): Kind<number> {
  const what = unit === undefined ? "an integer" : `${unit}, an integer`;
  return {
    wanted: `${what} from ${least} to ${most}`,
    parse: (value) =>
      typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
        ? value + 0 // JSON can say -0
        : undefined,
  };
}

/** One of some words. */
export function oneOf<T extends string>(...words: readonly T[]): Kind<T> {
  return {
    wanted: words.map((word) => `"${word}"`).join(" or "),
    parse: (value) => words.find((word) => word === value),
  };
}

/** Different elements of one kind, so many of them, in their order. */
export function distinct<T>(kind: Kind<T>, least: number, most: number): Kind<readonly T[]> {
  return {
    wanted: `an array of ${least} to ${most} different ones, each ${kind.wanted}`,
    parse: (value) => {
      if (!Array.isArray(value) || value.length < least || value.length > most) return undefined;
      const elements = new Set<T>();
      for (const each of value) {
        const element = kind.parse(each);
        if (element === undefined || elements.has(element)) return undefined;
        elements.add(element);
      }
      return [...elements];
    },
  };
}

/** Text that pairs its surrogates, so that UTF-8 can say it. */
export function text(least: number, most: number): Kind<string> {
  return {
    wanted: `a text of ${least} to ${most} characters`,
    parse: (value) =>
      typeof value === "string" && value.length >= least && value.length <= most &&
        value.isWellFormed()
        ? value
        : undefined,
  };
}

/** What correlates a request with its answer. */
export const ID: Kind<number> = integer(0, Number.MAX_SAFE_INTEGER);

/** Subscriptions are numbered from 1 on each socket; 16 bits have to do for the binary frames. */
export const SUBSCRIPTION: Kind<number> = integer(1, 65_535, "the number of a subscription");

export const TOPIC: Kind<string> = {
  wanted: TOPIC_NAME_FORM,
  parse: (value) => typeof value === "string" && isTopicName(value) ? value : undefined,
};

export const GROUP: Kind<string> = {
  wanted: 'a consumer group: 1 to 200 letters, digits, ".", "_" or "-"; without one leave it out',
  parse: (value) => typeof value === "string" && isGroupName(value) ? value : undefined,
};

export const PARTITION: Kind<number> = integer(0, MAX_INT32, "a partition");

/** A number would lose digits from 2^53 on. */
export const OFFSET: Kind<bigint> = {
  wanted: 'an offset as text, "0" to "9223372036854775807"',
  parse: (value) => typeof value === "string" ? parseInt64(value) : undefined,
};

export const START: Kind<StartPosition> = {
  wanted: `as text ${START_POSITION_FORMS}`,
  parse: (value) => typeof value === "string" ? readStartPosition(value) : undefined,
};
