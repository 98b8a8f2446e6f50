import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import type { SharedKafka } from "../kafka/shared_kafka.ts";
import { ConsolePage } from "./console_page.ts";
import { ProxyProcess } from "./proxy_process.ts";
import { stepBack } from "./step_back.ts";

/** Records a second. */
export const RATE = 10_000;

/** How long the page is measured. */
export const SECONDS = 30;

/** What the page has measured of itself. */
interface Measured {
  /** Times between two frames, ascending, in ms. */
  readonly frames: readonly number[];
  /** Main-thread tasks over 50 ms, in ms. */
  readonly tasks: readonly number[];
}

/** What became of the live view. */
export interface ConsoleRate extends Measured {
  /** Records that were produced, each of which the page has counted. */
  readonly count: number;
  /** 95 of 100 frames took no longer, in ms. */
  readonly p95: number;
  /** Bytes that the page's scripts hold, garbage not included. */
  readonly heapBefore: number;
  readonly heapAfter: number;
}

const MEASURE = `new Promise((resolve) => {
  const frames = [];
  const tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)))
    .observe({ type: "longtask" });
  const start = performance.now();
  let last = start;
  const frame = (now) => {
    frames.push(now - last);
    last = now;
    if (now - start < ${SECONDS} * 1000) requestAnimationFrame(frame);
    else {
      frames.sort((a, b) => a - b);
      resolve({ frames, tasks });
    }
  };
  requestAnimationFrame(frame);
})`;

/**
 * Measures the live view while 10,000 records a second come for 30 s.
 *
 * @throws when the page has not counted every record, or something went wrong in it
 */
export async function measureConsoleRate(
  browser: Browser,
  { kafka, helper }: SharedKafka,
): Promise<ConsoleRate> {
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
  const heapBefore = await heapBytes(view.page);
  const { frames, tasks } = await view.page.evaluate<Measured>(MEASURE);
  const heapAfter = await heapBytes(view.page);
  const sent = await Promise.all(producers.map((producer) => producer.stop()));
  const count = sent.reduce((sum, each) => sum + each.count, 0);
  await view.received(count);
  assert.deepEqual(view.problems, []);
  const p95 = frames[Math.floor(frames.length * 0.95)];
  return { count, frames, p95, tasks, heapBefore, heapAfter };
}

/** What scripts hold once garbage is collected, buffers included. */
async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize + backingStorageSize;
}

/** The figures in one line. */
export function rateLine(
  { count, frames, p95, tasks, heapBefore, heapAfter }: ConsoleRate,
): string {
  return `${count} records, ${frames.length} frames in ${SECONDS} s, p95 ${p95.toFixed(1)} ms, ` +
    `longest task ${Math.max(0, ...tasks)} ms, heap ${heapBefore >> 20} to ${heapAfter >> 20} MiB`;
}
