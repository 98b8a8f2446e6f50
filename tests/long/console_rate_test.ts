import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { measureConsoleRate, RATE, rateLine, SECONDS } from "../support/console_rate.ts";

const sharedKafka = shareKafka();

browserTest("the live view is smooth at 10,000 records a second for 30 s", async (browser) => {
  const measured = await measureConsoleRate(browser, await sharedKafka());
  console.log(rateLine(measured));
  const { count, p95, tasks } = measured;
  assert.ok(count > RATE * SECONDS * 0.9, `${count} records were produced`);
  // Two frames of a display with 60 Hz, as a browser measures them.
  assert.ok(p95 <= 34, `p95 of frames is ${p95} ms`);
  assert.deepEqual(tasks.filter((each) => each > 100), [], "tasks over 100 ms");
});
