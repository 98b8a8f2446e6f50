import assert from "node:assert/strict";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";

const FILE = new URL("../../samples/browser.html", import.meta.url);
const HTML = Deno.readTextFileSync(FILE);

/** Screenshots are left here when the variable is set. */
const SCREENSHOTS = Deno.env.get("KAFKA_PROXY_TEST_SCREENSHOTS");

const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true };

const sharedKafka = shareKafka();

/** A proxy that serves the page at `/sample`, as the demo does. */
async function serve(options: { wsPort?: number } = {}): Promise<TestProxy> {
  const { kafka } = await sharedKafka();
  const fetch = (request: Request) =>
    new URL(request.url).pathname === "/sample"
      ? new Response(HTML, { headers: { "content-type": "text/html; charset=utf-8" } })
      : undefined;
  return await startProxy({ kafka: kafka.bootstrap, hooks: { fetch }, ...options });
}

async function topicOf(topic: string, count: number): Promise<void> {
  const { helper } = await sharedKafka();
  await helper.createTopic(topic);
  if (count > 0) await helper.produce({ topic, count, valueBytes: 30 });
}

/** Opens the page; what goes wrong in it is a failure. */
async function open(page: Page, proxy: TestProxy, query: string): Promise<string[]> {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`${error}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(proxy.httpUrl).origin) {
      if (!request.url().startsWith("data:")) problems.push(`It asks for ${request.url()}`);
    }
  });
  await page.goto(`${proxy.httpUrl}sample${query}`);
  return problems;
}

async function state(page: Page, pattern: RegExp): Promise<void> {
  const shown = () => page.locator("#state").textContent();
  await eventually(`the state ${pattern}`, async () => pattern.test(await shown() ?? ""))
    .catch(async (error) => {
      throw new Error(`${error.message}; it is ${await shown()}`);
    });
}

async function total(page: Page, count: number): Promise<void> {
  const wanted = count.toLocaleString("en-US");
  await eventually(
    `${wanted} records in all`,
    async () => await page.locator("#total").textContent() === wanted,
  );
}

browserTest(
  "browser.html shows records as they come, on a phone, light and dark",
  async (browser) => {
    const { helper } = await sharedKafka();
    await topicOf("live", 3);
    await using proxy = await serve();
    const page = await browser.newPage({ ...PHONE, locale: "en-US" });
    const problems = await open(page, proxy, "?topic=live&consumerGroup=&offset=earliest");
    await state(page, /^Connected: topic live$/);
    const items = page.locator("#records li");
    await total(page, 3);
    assert.equal(await items.count(), 3);

    await helper.send([`{"a":"<b>no markup</b>"}`, null, "drei Äpfel 🍏"].map((value) => ({
      topic: "live",
      partition: 0,
      value: value === null ? null : new TextEncoder().encode(value).toBase64(),
    })));
    await total(page, 6);
    const texts = await items.allTextContents();
    assert.deepEqual(texts.slice(0, 4).map((text) => text.trim()), [
      "5drei Äpfel 🍏",
      "4null (a tombstone)",
      '3{"a":"<b>no markup</b>"}',
      `2${"2".padEnd(30, "x")}`,
    ]);
    assert.equal(await page.locator("#last").textContent(), "5");

    const colors = new Set<string>();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      // As text, since its names are the page's and not Deno's.
      const { background, width } = await page.evaluate<{ background: string; width: number }>(`({
      background: getComputedStyle(document.body).backgroundColor,
      width: document.documentElement.scrollWidth,
    })`);
      colors.add(background);
      assert.ok(width <= 390, `it is ${width} pixels wide`);
      await screenshot(page, `phone-${colorScheme}`);
    }
    assert.equal(colors.size, 2, "light and dark differ");
    assert.deepEqual(problems, []);
  },
);

browserTest(
  "browser.html keeps up with 200,000 records, a bounded list and a pause",
  async (browser) => {
    const { helper } = await sharedKafka();
    await topicOf("many", 200_000);
    await using proxy = await serve();
    const page = await browser.newPage({ locale: "en-US", viewport: { width: 1100, height: 700 } });
    const problems = await open(page, proxy, "?topic=many&offset=0");
    await total(page, 200_000);
    const items = page.locator("#records li");
    await eventually(
      "the last record to be shown",
      async () => (await items.first().textContent())?.startsWith("199999"),
    );
    assert.equal(await items.count(), 200);
    const rates = page.locator("#rate");
    await eventually("the rate to be 0 again", async () => await rates.textContent() === "0");

    await page.getByRole("button", { name: "Pause the list" }).click();
    await helper.produce({ topic: "many", count: 300, startNumber: 200_000 });
    await total(page, 200_300);
    assert.match(await items.first().textContent() ?? "", /^199999/, "the list stands still");
    await page.getByRole("button", { name: "Go on with the list" }).click();
    await eventually(
      "the list to go on",
      async () => (await items.first().textContent())?.startsWith("200299"),
    );
    assert.equal(await items.count(), 200);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await screenshot(page, `desktop-${colorScheme}`);
    }
    assert.deepEqual(problems, []);
  },
);

browserTest(
  "browser.html shows a takeover's close code and reason, and stays away",
  async (browser) => {
    await topicOf("taken", 1);
    await using proxy = await serve();
    const page = await browser.newPage();
    await open(page, proxy, "?topic=taken&consumerGroup=g1&offset=earliest");
    await state(page, /^Connected/);
    const newer = await proxy.connect({ topic: "taken", consumerGroup: "g1" });
    await state(page, /^Closed with 4409, a newer client has taken over: taken over: .*"g1"\.$/);
    await screenshot(page, "closed");
    await page.waitForTimeout(1_500);
    assert.equal(newer.closeInfo, undefined, "the page has not come back");

    await page.getByRole("button", { name: "Connect" }).click();
    await state(page, /^Connected/);
    assert.equal((await newer.untilClosed()).code, 4409, "until somebody asks for it");
  },
);

browserTest(
  "browser.html comes back where it was, when the proxy is restarted",
  async (browser) => {
    const { helper } = await sharedKafka();
    await topicOf("restarted", 2);
    const page = await browser.newPage({ locale: "en-US" });
    let wsPort: number;
    {
      await using proxy = await serve();
      wsPort = Number(new URL(proxy.url).port);
      await open(page, proxy, "?topic=restarted&consumerGroup=&offset=earliest");
      await total(page, 2);
    }
    await state(page, /Coming back in \d+ s\.$/);
    await helper.produce({ topic: "restarted", count: 2, startNumber: 2 });
    await using _ = await serve({ wsPort });
    await total(page, 4);
    const places = await page.locator("#records li b").allTextContents();
    assert.deepEqual(places, ["3", "2", "1", "0"]);
  },
);

browserTest(
  "browser.html says that it was refused, and connects from its form",
  async (browser) => {
    await topicOf("form", 1);
    await using proxy = await serve();
    const page = await browser.newPage({ locale: "en-US" });
    await open(page, proxy, "?topic=nope&consumerGroup=");
    await state(page, /^Refused \(1006\), and browsers do not say why: does the topic exist/);
    await page.getByLabel("Topic").fill("form");
    await page.getByLabel("Offset").fill("earliest");
    await page.getByRole("button", { name: "Connect" }).click();
    await total(page, 1);
    assert.match(page.url(), /\?topic=form&consumerGroup=&offset=earliest$/);
    await page.getByRole("button", { name: "Disconnect" }).click();
    await state(page, /^Disconnected$/);
  },
);

Deno.test("browser.html is one file, without inline handlers", () => {
  assert.doesNotMatch(HTML, /\son[a-z]+\s*=\s*["']/i, "event attributes");
  assert.doesNotMatch(HTML, /\b(src|href)\s*=\s*["'](?!data:,)/i, "other files");
  assert.doesNotMatch(HTML, /@import|url\(|\bimport\b[^;]*["']/, "other files");
});

async function screenshot(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}
