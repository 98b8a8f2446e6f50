import assert from "node:assert/strict";
import { SETTING_KEYS, SETTINGS_TABLE } from "../../src/config/settings_table.ts";
import { codeSpans, repositoryText } from "../support/markdown.ts";

const PAGE = await repositoryText("docs/SECURITY.md");

for (const file of ["nginx.conf", "Caddyfile"]) {
  Deno.test(`SECURITY.md has ${file} as it is tested`, async () => {
    assert.ok(PAGE.includes(await repositoryText(`tests/support/reverse_proxies/${file}`)));
  });
}

Deno.test("SECURITY.md names flags that there are", () => {
  const flags = SETTING_KEYS.map((key) => SETTINGS_TABLE[key].flag);
  const named = codeSpans(PAGE).filter((span) => span.startsWith("--"))
    .map((span) => span.split(" ")[0]);
  const ofDeno = ["--allow-read", "--allow-net", "--unstable-no-legacy-abort"];
  assert.ok(named.length > 20);
  assert.deepEqual(named.filter((flag) => !flags.includes(flag) && !ofDeno.includes(flag)), []);
});
