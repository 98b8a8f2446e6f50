import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { measureConsoleRate, RATE, rateLine, SECONDS } from "../support/console_rate.ts";

const sharedKafka = shareKafka();

// Frames and tasks are measured and told; their limits are in tests/long/console_rate_test.ts.
browserTest(
  "the live view counts 10,000 records a second for 30 s, and its heap does not grow",
  async (browser) => {
    const measured = await measureConsoleRate(browser, await sharedKafka());
    console.log(rateLine(measured));
    const { count, heapBefore, heapAfter } = measured;
    assert.ok(count > RATE * SECONDS * 0.9, `${count} records were produced`);
    assert.ok(heapAfter - heapBefore < 32 << 20, `the heap has grown to ${heapAfter}`);
  },
);
