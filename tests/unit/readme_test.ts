import assert from "node:assert/strict";
import { settingsMarkdown } from "../../src/config/help.ts";
import { ERROR_TABLE } from "../../src/core/error_table.ts";
import { readmeBlocks, readmeCommands } from "../support/readme.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));

const README = read("README.md");

Deno.test("README.md has the settings' table as settingsMarkdown() gives it", () => {
  assert.ok(README.includes(settingsMarkdown()), "paste the output of settingsMarkdown()");
});

for (const page of ["README.md", "docs/OPERATIONS.md", "docs/PROTOCOL.md"]) {
  Deno.test(`${page} links to files that are there`, () => {
    const text = read(page);
    const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link);
    for (const link of links) Deno.statSync(new URL(link, new URL(page, ROOT)));
  });
}

Deno.test("README.md says what to do at every close code an open socket can get", () => {
  // 4400 belongs to errors that are found before an upgrade, and to v2.
  const closing = Object.values(ERROR_TABLE).map(({ closeCode }) => closeCode)
    .filter((code) => code !== 4400);
  for (const code of closing) assert.match(README, new RegExp(`^\\|.*\\b${code}\\b`, "m"));
});

Deno.test("README.md opens with what it is and the two demo commands", () => {
  assert.deepEqual(readmeCommands().slice(0, 2), [
    "deno task demo",
    "npx -y deno@2.9.6 task demo",
  ]);
  assert.ok(README.indexOf("```") < 800, "within the first screen");
});

Deno.test(".ci/run calls README.md's test command as it stands there, last", () => {
  const command = "npx -y deno@2.9.6 task test";
  assert.ok(readmeCommands().includes(command));
  const lines = read(".ci/run").trimEnd().split("\n");
  assert.equal(lines.at(-1), command);
  assert.ok(lines.includes("npx -y deno@2.9.6 task ok"));
});

Deno.test("README.md's commands name the tasks of deno.json", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  for (const command of readmeCommands()) {
    const [, task] = /\btask (\S+)/.exec(command) ?? [];
    if (task !== undefined) assert.ok(task in tasks, command);
  }
});

Deno.test("readmeBlocks() gives the text between fences", () => {
  const text = "a\n```sh\none\n\n# no command\ntwo\n```\nb\n```js\nx;\n```\n";
  assert.deepEqual(readmeBlocks("sh", text), ["one\n\n# no command\ntwo\n"]);
  assert.deepEqual(readmeCommands(text), ["one", "two"]);
});
