import assert from "node:assert/strict";
import { didYouMean, nearestName } from "../../src/config/suggest.ts";
import { editDistance } from "../../src/core/edit_distance.ts";

const FLAGS = ["--kafka", "--port", "--host", "--auth", "--auth-file", "--max-bytes", "--rate"];

Deno.test("editDistance() counts insertions, deletions, replacements and swaps as one each", () => {
  const cases: [string, string, number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["port", "port", 0],
    ["prt", "port", 1],
    ["poort", "port", 1],
    ["pert", "port", 1],
    ["prot", "port", 1],
    ["kitten", "sitting", 3],
  ];
  for (const [one, other, distance] of cases) {
    assert.equal(editDistance(one, other), distance, `${one} -> ${other}`);
    assert.equal(editDistance(other, one), distance, `${other} -> ${one}`);
  }
});

Deno.test("editDistance() looks at 64 units only, very long texts", () => {
  assert.equal(editDistance("a".repeat(100_000), "a".repeat(70_000)), 0);
});

Deno.test("nearestName() finds the name meant, one slip", () => {
  const cases: [string, string][] = [
    ["--prot", "--port"],
    ["--kafak", "--kafka"],
    ["--ws-port", "--port"],
    ["--auth-fil", "--auth-file"],
  ];
  for (const [wrong, meant] of cases) assert.equal(nearestName(wrong, FLAGS), meant);
});

Deno.test("nearestName() does not count case, dashes and underscores", () => {
  assert.equal(nearestName("--maxBytes", FLAGS), "--max-bytes");
  assert.equal(nearestName("--MAX_BYTES", FLAGS), "--max-bytes");
});

Deno.test("nearestName() is undefined, nothing near", () => {
  assert.equal(nearestName("--completely-different", FLAGS), undefined);
  assert.equal(nearestName("--x", FLAGS), undefined);
  assert.equal(nearestName("--port", []), undefined);
});

Deno.test("didYouMean() is ready for the end of a message", () => {
  assert.equal(didYouMean("--prot", FLAGS), " (did you mean --port?)");
  assert.equal(didYouMean("--completely-different", FLAGS), "");
});
