import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { seriousViolations } from "../support/axe.ts";
import { browserTest } from "../support/chromium.ts";
import { ConsolePage } from "../support/console_page.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

const VIEWS = ["topics", "live", "produce", "sessions", "charts"];

const UTF8 = new TextEncoder();

async function topicOf(topic: string, values: readonly (string | null)[]): Promise<void> {
  const { helper } = await sharedKafka();
  await helper.createTopic(topic);
  await helper.send(values.map((value, i) => ({
    topic,
    partition: 0,
    key: UTF8.encode(`key ${i}`).toBase64(),
    value: value === null ? null : UTF8.encode(value).toBase64(),
    headers: [["trace", UTF8.encode(`t${i}`).toBase64()]] as const,
  })));
}

async function serve(options: { auth?: string; console?: "on" | "off" } = {}) {
  const { kafka } = await sharedKafka();
  return await startProxy({ kafka: kafka.bootstrap, ...options });
}

browserTest(
  "the console shows every view, and axe finds nothing serious in any",
  async (browser) => {
    await topicOf("views", ['{"a":1}', "text", null]);
    await using proxy = await serve();
    await using reader = await proxy.read({ topic: "views" });
    await reader.until(3);
    for (const colorScheme of ["light", "dark"] as const) {
      const view = await ConsolePage.open(browser, proxy.httpUrl, "topics", { colorScheme });
      const { page } = view;
      await view.text("main table", /views/);
      assert.equal(await page.getByRole("navigation").getByRole("link").count(), VIEWS.length);
      for (const name of VIEWS) {
        await view.go(name === "live" ? "live?topic=views&start=earliest" : name);
        await page.getByRole("heading", { level: 2 }).waitFor();
        if (name === "topics") {
          await page.getByRole("button", { name: "views" }).click();
          await view.text("h3", /^Partitions of views$/);
        }
        if (name === "live") {
          await view.received(3);
          await view.rows.first().click();
          await view.text(".tree", /a: 1/);
        }
        if (name === "sessions") await view.text("main table", /loopback|anonymous/);
        if (name === "charts") await view.text("figcaption b", /^\d/);
        assert.deepEqual(await seriousViolations(page), [], `${name}, ${colorScheme}`);
        await view.picture(`${name}-${colorScheme}`);
      }
      assert.deepEqual(view.problems, []);
      await page.close();
    }
  },
);

browserTest("the console fits a phone, in every view", async (browser) => {
  await topicOf("phone", ["a long value ".repeat(50)]);
  await using proxy = await serve();
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
  const view = await ConsolePage.open(browser, proxy.httpUrl, "topics", phone);
  for (const name of VIEWS) {
    await view.go(name === "live" ? "live?topic=phone&start=earliest" : name);
    await view.page.getByRole("heading", { level: 2 }).waitFor();
    if (name === "live") await view.received(1);
    const width = await view.page.evaluate<number>("document.documentElement.scrollWidth");
    assert.ok(width <= 390, `${name} is ${width} pixels wide`);
    assert.deepEqual(await seriousViolations(view.page), [], name);
    await view.picture(`phone-${name}`);
  }
  assert.deepEqual(view.problems, []);
});

browserTest("the live view filters, keeps 64 bits, copies, and pauses", async (browser) => {
  const large = '{"id":9223372036854775807,"n":1.0,"list":[1,2,{"deep":true}]}';
  await topicOf("contents", [large, "needle in hay", null, "<b>no markup</b>"]);
  await using proxy = await serve();
  const view = await ConsolePage.open(
    browser,
    proxy.httpUrl,
    "live?topic=contents&start=earliest",
    {
      permissions: ["clipboard-read", "clipboard-write"],
    },
  );
  const { page } = view;
  await view.received(4);
  const { rows } = view;
  assert.match(await rows.nth(3).textContent() ?? "", /<b>no markup<\/b>$/);
  assert.match(await rows.nth(2).textContent() ?? "", /null \(a tombstone\)$/);

  await rows.first().click();
  assert.match(await view.text(".tree", /id/), /id: 9223372036854775807/);
  await page.getByRole("tab", { name: "JSON" }).click();
  assert.match(await view.text("pre", /n/), /"id": 9223372036854775807,\s+"n": 1\.0/);
  await page.getByRole("tab", { name: "Hex" }).click();
  await view.text("pre", /^000000 {2}7b 22 69 64/);
  const copied = async (name: string) => {
    await page.getByRole("button", { name: `Copy ${name}` }).click();
    await view.text(".detail [role=status]", new RegExp(name));
    return await page.evaluate<string>("navigator.clipboard.readText()");
  };
  const json = JSON.parse(await copied("JSON"));
  assert.deepEqual({ ...json, timestamp: 0 }, {
    topic: "contents",
    partition: 0,
    offset: "0",
    timestamp: 0,
    key: "key 0",
    value: large,
    headers: [["trace", "t0"]],
  });
  assert.match(await copied("wscat"), /topic=contents&consumerGroup=&partition=0&offset=0'$/);
  assert.equal(await copied("kcat"), `kcat -C -b "$KAFKA" -t 'contents' -p 0 -o 0 -c 1`);

  for (
    const [filter, place] of [
      ["NEEDLE", "0:1"],
      ["key:key 2", "0:2"],
      ["header:t3", "0:3"],
      ["value:9223372036854775807", "0:0"],
    ]
  ) {
    await page.getByLabel("Filter").fill(filter);
    await eventually(`${filter} to leave ${place}`, async () => {
      const places = await rows.locator(".place").allTextContents();
      return places.length === 1 && places[0] === place;
    });
  }
  await page.getByLabel("Filter").fill("");
  await eventually("all again", async () => await rows.count() === 4);
  await page.getByRole("listbox").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await view.text(".detail dd", /contents \/ 0 \/ 1/);
  assert.deepEqual(view.problems, []);
});

browserTest("the live view starts where it is told", async (browser) => {
  const { helper } = await sharedKafka();
  await helper.createTopic("starts");
  await helper.produce({ topic: "starts", count: 100 });
  await using proxy = await serve();
  const view = await ConsolePage.open(browser, proxy.httpUrl, "live?topic=starts&start=last&at=3");
  await view.received(3);
  const place = view.page.getByLabel("Number or time");
  assert.equal(await place.isVisible(), true);
  assert.deepEqual(await view.places(), ["0:97", "0:98", "0:99"]);
  await view.go("live?topic=starts&start=offset&at=98");
  await view.received(2);
  await view.go("live?topic=starts&start=latest");
  await eventually("no place to be asked for", async () => !await place.isVisible());
  await view.text("#state", /^live$/);
  await view.received(0);
  await view.go("live?topic=starts&start=time&at=1000");
  await view.received(100);
});

browserTest("the console produces a record, and its offset appears", async (browser) => {
  const { helper } = await sharedKafka();
  await helper.createTopic("produced", { partitions: 2 });
  await using proxy = await serve();
  const view = await ConsolePage.open(browser, proxy.httpUrl, "produce?topic=produced");
  const { page } = view;
  await page.getByLabel("Partition").selectOption("1");
  await page.getByRole("textbox", { name: "Key" }).fill("k");
  await page.getByRole("textbox", { name: "Value" }).fill("from a page 🍏");
  await page.getByRole("button", { name: "Add a header" }).click();
  await page.getByLabel("Header name").fill("h");
  await page.getByLabel("Header value").fill("x");
  await page.getByRole("button", { name: "Produce" }).click();
  await view.text("#produced", /^Stored in partition 1 at offset 0$/);
  await page.getByLabel("null: a tombstone").check();
  await page.keyboard.press("Control+Enter");
  await view.text("#produced", /^Stored in partition 1 at offset 1$/);
  const [record, tombstone] = await helper.read({ topic: "produced", partition: 1 });
  const text = (base64: string | null) =>
    base64 && new TextDecoder().decode(Uint8Array.fromBase64(base64));
  assert.deepEqual([text(record.key), text(record.value)], ["k", "from a page 🍏"]);
  assert.deepEqual(record.headers.map(([name, value]) => [name, text(value)]), [["h", "x"]]);
  assert.equal(tombstone.value, null);
  await page.getByRole("link", { name: "offset 0" }).click();
  await view.received(2);
  assert.deepEqual(view.problems, []);
});

browserTest("the sessions view disconnects a client", async (browser) => {
  await topicOf("disconnected", ["x"]);
  await using proxy = await serve();
  await using reader = await proxy.read({ topic: "disconnected" });
  await reader.until(1);
  const view = await ConsolePage.open(browser, proxy.httpUrl, "sessions");
  const row = view.page.getByRole("row").filter({ hasText: "disconnected" });
  await row.getByRole("button", { name: /^Disconnect/ }).click();
  assert.equal((await reader.untilClosed()).code, 1008);
  await eventually("the row to be gone", async () => await row.count() === 0);
});

browserTest(
  "the console asks who one is, and shows what the server then allows",
  async (browser) => {
    await topicOf("signed", ["x"]);
    await using proxy = await serve({ auth: "thisisapassword" });
    const view = await ConsolePage.open(browser, proxy.httpUrl, "topics");
    const { page } = view;
    await view.text("h2", /^Sign in$/);
    assert.equal(await page.getByRole("navigation").getByRole("link").count(), 0);
    assert.deepEqual(await seriousViolations(page), []);
    await view.picture("sign-in");
    await page.getByLabel("With").selectOption("secret");
    assert.equal(await page.getByLabel("Name", { exact: true }).isVisible(), false);
    await page.getByLabel("Password, secret or token").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await view.text("[role=alert]", /^These credentials are refused$/);
    await page.getByLabel("Password, secret or token").fill("thisisapassword");
    await page.getByRole("button", { name: "Sign in" }).click();
    await view.text("main table", /signed/);
    await page.getByRole("button", { name: "Sign out" }).click();
    await view.text("h2", /^Sign in$/);
    assert.deepEqual(view.problems, []);
  },
);

Deno.test("the console is not there when it is switched off", async () => {
  await using proxy = await serve({ console: "off" });
  const page = await fetch(proxy.httpUrl, { headers: { accept: "text/html" } });
  assert.equal(page.status, 426);
  await page.body?.cancel();
  const script = await fetch(`${proxy.httpUrl}client.js`);
  assert.equal(script.status, 200, "the library is");
  await script.body?.cancel();
});
