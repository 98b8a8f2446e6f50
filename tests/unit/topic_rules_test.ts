import assert from "node:assert/strict";
import { checkTopic } from "../../src/auth/topic_rules.ts";

Deno.test("checkTopic() passes, topics that do not begin with two underscores", () => {
  for (const topic of ["test", "_test", "a__b", "-__a"]) checkTopic(topic, []);
});

Deno.test("checkTopic() throws forbidden, topics that begin with two underscores", () => {
  for (const topic of ["__consumer_offsets", "__transaction_state", "__", "___a"]) {
    assert.throws(() => checkTopic(topic, ["__other"]), {
      name: "ProxyError",
      code: "forbidden",
      message: new RegExp(`^Cannot read "${topic}": `),
    });
  }
});

Deno.test("checkTopic() passes, the topic that the settings name", () => {
  checkTopic("__consumer_offsets", ["__consumer_offsets"]);
});
