import assert from "node:assert/strict";
import { nearName } from "../../src/protocol/near_name.ts";

const KNOWN = ["topic", "consumerGroup", "offset", "partition", "maxBytes", "rate", "encoding"];

for (
  const [name, wanted] of [
    ["Topic", "topic"],
    ["topics", "topic"],
    ["tpoic", "topic"],
    ["consumergroup", "consumerGroup"],
    ["consumer_group", "consumerGroup"],
    ["consumer-group", "consumerGroup"],
    ["comsumerGruop", "consumerGroup"],
    ["group", "consumerGroup"],
    ["groupId", "consumerGroup"],
    ["group.id", "consumerGroup"],
    ["ofset", "offset"],
    ["offsett", "offset"],
    ["from", "offset"],
    ["partitions", "partition"],
    ["max_bytes", "maxBytes"],
  ]
) {
  Deno.test(`nearName() gives ${wanted}, ${name}`, () => {
    assert.equal(nearName(name, KNOWN), wanted);
  });
}

for (
  const name of [
    ...[
      "",
      "_",
      "t",
      "closeCodes",
      "access_token",
      "ticket",
      "token",
      "auth",
      "date",
      "type",
      "tag",
    ],
    ...["position", "ratio", "clientId", "limit", "t".repeat(100_000)],
  ]
) {
  Deno.test(`nearName() gives undefined, ${JSON.stringify(name.slice(0, 20))}`, () => {
    assert.equal(nearName(name, KNOWN), undefined);
  });
}
