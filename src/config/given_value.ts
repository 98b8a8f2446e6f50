import type { Kind } from "./kind.ts";

/** Where a value comes from; `default` when nobody gave one. */
export type Origin = "default" | "file" | "environment" | "flag" | "option";

/** What somebody gave for one setting. */
export interface GivenValue {
  /** Where, as they would look for it: `--port`, `KAFKA_PROXY_PORT`, `wsPort`. */
  readonly source: string;
  /** What kind of place that is. */
  readonly origin: Exclude<Origin, "default">;
  /** As given, one text per repetition; none when the value is missing. */
  readonly texts: readonly string[];
}

/**
 * A value of a program or a file as the command line would give it; `undefined` for what could not
 * be text there. A structure becomes JSON.
 */
export function textsOf(value: unknown, kind: Kind<unknown>): string[] | undefined {
  if (kind.structured && typeof value === "object") return [JSON.stringify(value)];
  const values: unknown[] = kind.many && Array.isArray(value) ? value : [value];
  const isText = values.every((one) => ["string", "number", "bigint"].includes(typeof one));
  return isText ? values.map(String) : undefined;
}

/** The type of a value, for messages: `null` and `array` beside those of `typeof`. */
export function typeText(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
