import assert from "node:assert/strict";
import type { Route } from "playwright-core";
import { digits } from "../../src/console/page/dom.js";
import { sleep } from "../../src/stream/sleep.ts";
import { describedByTool } from "../kafka/consumer_groups_tool.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { browserTest } from "../support/chromium.ts";
import { ConsolePage } from "../support/console_page.ts";
import { eventually } from "../support/eventually.ts";
import { total, value } from "../support/metric_series.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";
import { V2Client } from "../support/v2_client.ts";

const sharedKafka = shareKafka();

async function scraped({ httpUrl }: TestProxy): Promise<string> {
  return await (await fetch(`${httpUrl}metrics`)).text();
}

/** A number as the page writes it. */
function number(text: string): number {
  return Number(text.replaceAll(",", ""));
}

/** The last value of a chart, as text. */
async function shown({ page }: ConsolePage, chart: string): Promise<string> {
  const image = page.getByRole("img", { name: new RegExp(`^${chart}`) });
  return await page.getByRole("figure").filter({ has: image }).locator("b").textContent() ?? "";
}

browserTest("the topics view shows what the broker says", async (browser) => {
  const { kafka, helper } = await sharedKafka();
  const topic = "figured";
  await helper.createTopic(topic, { partitions: 2 });
  await helper.produce({ topic, partition: 0, count: 1_500 });
  await helper.produce({ topic, partition: 1, count: 20 });
  await helper.deleteRecords(topic, 0, 400);
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  // One frame goes out, and then it pauses for ten minutes: it stays behind.
  await using slow = await proxy.connect({
    topic,
    consumerGroup: "figured-slow",
    partition: 0,
    offset: "earliest",
    idleTimeout: 600_000,
    maxBytes: 10_000,
  });
  await slow.until(1);
  const view = await ConsolePage.open(browser, proxy.httpUrl, "topics");
  const { page } = view;
  const row = page.getByRole("table", { name: "Topics" }).getByRole("row")
    .filter({ has: page.getByRole("button", { name: topic, exact: true }) });
  await row.getByRole("button", { name: topic }).click();
  const parts = page.getByRole("table", { name: "Partitions" }).locator("tbody tr");
  await eventually("both partitions", async () => await parts.count() === 2);
  for (
    const [{ partition, leader }, i] of (await helper.describeTopic(topic)).map((it, i) =>
      [it, i] as const
    )
  ) {
    const { earliest, latest } = await helper.listOffsets(topic, partition);
    assert.deepEqual(
      await parts.nth(i).locator("td").allTextContents(),
      [`${partition}`, digits(earliest), digits(latest), `${leader}`],
    );
  }
  const cells = async () => await row.locator("td").allTextContents();
  assert.deepEqual((await cells()).slice(1, 3), ["2", "1,120"]);

  const [{ lag }] = await eventually("the group to have committed", async () => {
    const rows = await describedByTool(kafka.bootstrap, "figured-slow");
    return rows.length === 1 && rows[0].lag > 0 ? rows : undefined;
  });
  await eventually("the lag to be what kafka-consumer-groups says", async () => {
    return (await cells())[5] === `figured-slow: ${digits(lag)}`;
  });

  const producer = await helper.backgroundProduce({ topic, partition: 1, ratePerSecond: 200 });
  await eventually("200 records a second", async () => {
    return Math.abs(number((await cells())[3]) - 200) < 40;
  }, { timeoutMs: 20_000 });
  const { count } = await producer.stop();
  await eventually("what was produced to be counted", async () => {
    return (await cells())[2] === digits(1_120 + count);
  });
  await eventually("no growth", async () => (await cells())[3] === "0");
  assert.deepEqual(view.problems, []);
});

browserTest(
  "the topics view says of no figure that it is 0 when it is not known",
  async (browser) => {
    const { kafka, helper } = await sharedKafka();
    await helper.createTopic("beyond", { partitions: 2 });
    await helper.produce({ topic: "beyond", partition: 0, count: 7 });
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    const view = await ConsolePage.open(browser, proxy.httpUrl, "topics");
    const { page } = view;
    // As on a cluster with more topics than have their offsets looked up.
    await page.route(/\/api\/topics$/, (route) => {
      const partitions = [{ partition: 0, leader: 1 }, { partition: 1, leader: 1 }];
      const topics = [
        { topic: "beyond", consume: true, produce: true, partitions },
        { topic: "written", consume: false, produce: true, partitions: [] },
      ];
      return route.fulfill({ json: { timestampMs: Date.now(), topics } });
    });
    await page.reload();
    const row = (topic: string) => page.getByRole("row").filter({ hasText: topic });
    const figures = async (topic: string) =>
      (await row(topic).locator("td").allTextContents()).slice(1, 4);
    await view.text("main table", /written/);
    assert.deepEqual(await figures("written"), ["?", "?", "–"]);
    assert.deepEqual(await figures("beyond"), ["2", "?", "–"]);
    await page.getByRole("button", { name: "beyond" }).click();
    await eventually("the chosen one to be asked for by name", async () => {
      return (await figures("beyond")).join() === "2,7,0";
    });
    const [part] = await page.getByRole("table", { name: "Partitions" }).locator("tbody tr")
      .allTextContents();
    assert.match(part, /^007\d$/);
    assert.deepEqual(view.problems, []);
  },
);

browserTest("the charts show what /metrics says", async (browser) => {
  const { kafka, helper } = await sharedKafka();
  const topic = "charted";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 2_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  await using slow = await proxy.connect({
    topic,
    consumerGroup: "charted-slow",
    partition: 0,
    idleTimeout: 600_000,
    maxBytes: 10_000,
  });
  await using reader = await proxy.read({ topic });
  await slow.until(1);
  await reader.until(2_000);
  const view = await ConsolePage.open(browser, proxy.httpUrl, "charts");
  await eventually(
    "sockets and lag to be those of /metrics, the page's own socket too",
    async () => {
      const text = await scraped(proxy);
      const lag = value(text, "kafka_proxy_group_lag_records", { group: "charted-slow" })!;
      return total(text, "kafka_proxy_sockets") === 3 && await shown(view, "Sockets") === "3" &&
        lag > 0 && await shown(view, "Records behind, all sessions") === digits(lag);
    },
  );
  assert.equal(await shown(view, "Buffered for sockets"), "0 B");

  const producer = await helper.backgroundProduce({ topic, ratePerSecond: 400, startNumber: 0 });
  await eventually("the rate to be that of /metrics", async () => {
    const [before, beforeMs] = [await scraped(proxy), performance.now()];
    await eventually("two seconds", () => performance.now() - beforeMs > 2_000);
    const sent = (text: string) => total(text, "kafka_proxy_sent_records_total");
    const rate = (sent(await scraped(proxy)) - sent(before)) * 1_000 /
      (performance.now() - beforeMs);
    return rate > 300 && Math.abs(number(await shown(view, "Records sent a second")) - rate) < 60;
  }, { timeoutMs: 30_000 });
  await producer.stop();
  await eventually("nothing sent", async () => await shown(view, "Records sent a second") === "0");
  assert.deepEqual(view.problems, []);
});

/** What clients have written. */
function produced(text: string): number {
  return value(text, "kafka_proxy_produced_records_total", { outcome: "ok" }) ?? 0;
}

/** How late timers were, in ms: in the middle, of 99 in 100, and at the worst. */
function delays(text: string): number[] {
  return ["0.5", "0.99", "1"].map((quantile) =>
    value(text, "kafka_proxy_event_loop_delay_seconds", { quantile })! * 1_000
  );
}

/** The event loop of this process, and so of the proxy, stands still. */
function standStill(forMs: number): void {
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs);
}

/** A client that writes 40 records ten times a second. */
class Writer implements AsyncDisposable {
  readonly #client: V2Client;
  readonly #stopped = new AbortController();
  readonly #written: Promise<number>;

  private constructor(client: V2Client, topic: string) {
    this.#client = client;
    this.#written = this.#write(topic);
  }

  static async start({ url }: TestProxy, topic: string): Promise<Writer> {
    return new Writer(await V2Client.open(url), topic);
  }

  /** Gives the number of records that were written. */
  async stop(): Promise<number> {
    this.#stopped.abort();
    return await this.#written;
  }

  async #write(topic: string): Promise<number> {
    const { signal } = this.#stopped;
    const records = Array.from({ length: 40 }, () => ({ value: "written" }));
    let written = 0;
    while (!signal.aborted) {
      await this.#client.ask({ type: "produce", topic, records });
      written += records.length;
      await sleep(100, signal);
    }
    return written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#client.close();
  }
}

browserTest(
  "the charts of produced records and of the event loop show what /metrics says at that moment",
  async (browser) => {
    const { kafka, helper } = await sharedKafka();
    const topic = "charted-written";
    await helper.createTopic(topic);
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    const view = await ConsolePage.open(browser, proxy.httpUrl, "charts");
    const asked: Route[] = [];
    await view.page.route("**/api/figures", (route) => void asked.push(route));

    /** Answers the page's next question; gives the answer's time, and /metrics just before and after. */
    const answer = async () => {
      const route = await eventually("the page to ask", () => asked.shift());
      return await eventually("/metrics to be the same before and after", async () => {
        const before = await scraped(proxy);
        const response = await route.fetch();
        const text = await scraped(proxy);
        const read = (each: string) => [produced(each), delays(each)[1]].join();
        if (read(before) !== read(text)) return;
        const { timestampMs } = await response.json();
        await route.fulfill({ response });
        return { timestampMs, text };
      });
    };

    await using writer = await Writer.start(proxy, topic);
    await eventually("three delays that one can tell apart", async () => {
      standStill(60);
      return new Set(delays(await scraped(proxy)).map((each) => each.toFixed(1))).size === 3;
    }, { timeoutMs: 30_000, everyMs: 500 });

    const first = await answer();
    const second = await answer();
    const seconds = (second.timestampMs - first.timestampMs) / 1_000;
    const grown = produced(second.text) - produced(first.text);
    assert.ok(grown > 0, "records were produced in between");
    await eventually("the growth of /metrics", async () => {
      return await shown(view, "Records produced a second") === digits(Math.round(grown / seconds));
    });
    assert.equal(
      await shown(view, "Event-loop delay, p99"),
      `${delays(second.text)[1].toFixed(1)} ms`,
    );

    const written = await writer.stop();
    const third = await answer();
    assert.equal(produced(third.text), written);
    await answer();
    await eventually("nothing produced", async () => {
      return await shown(view, "Records produced a second") === "0";
    });
    assert.deepEqual(view.problems, []);
  },
);
