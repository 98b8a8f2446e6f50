import assert from "node:assert/strict";
import { EVERYBODY, newPrincipal } from "../../src/auth/new_principal.ts";
import {
  checkEncoding,
  checkGroup,
  checkRight,
  checkTopic,
  type TopicRules,
} from "../../src/auth/topic_rules.ts";
import type { Rights } from "../../src/core/rights.ts";

function rules(rights?: Rights, more: Partial<TopicRules> = {}): TopicRules {
  const principal = rights === undefined
    ? EVERYBODY
    : newPrincipal({ name: "a", rights: [rights] });
  return { principal, operation: "consume", internalTopics: [], ...more };
}

Deno.test("checkTopic() passes, topics that do not begin with two underscores", () => {
  for (const topic of ["test", "_test", "a__b", "-__a"]) checkTopic(topic, rules());
});

Deno.test("checkTopic() throws forbidden, topics that begin with two underscores", () => {
  for (const topic of ["__consumer_offsets", "__transaction_state", "__", "___a"]) {
    assert.throws(() => checkTopic(topic, rules(undefined, { internalTopics: ["__other"] })), {
      name: "ProxyError",
      code: "forbidden",
      message: new RegExp(`^Cannot read "${topic}": `),
    });
  }
});

Deno.test("checkTopic() passes, the topic that the settings name", () => {
  checkTopic("__offsets", rules(undefined, { internalTopics: ["__offsets"] }));
});

Deno.test("checkTopic() passes, the operation allowed", () => {
  checkTopic("orders", rules({ consume: ["orders"] }));
  checkTopic("orders", rules({ produce: ["o*"] }, { operation: "produce" }));
});

Deno.test("checkTopic() says that there is no such topic, nothing allowed with it", () => {
  for (const rights of [{}, { consume: ["order"] }, { group: ["orders"], admin: true }]) {
    assert.throws(() => checkTopic("orders", rules(rights)), {
      code: "unknown_topic",
      message: 'Cannot read "orders": there is no such topic',
    });
  }
});

Deno.test("checkTopic() throws forbidden, only the other operation allowed", () => {
  assert.throws(() => checkTopic("orders", rules({ produce: ["orders"] })), {
    code: "forbidden",
    message: 'The credentials have no right to consume "orders"',
  });
});

Deno.test("checkTopic() hides Kafka's own topics from those without a right to them", () => {
  assert.throws(() => checkTopic("__a", rules({ consume: ["b"] })), { code: "unknown_topic" });
});

Deno.test("checkGroup() passes, no group, and one that is allowed", () => {
  const { principal } = rules({ group: ["g1"] });
  checkGroup(undefined, { principal, leasePrefix: "pin." });
  checkGroup("g1", { principal, leasePrefix: "pin." });
});

Deno.test("checkGroup() throws forbidden, a group without a right, and the leases' own", () => {
  const { principal } = rules({ group: ["g1", "pin.*"] });
  for (const group of ["g2", "default", "pin.g"]) {
    assert.throws(() => checkGroup(group, { principal, leasePrefix: "pin." }), {
      code: "forbidden",
    });
  }
});

Deno.test("checkRight() throws forbidden, observing and steering without the right", () => {
  const observer = rules({ observe: true }).principal;
  checkRight(observer, "observe");
  assert.throws(() => checkRight(observer, "admin"), { code: "forbidden" });
  assert.throws(() => checkRight(rules({}).principal, "observe"), { code: "forbidden" });
});

Deno.test("checkEncoding() throws forbidden, an encoding that the rights leave out", () => {
  const { principal } = rules({ encodings: ["text"] });
  checkEncoding("text", principal);
  checkEncoding("base64", EVERYBODY);
  assert.throws(() => checkEncoding("base64", principal), {
    code: "forbidden",
    message: "Cannot give values as base64: the credentials allow text",
  });
});
