/** What is needed of a LogTape record. */
export interface LogEntry {
  /** Who logged it. */
  readonly category: readonly string[];
  /** `debug`, `info`, `warning`, `error`, or another of LogTape's. */
  readonly level: string;
  /** Texts and values of the message, in turns. */
  readonly message: readonly unknown[];
  /** The message before its values were put in. */
  readonly rawMessage: unknown;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Fields; an event of ours has its name in `event`. */
  readonly properties: Readonly<Record<string, unknown>>;
}

/**
 * A log record as one line of JSON: `time`, `level`, `event`, the fields in their order, `message`.
 * A record that is no event of ours has its `category` in place of `event`.
 */
export function jsonLine(record: LogEntry): string {
  const { event, ...fields } = record.properties;
  const head = { time: isoTime(record), level: record.level };
  const origin = event === undefined ? { category: record.category.join(".") } : { event };
  // Spread twice so that a foreign record's fields cannot replace the head, yet come after it.
  const line = { ...head, ...origin, ...fields, ...head, ...origin, message: messageText(record) };
  return `${JSON.stringify(line, plainValue)}\n`;
}

/**
 * A log record as one line for people: time, level, message, then `key=value` for the fields that
 * the message does not contain. Control characters, which may come from clients, are escaped.
 */
export function textLine(record: LogEntry): string {
  const template = typeof record.rawMessage === "string" ? record.rawMessage : "";
  const parts = [isoTime(record), record.level.toUpperCase().padEnd(7), messageText(record)];
  for (const [name, value] of Object.entries(record.properties)) {
    if (name !== "event" && !template.includes(`{${name}}`)) {
      parts.push(`${name}=${fieldText(value)}`);
    }
  }
  return `${visible(parts.join(" "))}\n`;
}

function isoTime(record: LogEntry): string {
  return new Date(record.timestamp).toISOString();
}

function messageText(record: LogEntry): string {
  return record.message.map((part) => typeof part === "string" ? part : valueText(part)).join("");
}

function fieldText(value: unknown): string {
  const text = valueText(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(",");
  if (typeof value !== "object" || value === null) return String(value);
  return JSON.stringify(value, plainValue);
}

function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Error ? `${value.name}: ${value.message}` : value;
}

function visible(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
