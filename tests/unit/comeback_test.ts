import assert from "node:assert/strict";
import { comebackAfter, pauseMs } from "../../src/client/comeback.ts";
import { PASSING_CODES } from "../../src/client/live_subscription.ts";
import { ERROR_TABLE } from "../../src/core/error_table.ts";
import { repositoryText, section, tableRows } from "../support/markdown.ts";

const PROTOCOL = await repositoryText("docs/PROTOCOL.md");

Deno.test("comebackAfter() does what docs/PROTOCOL.md says at every close code", () => {
  const [, ...rows] = tableRows(section(PROTOCOL, "## Close codes"));
  assert.ok(rows.length > 8);
  for (const [codes, , comeBack] of rows) {
    for (const code of codes.match(/\d{4}/g) ?? []) {
      // 4401 is "no" to a client that has no other credentials; this one asks for some, once.
      if (code === "4401") continue;
      const isFinal = /^\*{0,2}no\b/.test(comeBack);
      assert.equal(comebackAfter(Number(code)) === "stop", isFinal, `${code}: ${comeBack}`);
    }
  }
  assert.equal(comebackAfter(4401), "renew");
  assert.equal(comebackAfter(1012), "restart");
  assert.equal(comebackAfter(4999), "back_off", "a code it does not know");
});

Deno.test("PASSING_CODES are the errors of the table that may pass, and are no limit's", () => {
  for (const code of PASSING_CODES) {
    assert.equal(ERROR_TABLE[code as keyof typeof ERROR_TABLE]?.retriable, true, code);
  }
});

Deno.test("pauseMs() grows to its limit, half of it at random", () => {
  const pauses = { firstMs: 100, mostMs: 1_000, restartMs: 5_000 };
  const least = [0, 1, 2, 3, 4, 50].map((failures) =>
    pauseMs("back_off", failures, pauses, () => 0)
  );
  const most = [0, 1, 2, 3, 4, 50].map((failures) =>
    pauseMs("back_off", failures, pauses, () => 1)
  );
  assert.deepEqual(least, [50, 100, 200, 400, 500, 500]);
  assert.deepEqual(most, [100, 200, 400, 800, 1_000, 1_000]);
});

Deno.test("pauseMs() spreads planned closes over their time, and renews at once", () => {
  const pauses = { firstMs: 100, mostMs: 1_000, restartMs: 5_000 };
  assert.equal(pauseMs("restart", 0, pauses, () => 0.5), 2_500);
  assert.equal(pauseMs("scatter", 0, pauses, () => 0.5), 200);
  assert.equal(pauseMs("renew", 0, pauses, () => 0.5), 0);
  assert.equal(pauseMs("restart", 2, pauses, () => 1), 400, "failures count more");
});
