import assert from "node:assert/strict";
import { parseV1Fields } from "../../src/protocol/v1_fields.ts";

Deno.test("parseV1Fields() adds message and offset, fields without them", () => {
  assert.deepEqual(parseV1Fields("key"), ["message", "offset", "key"]);
});

Deno.test("parseV1Fields() gives one order, any order asked", () => {
  assert.deepEqual(parseV1Fields("headers,timestamp,offset,partition,key,message"), [
    "message",
    "offset",
    "key",
    "partition",
    "timestamp",
    "headers",
  ]);
});

Deno.test("parseV1Fields() gives undefined, empty, unknown or repeated fields", () => {
  for (
    const text of ["", ",", "key,", "value", "Key", "key,key", "key, headers", "key,constructor"]
  ) {
    assert.equal(parseV1Fields(text), undefined, text);
  }
});
