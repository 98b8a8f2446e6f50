import assert from "node:assert/strict";
import type { ApiFigures, ApiGroups, ApiSessions, ApiTopics } from "../../src/core/api.ts";
import { describedByTool } from "../kafka/consumer_groups_tool.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { series, total, value } from "../support/metric_series.ts";
import { newTopic } from "../support/new_topic.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

async function scraped(proxy: TestProxy): Promise<string> {
  const answer = await fetch(`${proxy.httpUrl}metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  return await answer.text();
}

async function asked<T>(proxy: TestProxy, path: string): Promise<T> {
  const answer = await fetch(`${proxy.httpUrl}api/${path}`);
  assert.equal(answer.status, 200, path);
  return await answer.json();
}

Deno.test("/metrics adds up to what was produced, and its lag is what kafka-consumer-groups says", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "metered";
  await newTopic(helper, topic, { partitions: 2 });
  await helper.produce({ topic, count: 3_000, valueBytes: 100 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
  await using fast = await proxy.connect({
    topic,
    consumerGroup: "metered-fast",
    partition: "0,1",
  });
  await using reader = await proxy.read({ topic, partition: "all" });
  // One frame goes out, and then it pauses for ten minutes.
  const slow = await proxy.connect({
    topic,
    consumerGroup: "metered-slow",
    partition: 0,
    idleTimeout: 600_000,
    maxBytes: 10_000,
  });
  await fast.until(3_000);
  await reader.until(3_000);
  await slow.until(1);
  const sentToSlow = slow.records.length;
  for (const group of ["metered-fast", "metered-slow"]) {
    await eventually(`${group} to be committed`, async () => {
      const committed = await helper.groupOffsets(group);
      const sum = committed.reduce((all, { offset }) => all + offset, 0);
      return sum === (group === "metered-fast" ? 3_000 : sentToSlow);
    });
  }
  const text = await eventually("the commits to be counted", async () => {
    const text = await scraped(proxy);
    const at = value(text, "kafka_proxy_group_committed_offset", { group: "metered-slow" });
    return at === sentToSlow ? text : undefined;
  });
  const own = { protocol: "v1", topic };
  assert.equal(value(text, "kafka_proxy_sent_records_total", own), 6_000 + sentToSlow);
  assert.ok(value(text, "kafka_proxy_sent_bytes_total", own)! > 600_000);
  assert.ok(value(text, "kafka_proxy_fetched_records_total", { topic })! >= 3_000);
  assert.equal(value(text, "kafka_proxy_sockets", { state: "open" }), 3);
  assert.equal(value(text, "kafka_proxy_group_sessions"), 2);
  assert.equal(value(text, "kafka_proxy_upgrades_total", { outcome: "accepted" }), 3);
  assert.ok(value(text, "kafka_proxy_commits_total", { outcome: "ok" })! >= 2);
  assert.equal(total(text, "kafka_proxy_cursors"), 5);
  assert.equal(value(text, "kafka_proxy_ready"), 1);
  assert.equal(value(text, "kafka_proxy_kafka_up"), 1);
  assert.ok(value(text, "process_resident_memory_bytes")! > 10e6);
  for (const group of ["metered-fast", "metered-slow"]) {
    const rows = await describedByTool(kafka.bootstrap, group);
    const lags = series(text, "kafka_proxy_group_lag_records")
      .filter(([labels]) => labels.group === group)
      .map(([{ topic, partition }, lag]) => ({ topic, partition: Number(partition), lag }));
    const wanted = rows.filter(({ committed }) => !Number.isNaN(committed))
      .map(({ topic, partition, lag }) => ({ topic, partition, lag }));
    assert.ok(wanted.length > 0);
    assert.deepEqual(lags.sort((a, b) => a.partition - b.partition), wanted);
  }
  const behind = value(text, "kafka_proxy_group_lag_seconds", { group: "metered-slow" })!;
  assert.ok(behind > 0 && behind < 60, `${behind} s`);
  assert.equal(value(text, "kafka_proxy_group_lag_seconds", { group: "metered-fast" }), 0);
  await slow.close();
  const later = await eventually("the close to be counted", async () => {
    const text = await scraped(proxy);
    return total(text, "kafka_proxy_closes_total") === 1 ? text : undefined;
  });
  const groups = series(later, "kafka_proxy_group_lag_records").map(([{ group }]) => group);
  assert.ok(!groups.includes("metered-slow"), "nobody reads it here any more");
});

Deno.test("/metrics sums topics beyond the limit under other", async () => {
  const { kafka, helper } = await sharedKafka();
  const topics = ["bounded-a", "bounded-b", "bounded-c"];
  for (const topic of topics) {
    await newTopic(helper, topic);
    await helper.produce({ topic, count: 10 });
  }
  await using proxy = await startProxy({ kafka: kafka.bootstrap, maxMetricSeries: 1 });
  for (const topic of topics) {
    await using client = await proxy.connect({
      topic,
      consumerGroup: "bounded",
      offset: "earliest",
    });
    await client.until(10);
    await client.close();
  }
  const text = await scraped(proxy);
  assert.deepEqual(series(text, "kafka_proxy_sent_records_total"), [
    [{ protocol: "v1", topic: "bounded-a" }, 10],
    [{ protocol: "v1", topic: "other" }, 20],
  ]);
});

Deno.test("/api shows topics, sessions with slow ones first, groups and figures", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "shown";
  await newTopic(helper, topic, { partitions: 2 });
  await helper.produce({ topic, count: 2_000, valueBytes: 100 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  await using live = await proxy.connect({ topic, consumerGroup: "shown-all", partition: "all" });
  await live.until(2_000);
  await using slow = await proxy.connect({
    topic,
    consumerGroup: "shown-one",
    partition: 1,
    idleTimeout: 600_000,
    maxBytes: 10_000,
  });
  await slow.until(1);

  const { topics } = await asked<ApiTopics>(proxy, "topics");
  const shown = topics.find((one) => one.topic === topic)!;
  assert.deepEqual([shown.consume, shown.produce], [true, true]);
  assert.deepEqual(
    shown.partitions.map(({ partition, earliest, end }) => [partition, earliest, end]),
    [[0, "0", "1000"], [1, "0", "1000"]],
  );
  assert.ok(
    topics.every((one) => !one.topic.startsWith("__")),
    "internal ones are not for clients",
  );
  const one = await asked<ApiTopics>(proxy, `topics?topic=${topic}`);
  assert.deepEqual(one.topics, [shown]);
  const unknown = await fetch(`${proxy.httpUrl}api/topics?topic=not-there`);
  assert.deepEqual([unknown.status, (await unknown.json()).error.code], [404, "unknown_topic"]);

  const { sessions } = await asked<ApiSessions>(proxy, "sessions");
  const [first, second] = sessions;
  assert.deepEqual([first.state, second.state], ["catching_up", "live"]);
  assert.deepEqual([first.protocol, first.principal, first.address], [
    "v1",
    "anonymous",
    "127.0.0.1",
  ]);
  const { group, lag, positions } = first.subscriptions[0];
  assert.equal(group, "shown-one");
  assert.equal(first.lag, lag);
  assert.equal(BigInt(lag), 1_000n - BigInt(positions[0].next));
  assert.equal(second.sentRecords, 2_000);

  const { groups } = await eventually("both groups to have committed", async () => {
    const answer = await asked<ApiGroups>(proxy, "groups");
    const parts = answer.groups.flatMap(({ partitions }) => partitions);
    return parts.length === 3 && parts.every(({ committed }) => committed !== undefined) &&
        answer.groups[0].lag === "0"
      ? answer
      : undefined;
  });
  assert.deepEqual(
    groups.map(({ group, kind, members }) => ({ group, kind, members })),
    [
      { group: "shown-all", kind: "balanced", members: 1 },
      { group: "shown-one", kind: "pinned", members: 1 },
    ],
  );
  assert.equal(groups[1].partitions[0].session, first.session);

  const figures = await asked<ApiFigures>(proxy, "figures");
  assert.equal(figures.sockets, 2);
  assert.equal(figures.sentRecordsTotal, 2_000 + first.sentRecords);
  assert.equal(figures.lag, first.lag);

  const gone = await fetch(`${proxy.httpUrl}api/sessions/${first.session}`, { method: "DELETE" });
  assert.equal(gone.status, 204);
  assert.deepEqual(await slow.closed, { code: 1008, reason: "disconnected by loopback" });
  await eventually("the session to be unknown", async () => {
    const again = await fetch(`${proxy.httpUrl}api/sessions/${first.session}`, {
      method: "DELETE",
    });
    await again.body?.cancel();
    return again.status === 404;
  });
});

Deno.test("--admin-port moves /metrics and /api; health stays on both", async () => {
  const { kafka } = await sharedKafka();
  const args = ["--kafka", kafka.bootstrap, "--admin-port", "0"];
  await using proxy = await ProxyProcess.start({ args });
  await proxy.event("kafka_connected");
  const admin = String((await proxy.event("admin_listening")).address);
  const statuses = await Promise.all(
    [proxy.httpUrl, admin].flatMap((base) =>
      ["metrics", "api/sessions", "healthz", "readyz"].map(async (path) => {
        const answer = await fetch(`${base}${path}`);
        await answer.body?.cancel();
        return answer.status;
      })
    ),
  );
  assert.deepEqual(statuses, [404, 404, 200, 200, 200, 200, 200, 200]);
  proxy.signal("SIGTERM");
  assert.equal((await proxy.ended()).code, 0);
});
