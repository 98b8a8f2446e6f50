import assert from "node:assert/strict";
import { BoundedNames, OTHER } from "../../src/observe/bounded_names.ts";
import { eventMetrics } from "../../src/observe/event_metrics.ts";
import { METRIC_TABLE } from "../../src/observe/metric_table.ts";
import { Metrics, METRICS_TYPE } from "../../src/observe/metrics.ts";
import { Traffic } from "../../src/observe/traffic.ts";
import { series } from "../support/metric_series.ts";

Deno.test("Metrics.text() has every metric of the table, with its help and its type", async () => {
  const text = await new Metrics().text();
  for (const [name, { help, type }] of Object.entries(METRIC_TABLE)) {
    assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
  }
  assert.equal(METRICS_TYPE, "text/plain; version=0.0.4; charset=utf-8");
});

Deno.test("METRIC_TABLE names counters _total and everything by its unit", () => {
  for (const [name, { type, labels }] of Object.entries(METRIC_TABLE)) {
    assert.match(name, /^(kafka_proxy|process)(_[a-z]+)+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    for (const label of labels) assert.match(label, /^[a-z]+$/);
  }
});

Deno.test("Metrics.total() sets a counter that somebody else counts", async () => {
  const metrics = new Metrics();
  const labels = { protocol: "v1", topic: "a" };
  metrics.total("kafka_proxy_sent_records_total", labels, 7);
  metrics.total("kafka_proxy_sent_records_total", labels, 9);
  assert.deepEqual(series(await metrics.text(), "kafka_proxy_sent_records_total"), [
    [{ protocol: "v1", topic: "a" }, 9],
  ]);
});

Deno.test("Metrics.text() escapes what names may hold", async () => {
  const metrics = new Metrics();
  metrics.add("kafka_proxy_rebalances_total", { group: 'a"b\\c\nd' });
  assert.ok((await metrics.text()).includes('_total{group="a\\"b\\\\c\\nd"} 1\n'));
});

Deno.test("Metrics.observe() counts values up to each bound, the bound itself included", async () => {
  const metrics = new Metrics();
  const name = "kafka_proxy_session_duration_seconds";
  for (const seconds of [0.5, 1, 5, 1e6]) metrics.observe(name, seconds);
  const text = await metrics.text();
  assert.deepEqual(
    series(text, `${name}_bucket`).map(([{ le }, count]) => [le, count]),
    [["1", 2], ["10", 3], ["60", 3], ["600", 3], ["3600", 3], ["21600", 3], ["86400", 3], [
      "+Inf",
      4,
    ]],
  );
  assert.deepEqual(series(text, `${name}_count`), [[{}, 4]]);
});

Deno.test("Metrics.clear() makes what is not set again absent", async () => {
  const metrics = new Metrics();
  metrics.set("kafka_proxy_cursors", { state: "live" }, 3);
  metrics.clear("kafka_proxy_cursors");
  assert.deepEqual(series(await metrics.text(), "kafka_proxy_cursors"), []);
});

Deno.test("Metrics.text() asks every collector, one that fails too", async () => {
  const metrics = new Metrics();
  metrics.collector(() => Promise.reject(new Error("Kafka is away")));
  metrics.collector(() => {
    throw new Error("a fault");
  });
  metrics.collector(() => metrics.set("kafka_proxy_ready", {}, 1));
  assert.deepEqual(series(await metrics.text(), "kafka_proxy_ready"), [[{}, 1]]);
});

Deno.test("Metrics.text() asks once for all who ask at the same time", async () => {
  const metrics = new Metrics();
  let asked = 0;
  metrics.collector(() => void asked++);
  const [one, other] = await Promise.all([metrics.text(), metrics.text()]);
  assert.deepEqual([asked, one === other], [1, true]);
});

Deno.test("BoundedNames.label() names the first ones, and the rest other", () => {
  const names = new BoundedNames(2);
  assert.deepEqual(["a", "b", "c", "a", "d", "b"].map((name) => names.label(name)), [
    "a",
    "b",
    OTHER,
    "a",
    OTHER,
    "b",
  ]);
  names.keep(new Set(["b"]));
  assert.deepEqual(["d", "a", "b"].map((name) => names.label(name)), ["d", OTHER, "b"]);
});

Deno.test("Traffic.row() is one row for all topics beyond the limit", () => {
  const traffic = new Traffic(1);
  traffic.row("v1", "a").records += 1;
  traffic.row("v1", "b").records += 2;
  traffic.row("v1", "c").records += 4;
  traffic.row("v2", "a").records += 8;
  assert.deepEqual(
    [...traffic.rows].map(({ protocol, topic, records }) => [protocol, topic, records]),
    [
      ["v1", "a", 1],
      ["v1", OTHER, 6],
      ["v2", "a", 8],
    ],
  );
});

Deno.test("Traffic.heard() counts messages and their sizes by protocol", () => {
  const traffic = new Traffic(1);
  traffic.heard("v2", "abc");
  traffic.heard("v2", new ArrayBuffer(5));
  assert.deepEqual([...traffic.inbound], [{ protocol: "v2", frames: 2, bytes: 8 }]);
});

Deno.test("eventMetrics() counts upgrades, closes and stalls; codes a client made up are other", async () => {
  const metrics = new Metrics();
  const hear = eventMetrics(metrics);
  hear("session_opened", {});
  hear("session_refused", { code: "unknown_topic" });
  hear("stalled", {});
  hear("session_closed", { code: 4409, durationMs: 2_000 });
  hear("session_closed", { code: 3999, durationMs: 500 });
  hear("session_closed", { code: 4999, durationMs: 500 });
  const text = await metrics.text();
  assert.deepEqual(series(text, "kafka_proxy_upgrades_total"), [
    [{ outcome: "accepted" }, 1],
    [{ outcome: "unknown_topic" }, 1],
  ]);
  assert.deepEqual(series(text, "kafka_proxy_closes_total"), [
    [{ code: "4409" }, 1],
    [{ code: OTHER }, 2],
  ]);
  assert.deepEqual(series(text, "kafka_proxy_stalls_total"), [[{}, 1]]);
  assert.deepEqual(series(text, "kafka_proxy_session_duration_seconds_sum"), [[{}, 3]]);
  assert.deepEqual(series(text, "kafka_proxy_events_total").at(-1), [
    { event: "session_closed" },
    3,
  ]);
});
