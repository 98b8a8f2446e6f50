import { z, type ZodType } from "zod";
import type { Operation, PrincipalLimits } from "./principal.ts";

/** A topic's or a group's name, the beginning of names (`orders*`), or every name (`*`). */
const PATTERN = z.string().max(249).regex(/^(\*|[\w.-]+\*?)$/);

const PATTERNS = z.array(PATTERN).max(1000);

/** What records' values may be asked for as. */
const ENCODING = z.enum(["text", "json", "base64", "binary"]);

/**
 * What somebody may do, as configuration files, tokens and tickets say it: what is absent is not
 * allowed, and limits that are absent are the server's own.
 */
export interface Rights {
  /** Topics that may be read: names, beginnings of names with a star, or a star. */
  readonly consume?: readonly string[];
  /** Topics that may be written to. */
  readonly produce?: readonly string[];
  /** Consumer groups that may be used. */
  readonly group?: readonly string[];
  /** Whether metrics and `/api` may be read. */
  readonly observe?: boolean;
  /** Whether the server may be steered; includes {@linkcode observe}. */
  readonly admin?: boolean;
  /** Most records a second to one socket. */
  readonly rate?: number;
  /** Most sockets at a time. */
  readonly maxSockets?: number;
  /** Encodings of values that may be asked for. */
  readonly encodings?: readonly ("text" | "json" | "base64" | "binary")[];
}

/** The form of {@linkcode Rights}. */
export const RIGHTS_SCHEMA: ZodType<Rights> = z.strictObject({
  consume: PATTERNS.optional().describe("Topics that may be read: names, beginnings* or *."),
  produce: PATTERNS.optional().describe("Topics that may be written to."),
  group: PATTERNS.optional().describe("Consumer groups that may be used."),
  observe: z.boolean().optional().describe("Whether metrics and /api may be read."),
  admin: z.boolean().optional().describe("Whether the server may be steered; includes observe."),
  rate: z.int().min(1).max(1_000_000_000).optional()
    .describe("Most records a second to one socket."),
  maxSockets: z.int().min(1).max(1_000_000).optional().describe("Most sockets at a time."),
  encodings: z.array(ENCODING).min(1).max(4).optional()
    .describe("Encodings of values that may be asked for."),
});

/** Everything, as the shared secret gives it. */
export const ALL_RIGHTS: Rights = Object.freeze({
  consume: ["*"],
  produce: ["*"],
  group: ["*"],
  observe: true,
  admin: true,
});

/** Operations on names. */
type NamedOperation = "consume" | "produce" | "group";

const NAMED = ["consume", "produce", "group"] as const satisfies readonly NamedOperation[];

/**
 * Answers whether rights allow an operation; one on a name needs the name.
 *
 * @example
 * ```ts
 * import { allowedBy } from "./rights.ts";
 *
 * const may = allowedBy({ consume: ["orders*"] });
 * console.assert(may("consume", "orders-eu") && !may("produce", "orders-eu"));
 * ```
 */
export function allowedBy(rights: Rights): (operation: Operation, name?: string) => boolean {
  const names = {
    consume: nameCheck(rights.consume),
    produce: nameCheck(rights.produce),
    group: nameCheck(rights.group),
  };
  return (operation, name) => {
    if (operation === "observe") return rights.observe === true || rights.admin === true;
    if (operation === "admin") return rights.admin === true;
    return name !== undefined && names[operation](name);
  };
}

/** The rights of somebody who has all of these; of limits the tightest. */
export function joinedRights(all: readonly Rights[]): Rights {
  const joined: Record<string, unknown> = { ...tightest(all) };
  for (const operation of NAMED) {
    const patterns = [...new Set(all.flatMap((rights) => rights[operation] ?? []))];
    if (patterns.length > 0) joined[operation] = patterns;
  }
  for (const operation of ["observe", "admin"] as const) {
    if (all.some((rights) => rights[operation])) joined[operation] = true;
  }
  return joined;
}

/** The limits of somebody bound by all of these; `undefined` when none sets one. */
export function limitsOf(all: readonly Rights[]): PrincipalLimits | undefined {
  const { rate, maxSockets, encodings } = tightest(all);
  if (rate === undefined && maxSockets === undefined && encodings === undefined) return undefined;
  return {
    ...(rate === undefined ? {} : { recordsPerSecond: rate }),
    ...(maxSockets === undefined ? {} : { sockets: maxSockets }),
    ...(encodings === undefined ? {} : { encodings }),
  };
}

function tightest(all: readonly Rights[]): Pick<Rights, "rate" | "maxSockets" | "encodings"> {
  const least = (numbers: readonly (number | undefined)[]) => {
    const given = numbers.filter((number) => number !== undefined);
    return given.length === 0 ? undefined : Math.min(...given);
  };
  const encodings = all.map((rights) => rights.encodings).filter((each) => each !== undefined);
  const rate = least(all.map((rights) => rights.rate));
  const maxSockets = least(all.map((rights) => rights.maxSockets));
  return {
    ...(rate === undefined ? {} : { rate }),
    ...(maxSockets === undefined ? {} : { maxSockets }),
    ...(encodings.length === 0 ? {} : {
      encodings: encodings[0].filter((each) => encodings.every((some) => some.includes(each))),
    }),
  };
}

function nameCheck(patterns: readonly string[] = []): (name: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith("*")));
  const beginnings = patterns.filter((pattern) => pattern.endsWith("*"))
    .map((pattern) => pattern.slice(0, -1));
  return (name) => exact.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
}
