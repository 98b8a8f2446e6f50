import assert from "node:assert/strict";
import { ERROR_TABLE, type ErrorRow } from "../../src/core/error_table.ts";
import { codeSpans, repositoryText, section, tableRows } from "../support/markdown.ts";
import { sourceFiles } from "../support/source_code.ts";

const ARCHITECTURE = await repositoryText("docs/ARCHITECTURE.md");
const PROTOCOL = await repositoryText("docs/PROTOCOL.md");

/** Files of `src/` that the file map names, in its order. */
function mapped(): string[] {
  const rooms = section(ARCHITECTURE, "## The rooms");
  return [...rooms.matchAll(/^- `(src\/[^`]+)`: \S/gm)].map(([, name]) => name);
}

Deno.test("ARCHITECTURE.md maps every file of src/, each once", async () => {
  const files = (await sourceFiles("src")).map(({ path }) => path);
  const names = mapped();
  assert.deepEqual(files.filter((path) => !names.includes(path)), [], "not in the map");
  assert.deepEqual(names.filter((name, i) => names.indexOf(name) !== i), [], "there twice");
});

Deno.test("ARCHITECTURE.md names no file that is not there, in all of its text", async () => {
  const files = [...await sourceFiles("src"), ...await sourceFiles("tests")]
    .map(({ path }) => path);
  const named = codeSpans(ARCHITECTURE).filter((name) => /^(src|tests)\/.*\.ts$/.test(name));
  assert.ok(named.length > 80);
  assert.deepEqual(named.filter((name) => !files.includes(name)), []);
});

Deno.test("PROTOCOL.md has the error table, row by row and cell by cell", () => {
  const [, ...rows] = tableRows(section(PROTOCOL, "## Errors"));
  const wanted = Object.entries<ErrorRow>(ERROR_TABLE).map((
    [code, { status, closeCode, retriable, meaning }],
  ) => [`\`${code}\``, `${status}`, `${closeCode}`, retriable ? "yes" : "no", meaning]);
  assert.deepEqual(rows, wanted);
});

Deno.test("PROTOCOL.md says what to do at every close code of the error table", () => {
  const text = section(PROTOCOL, "## Close codes");
  for (const [code, { closeCode }] of Object.entries(ERROR_TABLE)) {
    assert.match(text, new RegExp(`\\b${closeCode}\\b`), `${closeCode}, as ${code} closes`);
  }
});

Deno.test("PROTOCOL.md has no close code twice in its table", () => {
  const [, ...rows] = tableRows(section(PROTOCOL, "## Close codes"));
  const codes = rows.map(([code]) => code);
  assert.equal(new Set(codes).size, codes.length);
  assert.deepEqual(codes, codes.toSorted());
});

Deno.test("section() ends at the next heading of its level, deeper ones included", () => {
  const text = "# a\n## b\none\n### c\ntwo\n## d\nthree";
  assert.equal(section(text, "## b"), "one\n### c\ntwo");
  assert.equal(section(text, "## d"), "three");
  assert.throws(() => section(text, "## e"), /no heading "## e"/);
});

Deno.test("tableRows() gives cells, the head included and other lines not", () => {
  const text = "text\n| a  | b |\n| -- | - |\n| `c` | d e |\n- | no |";
  assert.deepEqual(tableRows(text), [["a", "b"], ["`c`", "d e"]]);
});
