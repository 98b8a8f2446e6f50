import assert from "node:assert/strict";
import { least } from "../../src/core/least.ts";

Deno.test("least() gives the narrower limit, or the one there is", () => {
  assert.equal(least(3, 5), 3);
  assert.equal(least(5, 0), 0);
  assert.equal(least(undefined, 5), 5);
  assert.equal(least(3, undefined), 3);
  assert.equal(least(undefined, undefined), undefined);
});
