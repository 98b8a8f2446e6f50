import assert from "node:assert/strict";
import { describedByTool } from "../kafka/consumer_groups_tool.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { eventually } from "./eventually.ts";
import { newTopic } from "./new_topic.ts";
import { note } from "./note.ts";
import { Prometheus } from "./prometheus.ts";
import { ProxyProcess } from "./proxy_process.ts";
import { RecordClient } from "./record_client.ts";

/** How long and how much. */
export interface ScrapedLoad {
  readonly bootstrap: string;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly seconds: number;
  readonly recordsPerSecond: number;
  readonly readers: number;
}

const PARTITIONS = 3;

/**
 * A proxy under load, scraped by a real Prometheus every second: what that has in the end must add up
 * to what was produced, and its lag must be what Kafka's own tool says, of a group at the end and of
 * one that is behind.
 */
export async function scrapedLoad(load: ScrapedLoad): Promise<void> {
  const { bootstrap, helper, topic, seconds, recordsPerSecond, readers } = load;
  await newTopic(helper, topic, { partitions: PARTITIONS });
  await using proxy = await ProxyProcess.start({
    args: ["--kafka", bootstrap, "--record-interval", "0", "--commit-interval-ms", "200"],
  });
  await proxy.event("kafka_connected");
  const target = new URL(proxy.httpUrl).host;
  await using prometheus = await Prometheus.start({ targets: [target], intervalSeconds: 1 });
  const open = (query: string) =>
    RecordClient.open(`${proxy.url}?topic=${topic}&${query}`, { keep: false });
  await using stack = new AsyncDisposableStack();
  const clients = await Promise.all([
    open(`consumerGroup=${topic}-live&partition=0,1,2`),
    ...Array.from({ length: readers }, () => open("consumerGroup=&partition=all&offset=earliest")),
  ]);
  for (const client of clients) stack.use(client);
  // It takes a frame a second, and falls behind.
  const slow = stack.use(
    await open(`consumerGroup=${topic}-slow&partition=0,1,2&idleTimeout=1000&maxBytes=2000`),
  );
  const producer = await helper.backgroundProduce({ topic, ratePerSecond: recordsPerSecond });
  const startMs = performance.now();
  await eventually(
    "the load to be over",
    () => performance.now() - startMs > seconds * 1_000,
    { timeoutMs: seconds * 1_000 + 10_000, everyMs: 200 },
  );
  const { count } = await producer.stop();
  assert.ok(count > seconds * recordsPerSecond / 2, `${count} records were written`);
  for (const client of clients) await client.until(count, { timeoutMs: 60_000 });
  // The slow one goes on slowly: the numbers must stand still to be compared.
  await slow.close();

  const one = async (expr: string) => (await prometheus.query(expr))[0]?.value ?? 0;
  const sent = clients.length * count + slow.count;
  await eventually(
    "Prometheus to have the last scrape",
    async () => await one(`kafka_proxy_sent_records_total{topic="${topic}"}`) >= sent,
  );
  assert.equal(await one(`kafka_proxy_sent_records_total{topic="${topic}"}`), sent);
  const fetched = await one(`kafka_proxy_fetched_records_total{topic="${topic}"}`);
  assert.ok(fetched >= count, `${fetched} of ${count} records were fetched`);
  const scrapes = await one(`count_over_time(up{job="kafka-proxy"}[${seconds + 60}s])`);
  const failed = scrapes - await one(`sum_over_time(up{job="kafka-proxy"}[${seconds + 60}s])`);
  assert.ok(scrapes >= seconds * 0.8, `only ${scrapes} scrapes`);
  assert.equal(failed, 0, `${failed} of ${scrapes} scrapes failed`);
  const slowest = await one(`max_over_time(scrape_duration_seconds[${seconds + 60}s])`);
  note(`scraped ${scrapes} times, the slowest in ${slowest} s; ${sent} records sent`);

  await sameLag(prometheus, bootstrap, `${topic}-live`, 0);
  // Behind, and standing still.
  const stuck = stack.use(
    await open(`consumerGroup=${topic}-slow&partition=0,1,2&idleTimeout=600000&maxBytes=2000`),
  );
  await stuck.until(1);
  await sameLag(prometheus, bootstrap, `${topic}-slow`, 1);
}

/** Waits until Prometheus and Kafka's own tool say the same of every partition of a group. */
async function sameLag(
  prometheus: Prometheus,
  bootstrap: string,
  group: string,
  least: number,
): Promise<void> {
  await eventually(`the lag of ${group} to be the same`, async () => {
    // The tool has no lag where nothing is committed.
    const rows = (await describedByTool(bootstrap, group)).filter(({ lag }) => !Number.isNaN(lag));
    const wanted = rows.map(({ partition, lag }) => [partition, lag]);
    const found = (await prometheus.query(`kafka_proxy_group_lag_records{group="${group}"}`))
      .map(({ labels, value }) => [Number(labels.partition), value])
      .filter(([partition]) => rows.some((row) => row.partition === partition))
      .sort(([a], [b]) => a - b);
    const sum = rows.reduce((all, { lag }) => all + lag, 0);
    return sum >= least && JSON.stringify(found) === JSON.stringify(wanted);
  }, { timeoutMs: 60_000, everyMs: 500 });
}
