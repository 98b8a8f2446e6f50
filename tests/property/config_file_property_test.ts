import assert from "node:assert/strict";
import fc from "fast-check";
import { CONFIG_SCHEMA } from "../../src/config/config_schema.ts";
import { parseSettings } from "../../src/config/parse_settings.ts";
import { readConfigFile } from "../../src/config/read_config_file.ts";

const NAMES = Object.keys(CONFIG_SCHEMA.shape);

Deno.test("readConfigFile() reads or names what is wrong, any text", () => {
  const line = fc.oneof(
    fc.string(),
    fc.tuple(fc.constantFrom(...NAMES), fc.string()).map(([name, value]) => `${name}: ${value}`),
    fc.constantFrom("- &a [*a]", "<<: *b", "? x", "!!js/function x", "--- |", "%YAML 9", "\t"),
  );
  fc.assert(fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
    const { given, problems } = readConfigFile({ path: "c", text: lines.join("\n") });
    assert.ok(given instanceof Map);
    for (const problem of problems) assert.match(problem, /^c[ :]/);
  }));
});

Deno.test("parseSettings() has settings or problems, any JSON in the file", () => {
  const file = fc.oneof(
    fc.dictionary(fc.constantFrom(...NAMES), fc.jsonValue({ maxDepth: 2 })),
    fc.jsonValue(),
  );
  fc.assert(fc.property(file, (value) => {
    const parsed = parseSettings({
      args: [],
      env: {},
      file: { path: "c", text: JSON.stringify(value) },
    });
    assert.ok(parsed.kind === "run" || parsed.kind === "problems");
    if (parsed.kind === "problems") assert.ok(parsed.problems.length > 0);
  }));
});
