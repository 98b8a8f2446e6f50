/**
 * An error and its causes on one line: `TypeError: x is not a function (cause: Error: gone)`.
 *
 * At most five causes are followed, since a chain may be a ring.
 */
export function errorText(error: unknown): string {
  const texts: string[] = [];
  let current = error;
  do {
    texts.push(oneError(current));
    current = current instanceof Error ? current.cause : undefined;
  } while (current !== undefined && texts.length < 6);
  return texts.join(" (cause: ") + ")".repeat(texts.length - 1);
}

function oneError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === "string" ? error : inspected(error);
  const { code } = error as { code?: unknown };
  const suffix = typeof code === "string" || typeof code === "number" ? ` [${code}]` : "";
  return `${error.name}: ${error.message}${suffix}`;
}

function inspected(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value); // a ring, a bigint or a throwing toJSON()
  }
}
