import assert from "node:assert/strict";
import {
  ALL_RIGHTS,
  allowedBy,
  joinedRights,
  limitsOf,
  RIGHTS_SCHEMA,
} from "../../src/core/rights.ts";

Deno.test("allowedBy() allows names, beginnings of names and every name, and nothing else", () => {
  const may = allowedBy({ consume: ["orders", "log.*", "__offsets"], produce: ["*"] });
  const allowed = ["orders", "log.", "log.a.b", "__offsets"];
  const refused = ["order", "orders2", "log", "xlog.a", "Orders", "", "log.*".slice(0, 3)];
  for (const topic of allowed) assert.ok(may("consume", topic), topic);
  for (const topic of refused) assert.ok(!may("consume", topic), topic);
  assert.ok(may("produce", "anything"));
  assert.ok(!may("group", "orders"));
});

Deno.test("allowedBy() allows nothing without a name, of what needs one", () => {
  for (const operation of ["consume", "produce", "group"] as const) {
    assert.ok(!allowedBy(ALL_RIGHTS)(operation));
  }
});

Deno.test("allowedBy() lets those who steer observe, not the other way round", () => {
  assert.ok(allowedBy({ admin: true })("observe"));
  assert.ok(!allowedBy({ observe: true })("admin"));
  assert.ok(!allowedBy({})("observe"));
});

Deno.test("joinedRights() has the rights of all and the tightest limits", () => {
  const joined = joinedRights([
    { consume: ["a"], rate: 10, encodings: ["text", "json"] },
    { consume: ["a", "b*"], group: ["g"], rate: 5, maxSockets: 3, encodings: ["json"] },
    { observe: true, admin: false },
  ]);
  assert.deepEqual(joined, {
    consume: ["a", "b*"],
    group: ["g"],
    observe: true,
    rate: 5,
    maxSockets: 3,
    encodings: ["json"],
  });
  assert.deepEqual(joinedRights([]), {});
});

Deno.test("limitsOf() is undefined without a limit", () => {
  assert.equal(limitsOf([ALL_RIGHTS, {}]), undefined);
  assert.deepEqual(limitsOf([{ rate: 3 }, { maxSockets: 2 }]), { recordsPerSecond: 3, sockets: 2 });
});

for (
  const rights of [
    { consume: "a" },
    { consume: ["a*b"] },
    { consume: ["a b"] },
    { consume: [""] },
    { comsume: ["a"] },
    { observe: "yes" },
    { rate: 0 },
    { encodings: [] },
    [],
    null,
  ]
) {
  Deno.test(`RIGHTS_SCHEMA refuses ${JSON.stringify(rights)}`, () => {
    assert.equal(RIGHTS_SCHEMA.safeParse(rights).success, false);
  });
}
