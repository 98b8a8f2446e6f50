/** A record as bytes, for output. */
export interface FormattedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[];
}

/** Turns a record into what is written of it. */
export type RecordFormat = (record: FormattedRecord) => Uint8Array;

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();
const NOTHING = new Uint8Array();

/** What stands behind a `%` in a format, as kcat has it. */
const TOKENS: Readonly<Record<string, (record: FormattedRecord) => Uint8Array>> = {
  s: ({ value }) => value ?? NOTHING,
  S: ({ value }) => UTF8.encode(`${value?.length ?? -1}`),
  R: ({ value }) => int32(value?.length ?? -1),
  k: ({ key }) => key ?? NOTHING,
  K: ({ key }) => UTF8.encode(`${key?.length ?? -1}`),
  T: ({ timestamp }) => UTF8.encode(`${timestamp}`),
  h: ({ headers }) => UTF8.encode(headers.map(headerText).join()),
  t: ({ topic }) => UTF8.encode(topic),
  p: ({ partition }) => UTF8.encode(`${partition}`),
  o: ({ offset }) => UTF8.encode(`${offset}`),
  "%": () => UTF8.encode("%"),
};

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\" };

/**
 * Reads a format as kcat's `-f`: `%s` value, `%k` key, `%o` offset and so on, `\n` and `\x1f`.
 *
 * @throws {RangeError} for a token there is none of
 */
export function parseFormat(text: string): RecordFormat {
  const parts: (Uint8Array | ((record: FormattedRecord) => Uint8Array))[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char === "%") {
      const token = TOKENS[text[at + 1]];
      if (token === undefined) {
        throw new RangeError(
          `%${text[at + 1] ?? ""} is none of ${
            Object.keys(TOKENS).map((one) => `%${one}`).join(" ")
          }`,
        );
      }
      parts.push(token);
      at += 2;
    } else {
      const { value, length } = literal(text, at);
      parts.push(value);
      at += length;
    }
  }
  return (record) => joined(parts.map((part) => typeof part === "function" ? part(record) : part));
}

/** A delimiter as kcat reads it: `\n`, `\t`, `\x1f`, or as it is. */
export function delimiter(text: string): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < text.length;) {
    const { value, length } = literal(text, at);
    parts.push(value);
    at += length;
  }
  return joined(parts);
}

/** One JSON object and a line break, with the names of kcat's `-J`. */
export function jsonLine(record: FormattedRecord): Uint8Array {
  const { topic, partition, offset, timestamp, headers, key, value } = record;
  const fields = [
    `"topic":${JSON.stringify(topic)}`,
    `"partition":${partition}`,
    `"offset":${offset}`,
    `"ts":${timestamp}`,
    `"headers":${JSON.stringify(headers.flatMap(([name, content]) => [name, text(content)]))}`,
    `"key":${JSON.stringify(text(key))}`,
    `"payload":${JSON.stringify(text(value))}`,
  ];
  return UTF8.encode(`{${fields.join()}}\n`);
}

/** Puts pieces together. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function literal(text: string, at: number): { value: Uint8Array; length: number } {
  if (text[at] !== "\\") {
    const char = String.fromCodePoint(text.codePointAt(at)!);
    return { value: UTF8.encode(char), length: char.length };
  }
  const [, hex] = /^\\x([0-9a-fA-F]{2})/.exec(text.slice(at)) ?? [];
  if (hex !== undefined) return { value: Uint8Array.of(parseInt(hex, 16)), length: 4 };
  const escaped = ESCAPES[text[at + 1]];
  if (escaped === undefined) return { value: UTF8.encode("\\"), length: 1 };
  return { value: UTF8.encode(escaped), length: 2 };
}

function headerText([name, value]: FormattedRecord["headers"][number]): string {
  return `${name}=${text(value) ?? "NULL"}`;
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : TEXT.decode(bytes);
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}
