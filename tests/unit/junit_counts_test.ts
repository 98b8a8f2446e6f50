import assert from "node:assert/strict";
import { countsLine, junitCounts, NO_TESTS, sumCounts } from "../support/junit_counts.ts";

/** As Deno 2.9 writes it: one passed, one with steps, one ignored, two failed, one cancelled. */
const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="9" failures="3" errors="1" time="0.010">
    <testsuite name="./a_test.ts" tests="8" disabled="1" errors="1" failures="3">
        <testcase name="a &gt; b" classname="./a_test.ts" time="0.000" line="1" col="6">
        </testcase>
        <testcase name="steps" classname="./a_test.ts" time="0.001" line="1" col="31">
        </testcase>
        <testcase name="ignored" classname="./a_test.ts" time="0.000" line="2" col="6">
            <skipped/>
        </testcase>
        <testcase name="bad &quot;x&quot;" classname="./a_test.ts" time="0.001" line="3" col="6">
            <failure message="Uncaught Error: x">Error: x
&lt;testcase name="in a message"&gt;</failure>
        </testcase>
        <testcase name="steps &gt; one" classname="./a_test.ts" time="0.000" line="1" col="66">
        </testcase>
        <testcase name="bad step" classname="./a_test.ts" time="0.001" line="1" col="6">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="bad step &gt; two" classname="./a_test.ts" time="0.001" line="1" col="72">
            <failure message="Uncaught Error: y">Error: y</failure>
        </testcase>
        <testcase name="slow" classname="./a_test.ts" time="0.000" line="3" col="6">
            <error message="Cancelled"/>
        </testcase>
    </testsuite>
    <testsuite name="./b_test.ts" tests="1" disabled="0" errors="0" failures="0">
        <testcase name="steps &gt; one" classname="./b_test.ts" time="0.000" line="1" col="66">
        </testcase>
    </testsuite>
</testsuites>`;

Deno.test("junitCounts() counts tests and not their steps", () => {
  assert.deepEqual(junitCounts(REPORT), {
    passed: 3, // "a > b", "steps", and b_test.ts's "steps > one", which has no parent there
    failed: 3,
    skipped: 1,
    failures: ['bad "x" (./a_test.ts)', "bad step (./a_test.ts)", "slow (./a_test.ts)"],
  });
});

Deno.test("junitCounts() finds nothing in an empty report", () => {
  assert.deepEqual(junitCounts(""), NO_TESTS);
});

Deno.test("sumCounts() and countsLine() give the closing line", () => {
  const counts = junitCounts(REPORT);
  const twice = sumCounts([counts, NO_TESTS, counts]);
  assert.equal(countsLine(twice), "6 passed, 6 failed, 2 skipped");
  assert.equal(twice.failures.length, 6);
  assert.equal(countsLine({ ...NO_TESTS, passed: 1 }), "1 passed, 0 failed");
});
