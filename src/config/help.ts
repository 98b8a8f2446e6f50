import { SETTING_KEYS, type SettingRow, SETTINGS_TABLE } from "./settings_table.ts";

const COLUMNS = 100;

/** A command of the command line, for its help text. */
export interface CommandSummary {
  readonly name: string;
  readonly summary: string;
}

const HEAD = `kafka-proxy: read Apache Kafka over WebSockets.

Usage:
  deno task start --kafka HOST:PORT[,HOST:PORT] [flags]
  deno task start COMMAND [flags]

Examples:
  deno task start --kafka localhost:9092
  deno task start --kafka broker1:9092,broker2:9092 --port 0 --partition all
  deno task start --kafka localhost:9092 --host 0.0.0.0 --auth-file /run/secrets/kafka-proxy
  KAFKA_PROXY_KAFKA=localhost:9092 KAFKA_PROXY_AUTH=thisisapassword deno task start

`;

const FLAGS_HEAD =
  `Flags, and their names in the environment (a flag wins over the environment, both over the file):
`;

const TAIL = `
  --help, -h
      Shows this text.
  --version
      Shows the version.
`;

/** The text of `--help`, at most 100 columns wide, with a line break at its end. */
export function helpText(commands: readonly CommandSummary[] = []): string {
  return HEAD + commandsText(commands) + FLAGS_HEAD + rows().map(rowText).join("") + TAIL.slice(1);
}

/**
 * The README's table of settings, in Markdown, padded as `deno fmt` pads it, with a line break at
 * its end.
 */
export function settingsMarkdown(): string {
  const head = ["flag", "environment", "library", "default", "meaning"];
  const cells = rows().map((row) => [
    row.notOnCommandLine ? "" : code(row.flag),
    code(row.env),
    row.notInLibrary === undefined ? code(row.name) : "",
    shownDefault(row),
    `${row.doc} ${valuesText(row)}`.replaceAll("|", "\\|").replaceAll("*", "\\*")
      .replaceAll("__", "`__`"),
  ]);
  const widths = head.map((title, at) =>
    Math.max(title.length, ...cells.map((line) => line[at].length))
  );
  const line = (texts: string[]) =>
    `| ${texts.map((text, at) => text.padEnd(widths[at])).join(" | ")} |\n`;
  return line(head) + line(widths.map((width) => "-".repeat(width))) + cells.map(line).join("");
}

function commandsText(commands: readonly CommandSummary[]): string {
  if (commands.length === 0) return "";
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(16)}${summary}\n`);
  return `Commands (COMMAND --help says more):\n${lines.join("")}\n`;
}

function rows(): SettingRow<unknown>[] {
  return SETTING_KEYS.map((key) => SETTINGS_TABLE[key]);
}

function rowText(row: SettingRow<unknown>): string {
  const facts = row.required ? "Required." : `Default: ${shownDefault(row)}.`;
  const head = row.notOnCommandLine
    ? "  not on the command line"
    : `  ${row.flag} ${row.kind.placeholder}`;
  return `${head.padEnd(44)} ${row.env}\n${
    wrapped(`${row.doc} ${valuesText(row)} ${facts}`, "      ")
  }`;
}

/** What may be given, as a sentence. */
function valuesText({ kind: { expected } }: SettingRow<unknown>): string {
  return `${expected.charAt(0).toUpperCase()}${expected.slice(1)}.`;
}

function shownDefault(row: SettingRow<unknown>): string {
  if (row.required) return "required";
  return row.defaultText ?? String(row.default);
}

function code(text: string): string {
  return `\`${text}\``;
}

function wrapped(text: string, indent: string): string {
  let lines = "";
  let line = indent;
  for (const word of text.split(" ")) {
    const isFirst = line === indent;
    if (!isFirst && line.length + 1 + word.length > COLUMNS) {
      lines += `${line}\n`;
      line = indent + word;
    } else {
      line += isFirst ? word : ` ${word}`;
    }
  }
  return `${lines}${line}\n`;
}
