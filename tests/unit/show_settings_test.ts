import assert from "node:assert/strict";
import { parseSettings } from "../../src/config/parse_settings.ts";
import { readConfigFile } from "../../src/config/read_config_file.ts";
import { shownSettings } from "../../src/config/show_settings.ts";

function shown(args: string[], file = ""): string {
  const parsed = parseSettings({ args, env: {}, file: { path: "c.yaml", text: file } });
  assert.equal(parsed.kind, "run", JSON.stringify(parsed));
  return parsed.kind === "run" ? shownSettings(parsed.settings, parsed.origins) : "";
}

Deno.test("shownSettings() says where each value came from", () => {
  const lines = shown(["--kafka", "a:1", "--port", "0"], "rate: 5\n").split("\n");
  assert.ok(lines.includes("wsPort: 0 # flag, --port"), lines.join("\n"));
  assert.ok(lines.includes("rate: 5 # file, c.yaml: rate"));
  assert.ok(lines.includes("host: 127.0.0.1 # default"));
  assert.ok(lines.includes("# authFile: not set # default"));
});

Deno.test("shownSettings() hides secrets", () => {
  const text = shown(["--kafka", "a:1"], "auth: hunter2\n");
  assert.match(text, /^auth: "\*\*\*" # file, c\.yaml: auth$/m);
  assert.doesNotMatch(text, /hunter2/);
});

Deno.test("shownSettings() is a configuration file again, secrets excepted", () => {
  const args = ["--kafka", "a:1,b:1", "--origin", "https://a.example", "--partition", "all"];
  const { given, problems } = readConfigFile({ path: "shown", text: shown(args) });
  assert.deepEqual(problems, []);
  assert.deepEqual(given.get("kafka")?.texts, ["a:1", "b:1"]);
  assert.deepEqual(given.get("partition")?.texts, ["all"]);
});

Deno.test("shownSettings() shows users with their rights, and hides their passwords", () => {
  const password = `$scrypt$ln=15,r=8,p=3$${"A".repeat(22)}$${"A".repeat(43)}`;
  const users = JSON.stringify({ alice: { password, rights: { consume: ["orders*"] } } });
  const text = shown(["--kafka", "a:1"], `users: ${users}\n`);
  assert.match(text, /^users: # file, c\.yaml: users\n {2}alice:\n {4}password: "\*\*\*"$/m);
  assert.match(text, /- orders\*$/m);
  assert.doesNotMatch(text, /scrypt/);
});
