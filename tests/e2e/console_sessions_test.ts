import assert from "node:assert/strict";
import type { ApiSession, ApiSessions } from "../../src/core/api.ts";
import { bytes, digits } from "../../src/console/page/dom.js";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { ConsolePage } from "../support/console_page.ts";
import { eventually } from "../support/eventually.ts";
import { cheapHash } from "../support/signed_tokens.ts";
import { StuckPeer } from "../support/stuck_peer.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

browserTest(
  "the sessions view says whose groups it shows, and shows no others",
  async (browser) => {
    const { kafka, helper } = await sharedKafka();
    const topic = "of-groups";
    await helper.createTopic(topic, { partitions: 2 });
    await helper.produce({ topic, partition: 0, count: 10 });
    await helper.setGroupOffset("elsewhere", { topic, partition: 1, offset: 0 });
    await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
    await using client = await proxy.connect({ topic, consumerGroup: "through-us", partition: 0 });
    await client.until(10);
    const view = await ConsolePage.open(browser, proxy.httpUrl, "sessions");
    const table = view.page.getByRole("table", { name: "Groups read through this process" });
    await eventually("the committed position", async () => {
      const [row] = await table.locator("tbody tr").allTextContents();
      return row === `through-uspinned10${topic}/0: 10 of 10`;
    });
    await view.text("main", /Kafka has others: .* are not shown/);
    assert.doesNotMatch(await view.page.locator("main").textContent() ?? "", /elsewhere/);
    assert.deepEqual(view.problems, []);
  },
);

/** The one session that reads a topic, as the server says it. */
async function sessionOf(proxy: TestProxy, topic: string): Promise<ApiSession | undefined> {
  const answer = await fetch(`${proxy.httpUrl}api/sessions`);
  const { sessions }: ApiSessions = await answer.json();
  return sessions.find(({ subscriptions }) =>
    subscriptions.some(({ positions }) => positions.some((each) => each.topic === topic))
  );
}

browserTest("the sessions view shows where everybody stands", async (browser) => {
  const { kafka, helper } = await sharedKafka();
  await helper.createTopic("placed", { partitions: 6 });
  const counts = [1_234, 88, 0, 3, 2, 1];
  for (const [partition, count] of counts.entries()) {
    if (count > 0) await helper.produce({ topic: "placed", partition, count, valueBytes: 10 });
  }
  await helper.createTopic("stuck");
  await helper.produce({ topic: "stuck", count: 40_000, valueBytes: 1_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using reader = await proxy.read({ topic: "placed", partition: "all" });
  await reader.until(1_328);
  using _peer = await StuckPeer.connect(
    proxy.at({ topic: "stuck", consumerGroup: "", offset: "earliest" }),
  );
  const view = await ConsolePage.open(browser, proxy.httpUrl, "sessions");
  const cells = async (topic: string) => {
    const row = view.page.getByRole("row").filter({ hasText: topic });
    const [state, , , , , reads, next, lag, buffered] = await row.locator("td").allTextContents();
    return { state, reads, next, lag, buffered };
  };
  await eventually("the reader to be live", async () => {
    const shown = await cells("placed").catch(() => undefined);
    return shown?.state === "live";
  });
  assert.deepEqual(await cells("placed"), {
    state: "live",
    reads: "placed",
    next: "0: 1,234 · 1: 88 · 2: 0 · 3: 3 … 2 more",
    lag: "0",
    buffered: "0 B",
  });
  const [whole] = await view.page.getByTitle("4: 2 · 5: 1").allTextContents();
  assert.match(whole, /2 more$/);

  await eventually("what the page shows of the stuck one to be what the server says", async () => {
    const known = (await sessionOf(proxy, "stuck"))!;
    const [{ next }] = known.subscriptions[0].positions;
    const shown = await cells("stuck");
    assert.equal(shown.reads, "stuck");
    return known.bufferedBytes > 0 && Number(known.lag) > 0 &&
      ["slow", "stalled"].includes(known.state) && shown.state === known.state &&
      shown.next === `0: ${digits(next)}` && shown.lag === digits(known.lag) &&
      shown.buffered === bytes(known.bufferedBytes);
  });
  assert.deepEqual(view.problems, []);
});

for (
  const [what, rights, wanted] of [
    ["does not offer to disconnect to who may only look", { consume: ["*"], observe: true }, 0],
    ["offers to disconnect to who may steer", { consume: ["*"], admin: true }, 1],
  ] as const
) {
  browserTest(`the sessions view ${what}`, async (browser) => {
    const { kafka, helper } = await sharedKafka();
    const topic = `steered-${wanted}`;
    await helper.createTopic(topic);
    await helper.produce({ topic, count: 1 });
    const users = { alice: { password: await cheapHash("alices"), rights } };
    await using proxy = await startProxy({ kafka: kafka.bootstrap, users });
    const authorization = `Basic ${btoa("alice:alices")}`;
    await using reader = await proxy.read({ topic }, { headers: { authorization } });
    await reader.until(1);
    // Behind a reverse proxy the browser's being on this machine gives no right.
    const headers = { via: "1.1 elsewhere" };
    const view = await ConsolePage.open(browser, proxy.httpUrl, "sessions", {
      extraHTTPHeaders: headers,
    });
    const { page } = view;
    await page.getByLabel("Name", { exact: true }).fill("alice");
    await page.getByLabel("Password, secret or token").fill("alices");
    await page.getByRole("button", { name: "Sign in" }).click();
    await view.text("main table", new RegExp(topic));
    const row = page.getByRole("row").filter({ hasText: topic });
    assert.equal(await row.getByRole("button", { name: /^Disconnect/ }).count(), wanted);
    const { session } = (await sessionOf(proxy, topic))!;
    const answer = await fetch(`${proxy.httpUrl}api/sessions/${session}`, {
      method: "DELETE",
      headers: { authorization, ...headers },
    });
    await answer.body?.cancel();
    assert.equal(answer.status, wanted === 0 ? 403 : 204, "the server says the same");
    assert.deepEqual(view.problems, []);
  });
}
