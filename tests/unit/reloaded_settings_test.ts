import assert from "node:assert/strict";
import { settingsFromOptions } from "../../src/config/library_options.ts";
import { reloadedSettings } from "../../src/config/reloaded_settings.ts";

const NOW = settingsFromOptions({ wsPort: 1, kafka: "a:1" });

Deno.test("reloadedSettings() takes what may change and names what may not", () => {
  const wanted = {
    ...NOW,
    port: 2,
    kafka: ["b:1"],
    origins: ["https://a"],
    logLevel: "debug",
  } as const;
  const { taken, changed, needRestart } = reloadedSettings(NOW, wanted);
  assert.deepEqual(changed, ["origin", "logLevel"]);
  assert.deepEqual(needRestart, ["kafka", "wsPort"]);
  assert.deepEqual(taken, { ...NOW, origins: ["https://a"], logLevel: "debug" });
});

Deno.test("reloadedSettings() finds nothing, equal settings", () => {
  const { taken, changed, needRestart } = reloadedSettings(NOW, { ...NOW });
  assert.deepEqual([changed, needRestart], [[], []]);
  assert.deepEqual(taken, NOW);
});
