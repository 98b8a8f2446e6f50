import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { ConsolePage } from "../support/console_page.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
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

browserTest("the live view opens records that are out of the ordinary", async (browser) => {
  const { kafka, helper } = await sharedKafka();
  const topic = "odd";
  const configs = {
    "message.timestamp.after.max.ms": "9223372036854775807",
    "max.message.bytes": "4000000",
  };
  await helper.createTopic(topic, { configs });
  const record = (text: string, timestampMs?: number) => ({
    topic,
    partition: 0,
    value: new TextEncoder().encode(text).toBase64(),
    timestampMs,
  });
  await helper.send([
    record("in nanoseconds", 1_795_767_675_577_000_000),
    record("[".repeat(20_000) + "]".repeat(20_000)),
    record("a" + "é".repeat(600_000)), // the cut at 1 MiB halves a character
  ]);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const view = await ConsolePage.open(browser, proxy.httpUrl, `live?topic=${topic}&start=earliest`);
  await view.received(3);
  await view.rows.nth(0).click();
  await view.text(".detail", /time1795767675577000000key/);
  await view.rows.nth(1).click();
  await view.text(".detail pre", /^\[{20000}/);
  await view.rows.nth(2).click();
  await view.text(".detail pre", /^aé+.?\n… 151\.4 kB more$/);
  assert.deepEqual(view.problems, []);
});

browserTest(
  "the live view has no gap and no duplicate, the server killed twice",
  async (browser) => {
    const { kafka, helper } = await sharedKafka();
    await helper.createTopic("killed", { partitions: 2 });
    const args = ["--kafka", kafka.bootstrap];
    let proxy = await ProxyProcess.start({ args });
    const { port } = new URL(proxy.url);
    try {
      const producer = await helper.backgroundProduce({ topic: "killed", ratePerSecond: 300 });
      const view = await ConsolePage.open(
        browser,
        proxy.httpUrl,
        "live?topic=killed&start=earliest",
      );
      for (const count of [/^([3-9]\d\d|\d,\d{3})$/, /^(1,[5-9]\d\d|[2-9],\d{3})$/]) {
        await view.text(".figures b", count);
        await proxy[Symbol.asyncDispose](); // SIGKILL, in the middle of what it sends
        await view.text("#state", /^(offline|connecting)$/);
        proxy = await ProxyProcess.start({ args: [...args, "--port", port] });
        await view.text("#state", /^(live|catching up)$/);
      }
      const { count } = await producer.stop();
      await view.received(count);
      await view.text("#state", /^live$/);
      const places = await view.places();
      assert.equal(places.length, count);
      for (const partition of [0, 1]) {
        const own = places.filter((place) => place.startsWith(`${partition}:`));
        assert.deepEqual(own, own.map((_, i) => `${partition}:${i}`));
      }
      await view.text(".figures", /missing 0$/);
      assert.deepEqual(view.problems, []);
    } finally {
      await proxy[Symbol.asyncDispose]();
    }
  },
);
