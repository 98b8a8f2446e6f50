import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { ConsolePage } from "../support/console_page.ts";
import { note } from "../support/note.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { stepBack } from "../support/step_back.ts";

const RATE = 10_000;
const SECONDS = 30;

const sharedKafka = shareKafka();

/** What the page has measured of itself. */
interface Measured {
  /** Times between two frames, ascending, in ms. */
  readonly frames: readonly number[];
  /** Main-thread tasks over 50 ms. */
  readonly tasks: readonly number[];
  readonly heapBefore: number;
  readonly heapAfter: number;
}

const MEASURE = `new Promise((resolve) => {
  const frames = [];
  const tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)))
    .observe({ type: "longtask" });
  const start = performance.now();
  const heapBefore = performance.memory.usedJSHeapSize;
  let last = start;
  const frame = (now) => {
    frames.push(now - last);
    last = now;
    if (now - start < ${SECONDS} * 1000) requestAnimationFrame(frame);
    else {
      frames.sort((a, b) => a - b);
      resolve({ frames, tasks, heapBefore, heapAfter: performance.memory.usedJSHeapSize });
    }
  };
  requestAnimationFrame(frame);
})`;

browserTest("the live view is smooth at 10,000 records a second for 30 s", async (browser) => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("rate", { partitions: 3 });
  await using proxy = await ProxyProcess.start({ args: ["--kafka", kafka.bootstrap] });
  // The page is what is measured; nobody has a broker on the machine with the screen.
  for (const { pid } of [kafka.node(1), helper, proxy]) stepBack(pid!);
  const view = await ConsolePage.open(browser, proxy.httpUrl, "live?topic=rate&start=latest");
  await view.text("#state", /^live$/);
  const producers = await Promise.all([0, 1, 2].map((partition) =>
    helper.backgroundProduce({
      topic: "rate",
      partition,
      valueBytes: 200,
      ratePerSecond: RATE / 3,
      startNumber: 0,
    })
  ));
  await view.text(".figures", /[1-9],\d{3} a second/);
  const { frames, tasks, heapBefore, heapAfter } = await view.page.evaluate<Measured>(MEASURE);
  const sent = await Promise.all(producers.map((producer) => producer.stop()));
  const count = sent.reduce((sum, each) => sum + each.count, 0);
  await view.received(count);
  const p95 = frames[Math.floor(frames.length * 0.95)];
  note(
    `${count} records, ${frames.length} frames, p95 ${p95.toFixed(1)} ms, longest task ` +
      `${Math.max(0, ...tasks)} ms, heap ${heapBefore >> 20} to ${heapAfter >> 20} MiB`,
  );
  assert.ok(count > RATE * SECONDS * 0.9, `${count} records were produced`);
  // Two frames of a display with 60 Hz, as a browser measures them.
  assert.ok(p95 <= 34, `p95 of frames is ${p95} ms`);
  assert.deepEqual(tasks.filter((each) => each > 100), [], "tasks over 100 ms");
  assert.ok(heapAfter - heapBefore < 32 << 20, `the heap has grown to ${heapAfter}`);
  assert.deepEqual(view.problems, []);
});
