import assert from "node:assert/strict";
import { helpText, settingsMarkdown } from "../../src/config/help.ts";
import { SETTING_KEYS, type SettingRow, SETTINGS_TABLE } from "../../src/config/settings_table.ts";

const ROWS: SettingRow<unknown>[] = SETTING_KEYS.map((key) => SETTINGS_TABLE[key]);

Deno.test("helpText() is at most 100 columns wide and ends with one line break", () => {
  const text = helpText();
  for (const line of text.split("\n")) assert.ok(line.length <= 100, line);
  assert.match(text, /[^\n]\n$/);
});

Deno.test("helpText() has no blanks at the ends of lines", () => {
  for (const line of helpText().split("\n")) assert.equal(line, line.trimEnd());
});

Deno.test("helpText() gives usage and examples first", () => {
  assert.match(helpText(), /^kafka-proxy: .*\n\nUsage:\n {2}deno task start --kafka HOST:PORT/);
  assert.match(helpText(), /\nExamples:\n {2}deno task start --kafka localhost:9092\n/);
});

for (const row of ROWS) {
  Deno.test(`helpText() says flag, variable, default and bounds of ${row.flag}`, () => {
    const paragraph = helpText().split(/\n(?= {2}\S)/).find((text) =>
      row.notOnCommandLine ? text.includes(` ${row.env}\n`) : text.startsWith(`  ${row.flag} `)
    );
    assert.ok(paragraph !== undefined, `${row.flag} is in the help text`);
    const text = paragraph.replace(/\s+/g, " ");
    const fallback = row.required
      ? "Required."
      : `Default: ${row.defaultText ?? String(row.default)}.`;
    const value = row.notOnCommandLine ? "not on the command line" : row.kind.placeholder;
    for (const part of [value, row.env, row.doc, fallback]) {
      assert.ok(text.includes(part), `${part} in: ${text}`);
    }
    assert.ok(text.includes(row.kind.expected.slice(1)), text);
  });
}

Deno.test("settingsMarkdown() is a table with a row for each setting", () => {
  const lines = settingsMarkdown().trimEnd().split("\n");
  assert.equal(lines.length, ROWS.length + 2);
  assert.match(lines[0], /^\| flag +\| environment +\| library +\| default +\| meaning +\|$/);
  ROWS.forEach((row, at) => {
    const first = row.notOnCommandLine ? "" : `\`${row.flag}\` `;
    assert.ok(lines[at + 2].startsWith(`| ${first}`), row.flag);
  });
});

Deno.test("settingsMarkdown() is padded as deno fmt pads it", () => {
  const widths = settingsMarkdown().trimEnd().split("\n").map((line) => line.length);
  assert.equal(new Set(widths).size, 1);
});

Deno.test("settingsMarkdown() has five columns in every line, bars in the text", () => {
  for (const line of settingsMarkdown().trimEnd().split("\n")) {
    assert.equal(line.split(/(?<!\\)\|/).length, 7, line);
  }
});

Deno.test("settingsMarkdown() leaves the library's name out, command line only", () => {
  const line = settingsMarkdown().split("\n").find((text) => text.includes("--auth-file"));
  assert.match(line ?? "", /`KAFKA_PROXY_AUTH_FILE` +\| {2,}\|/);
});
