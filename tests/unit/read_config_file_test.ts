import assert from "node:assert/strict";
import { CONFIG_SCHEMA, configJsonSchema } from "../../src/config/config_schema.ts";
import { readConfigFile } from "../../src/config/read_config_file.ts";
import { SETTING_KEYS, type SettingRow, SETTINGS_TABLE } from "../../src/config/settings_table.ts";

const read = (text: string) => readConfigFile({ path: "c.yaml", text });

/** What the file gives, as texts by key. */
function texts(text: string): Record<string, readonly string[]> {
  const { given, problems } = read(text);
  assert.deepEqual(problems, []);
  return Object.fromEntries([...given].map(([key, { texts }]) => [key, texts]));
}

Deno.test("readConfigFile() reads YAML and JSON alike", () => {
  const wanted = { kafka: ["a:1", "b:1"], port: ["0"], lease: ["on"], recordsPerSecond: ["5"] };
  assert.deepEqual(texts("kafka:\n- a:1\n- b:1\nwsPort: 0\nlease: on\nrate: 5\n"), wanted);
  assert.deepEqual(texts('{"kafka":["a:1","b:1"],"wsPort":0,"lease":"on","rate":5}'), wanted);
});

Deno.test("readConfigFile() finds nothing in an empty file and in comments", () => {
  for (const text of ["", "\n", "# nothing\n", "---\n"]) assert.deepEqual(texts(text), {});
});

Deno.test("readConfigFile() passes over the schema's address", () => {
  assert.deepEqual(texts("$schema: ./config.schema.json\n"), {});
});

for (
  const [text, problem] of [
    ["kafka: [a:1", /^c\.yaml is no YAML at line 1: /],
    ["kafka: a:1\nkafka: b:1\n", /^c\.yaml is no YAML at line 2: duplicate key$/],
    ["- kafka", /^c\.yaml is of type array: it must be names and values$/],
    ["kafka", /^c\.yaml is of type string: it must be names and values$/],
    ["kafak: a:1", /^c\.yaml: "kafak" is not a setting \(did you mean kafka\?\)$/],
    ["port: 1", /^c\.yaml: "port" is not a setting \(did you mean wsPort\?\)$/],
    ["max-bytes: 1", /"max-bytes" is not a setting \(did you mean maxBytes\?\)$/],
    ["KAFKA_PROXY_HOST: x", /is not a setting \(did you mean host\?\)$/],
    ["config: other.yaml", /^c\.yaml: "config" is not a setting/],
    ["kafka: {a: 1}", /^c\.yaml: kafka is of type object: it must be broker addresses/],
    ["wsPort: '1'", /^c\.yaml: wsPort is of type string: it must be an integer from 0/],
    ["host: 5", /^c\.yaml: host is of type number: it must be a host name/],
    ["lease: true", /^c\.yaml: lease is of type boolean: it must be one of on, off$/],
  ] as const
) {
  Deno.test(`readConfigFile() names what is wrong with ${JSON.stringify(text)}`, () => {
    const { problems } = read(text);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0], problem);
  });
}

Deno.test("readConfigFile() shows no secret, whatever is wrong around it", () => {
  for (const text of ["auth: [hunter2", "auth: hunter2\nauth: hunter2", "auth: {a: hunter2}"]) {
    assert.doesNotMatch(read(text).problems.join("\n"), /hunter2/);
  }
});

Deno.test("readConfigFile() names an alias that stands inside what it stands for", () => {
  for (const text of ["users: { a: &a [*a] }", "kafka: &b { c: [{ d: *b }] }"]) {
    assert.match(read(text).problems[0], /cannot be read: an alias stands inside/, text);
  }
});

Deno.test("readConfigFile() gives up on aliases that multiply", () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 9; i++) {
    const [before, own] = ["abcdefghij"[i - 1], "abcdefghij"[i]];
    bomb.push(`${own}: &${own} [${`*${before},`.repeat(9)}]`);
  }
  assert.match(read(bomb.join("\n")).problems[0], /cannot be read: Excessive alias count/);
});

Deno.test("CONFIG_SCHEMA takes every default, and knows every setting of a file", () => {
  const rows = SETTING_KEYS.map((key): SettingRow<unknown> => SETTINGS_TABLE[key]);
  const inFile = rows.filter(({ notInFile }) => !notInFile);
  assert.deepEqual(Object.keys(CONFIG_SCHEMA.shape), [
    "$schema",
    ...inFile.map(({ name }) => name),
  ]);
  for (const { name, default: standard } of inFile) {
    if (standard === undefined || (Array.isArray(standard) && standard.length === 0)) continue;
    assert.ok(CONFIG_SCHEMA.safeParse({ [name]: standard }).success, name);
  }
});

Deno.test("configJsonSchema() allows no other names", () => {
  const schema = JSON.parse(configJsonSchema());
  assert.equal(schema.additionalProperties, false);
  assert.equal(schema.required, undefined);
  assert.equal(schema.properties.wsPort.maximum, 65535);
});
