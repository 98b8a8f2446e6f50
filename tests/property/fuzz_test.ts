import assert from "node:assert/strict";
import { fuzz } from "../fuzz/fuzz.ts";
import { type FuzzTarget, TARGETS } from "../fuzz/targets.ts";

/** What one target may take of the suite, in executions; `deno task test:fuzz` goes on for minutes. */
const EXECUTIONS = 400;

for (const target of TARGETS) {
  Deno.test(`fuzz: ${target.name}: the corpus and some changes of it give clean errors only`, async () => {
    const { findings, accepted, executions } = await fuzz(target, 7, (done) => done >= EXECUTIONS);
    assert.deepEqual(findings.map(({ why }) => why), []);
    assert.ok(accepted > 0, "some of the inputs are good");
    assert.ok(executions >= EXECUTIONS);
  });
}

Deno.test("fuzz() finds an error that is none of the target's, and an input that takes long", async () => {
  const broken: FuzzTarget = {
    name: "broken",
    seeds: [new Uint8Array([1, 2, 3, 4])],
    words: [],
    run: (input) => {
      if (input.includes(255)) throw new RangeError("planted");
      if (input[0] === 1 && input.length === 4) return;
      const isSlow = input.length === 2 && input[0] === 1;
      for (const endMs = performance.now() + 550; performance.now() < endMs && isSlow;);
    },
    errors: [TypeError],
  };
  const { findings } = await fuzz(broken, 1, (done) => done >= 120);
  assert.ok(findings.some(({ why }) => why === "RangeError: planted"));
  assert.ok(findings.some(({ why }) => why.startsWith("took ")));
});
