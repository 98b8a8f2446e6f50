import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { ConsolePage } from "../support/console_page.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

browserTest("every key the console names does what it says", async (browser) => {
  const { kafka, helper } = await sharedKafka();
  const topic = "keys";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 3 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const view = await ConsolePage.open(browser, proxy.httpUrl, "topics");
  const { page } = view;
  await view.text("main table", /keys/);

  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keys" });
  const named = await dialog.locator("kbd").allTextContents();
  assert.deepEqual(named, ["1", "2", "3", "4", "5", "/", "f", "↑ ↓", "Ctrl Enter", "?"]);
  await page.keyboard.press("2");
  assert.match(page.url(), /#\/topics$/, "the window with the keys has them");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });

  for (const [i, name] of ["Topics", "Live", "Produce", "Sessions", "Charts"].entries()) {
    await page.keyboard.press(`${i + 1}`);
    const current = page.getByRole("navigation").locator("[aria-current=page]");
    await view.text("[aria-current=page]", new RegExp(`^${name}$`));
    assert.equal(await current.count(), 1, name);
    assert.equal(await page.title(), `${name} – kafka-proxy`);
  }

  await view.go(`live?topic=${topic}&start=earliest`);
  await view.received(3);
  const follow = page.getByRole("button", { name: "Follow" });
  for (const isPressed of ["false", "true"]) {
    await page.keyboard.press("f");
    assert.equal(await follow.getAttribute("aria-pressed"), isPressed);
  }
  await page.getByRole("listbox").focus();
  for (const [key, offset] of [["ArrowUp", 2], ["ArrowUp", 1], ["ArrowDown", 2]] as const) {
    await page.keyboard.press(key);
    await view.text(".detail dd", new RegExp(`keys / 0 / ${offset}$`));
  }
  await page.keyboard.press("/");
  await page.keyboard.type("1f2?");
  assert.equal(await page.getByLabel("Filter").inputValue(), "1f2?", "typed, and no keys");
  assert.equal(await dialog.count(), 0);
  assert.match(page.url(), /#\/live/);

  await view.go(`produce?topic=${topic}`);
  await view.text("main option", /./);
  await page.getByRole("textbox", { name: "Value" }).fill("by keys");
  await page.keyboard.press("Control+Enter");
  await view.text("#produced", /^Stored in partition 0 at offset 3$/);
  assert.deepEqual(view.problems, []);
});
