/** What an entry of a v1 frame can carry. */
export type V1Field = "message" | "offset" | "key" | "partition" | "timestamp" | "headers";

/** All of them, in the order in which requests hold them. */
export const V1_FIELDS: readonly V1Field[] = [
  "message",
  "offset",
  "key",
  "partition",
  "timestamp",
  "headers",
];

/** The ones that are always there, asked for or not. */
export const V1_DEFAULT_FIELDS: readonly V1Field[] = ["message", "offset"];

/** What {@linkcode parseV1Fields} accepts, for messages. */
export const V1_FIELDS_FORM = `one or more of ${
  V1_FIELDS.join(", ")
}, each once, with commas between them`;

/**
 * Reads a list such as `key,timestamp`. The fields come back in the order of {@linkcode V1_FIELDS}
 * with the default ones among them, so that requests for the same fields are equal. `undefined` for
 * an empty text, an unknown field, and one that stands there twice.
 */
export function parseV1Fields(text: string): readonly V1Field[] | undefined {
  const asked = text.split(",", V1_FIELDS.length + 1);
  const known = V1_FIELDS.filter((field) => asked.includes(field));
  if (known.length !== asked.length) return undefined;
  return V1_FIELDS.filter((field) => known.includes(field) || V1_DEFAULT_FIELDS.includes(field));
}
