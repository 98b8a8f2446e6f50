import { SETTING_KEYS, type SettingRow, SETTINGS_TABLE } from "./settings_table.ts";

const HEAD = `# Configuration

Every setting can be given in three places: as a flag, in the environment, and in a configuration file. A flag wins over the environment, the environment over the file, the file over the default. A list is taken whole from the place that wins. All mistakes are reported together, and the server does not start with any; an unknown name is a mistake, and the message has the nearest one that exists.

This page is made from \`src/config/settings_table.ts\` (\`deno task docs\`); a test compares.

## The file

\`\`\`yaml
# yaml-language-server: $schema=./config.schema.json
kafka: [broker1:9092, broker2:9092]
wsPort: 9999
host: 0.0.0.0
origin: [https://app.example]
rate: 5000
\`\`\`

YAML 1.2 or JSON, with the names below. [config.schema.json](config.schema.json) is its JSON Schema, for editors: \`$schema\` in the file is allowed and ignored. Name the file with \`--config PATH\` or \`KAFKA_PROXY_CONFIG\`. Paths in it are relative to the directory the server runs in.

The server may read no file by itself. It must be allowed the ones it is to read, and nothing else:

\`\`\`sh
KAFKA_PROXY_CONFIG=./kafka-proxy.yaml deno task start:config
deno run -P=server --allow-read=./kafka-proxy.yaml,/run/secrets/kafka-proxy src/main.ts --config ./kafka-proxy.yaml
\`\`\`

\`deno task start:config\` allows exactly the file that \`KAFKA_PROXY_CONFIG\` names. What that file names in turn (\`authFile\` and the like) is allowed with the second form.

## Looking at it

\`kafka-proxy config check\` reads everything as the server would, and ends with 0, or with 2 and every mistake. \`kafka-proxy config show\` prints every setting as the server would have it, each with where it came from; secrets are hidden. \`kafka-proxy config schema\` prints the JSON Schema.

## Changing it while it runs

At SIGHUP the server reads file, secrets' files and all again (flags and environment are those it was started with). Settings marked "at SIGHUP" below take effect for sockets and requests from then on; for the others the log names the ones that changed and need a restart. With a mistake anywhere nothing changes, and the log says what is wrong.

## Settings

`;

/** The text of `docs/CONFIGURATION.md`. */
export function configurationMarkdown(): string {
  return HEAD + SETTING_KEYS.map((key) => paragraph(SETTINGS_TABLE[key])).join("\n");
}

function paragraph(row: SettingRow<unknown>): string {
  const { name, flag, env, kind, doc } = row;
  const facts = [
    ["in the file", row.notInFile ? undefined : code(name)],
    ["flag", row.notOnCommandLine ? undefined : code(`${flag} ${kind.placeholder}`)],
    ["environment", code(env)],
    ["value", plain(kind.expected)],
    ["default", row.required ? "none, it is required" : plain(shownDefault(row))],
    ["changes", row.live ? "at SIGHUP" : "with a restart"],
    ["secret", row.secret ? "yes: it is never shown" : undefined],
  ].filter(([, text]) => text !== undefined);
  const lines = facts.map(([fact, text]) => `- ${fact}: ${text}\n`).join("");
  return `### ${name}\n\n${plain(doc)}\n\n${lines}`;
}

function shownDefault({ defaultText, default: standard }: SettingRow<unknown>): string {
  return defaultText ?? String(standard);
}

function code(text: string): string {
  return `\`${text}\``;
}

/** Text in which Markdown finds no emphasis. */
function plain(text: string): string {
  return text.replaceAll("*", "\\*").replaceAll("__", "`__`");
}
