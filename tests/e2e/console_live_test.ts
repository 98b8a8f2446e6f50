import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { ConsolePage } from "../support/console_page.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

browserTest("the live view keeps 64 MB of large records, and counts them all", async (browser) => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("large");
  await helper.produce({ topic: "large", count: 100, valueBytes: 1_000_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const view = await ConsolePage.open(browser, proxy.httpUrl, "live?topic=large&start=earliest");
  await view.received(100);
  const kept = await view.text(".figures", /kept 6\d, 6\d\.\d MB/);
  const [, count] = /kept (\d+),/.exec(kept)!;
  const places = await view.places();
  assert.equal(places.length, Number(count));
  assert.deepEqual([places[0], places.at(-1)], [`0:${100 - Number(count)}`, "0:99"]);
  await view.page.getByLabel("Filter").fill("key:nothing of that kind");
  await view.text(".figures", /shown 0kept 6/);
  assert.deepEqual(view.problems, []);
});
