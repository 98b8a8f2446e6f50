import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { describedByTool } from "../kafka/consumer_groups_tool.ts";
import { eventually } from "../support/eventually.ts";
import { at, Heir } from "../support/heir.ts";
import { newTopic } from "../support/new_topic.ts";
import { type LogLine, ProxyProcess } from "../support/proxy_process.ts";

const sharedKafka = shareKafka();

/** The latest report of each partition of a group, ascending. */
function latestReports(proxy: ProxyProcess, group: string): LogLine[] {
  const latest = new Map<unknown, LogLine>();
  for (const line of proxy.events("partition_report")) {
    if (line.group === group) latest.set(line.partition, line);
  }
  return [...latest.values()].sort((a, b) => Number(a.partition) - Number(b.partition));
}

function startReporting(bootstrap: string): Promise<ProxyProcess> {
  const args = ["--kafka", bootstrap, "--record-interval", "300", "--commit-interval-ms", "100"];
  return ProxyProcess.start({ args });
}

/** Ten frames of 100 records are sent, and then the client is left waiting. */
const FIRST_FRAME = { idleTimeout: 600_000, maxBytes: 10_000 };

for (const [kind, partition] of [["pinned", "0,1,2"], ["balanced", "all"]]) {
  Deno.test(`report of a ${kind} group says what Kafka's kafka-consumer-groups says`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `lag-${kind}`;
    await newTopic(helper, topic, { partitions: 3 });
    await helper.produce({ topic, count: 3_000, valueBytes: 100 });
    await using proxy = await startReporting(kafka.bootstrap);
    await proxy.event("kafka_connected");
    const query = { topic, consumerGroup: topic, partition };

    // Behind: one frame of one partition went out, the rest waits.
    const slow = await Heir.open(at(proxy.url, { ...query, ...FIRST_FRAME }));
    await slow.client.until(1);
    const [sent] = slow.client.history.partitions;
    const next = Number(slow.next(sent));
    assert.ok(next > 0 && next < 1_000, `the first frame ends at ${next}`);
    await eventually("the position to be reported", () => {
      const found = latestReports(proxy, topic).find((line) => line.partition === sent);
      return found?.next === `${next}`;
    });
    await eventually(
      "the position to be committed",
      async () => (await helper.groupOffsets(topic)).some(({ offset }) => offset === next),
    );
    const behind = latestReports(proxy, topic);
    assert.deepEqual(behind.map((line) => line.partition), [0, 1, 2]);
    const described = await describedByTool(kafka.bootstrap, topic);
    const rows = described.filter(({ committed }) => !Number.isNaN(committed));
    assert.deepEqual(rows.map((row) => row.partition), [sent]);
    assert.deepEqual(rows, [{
      topic,
      partition: sent,
      committed: next,
      end: 1_000,
      lag: 1_000 - next,
    }]);
    const report = behind[sent];
    assert.equal(report.latest, "1000");
    assert.equal(report.backlog, `${rows[0].lag}`);
    await slow.client.close();

    // At the end: nothing is behind.
    const fast = await Heir.open(at(proxy.url, query));
    await fast.client.until(3_000 - next);
    await eventually("nothing to be behind", () => {
      const reports = latestReports(proxy, topic);
      return reports.length === 3 && reports.every((line) => line.backlog === "0");
    });
    await eventually("all to be committed", async () => {
      const offsets = await helper.groupOffsets(topic);
      return offsets.length === 3 && offsets.every(({ offset }) => offset === 1_000);
    });
    for (const row of await describedByTool(kafka.bootstrap, topic)) {
      const line = latestReports(proxy, topic)[row.partition];
      assert.equal(row.lag, 0);
      assert.equal(line.latest, `${row.end}`);
      assert.equal(line.next, `${row.committed}`);
    }
    await fast.client.close();
    fast.client.verify();
  });
}

Deno.test("report: one record each interval for each group, topic and partition, and its sums are the records", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "reported";
  await newTopic(helper, topic, { partitions: 2 });
  await using proxy = await startReporting(kafka.bootstrap);
  await proxy.event("kafka_connected");
  const groups = ["reported-a", "reported-b"];
  const clients = await Promise.all(
    groups.map((consumerGroup) =>
      Heir.open(at(proxy.url, { topic, consumerGroup, partition: "0,1" }))
    ),
  );
  await using reader = await Heir.open(
    at(proxy.url, { topic, consumerGroup: "", partition: "all", offset: "earliest" }),
  );
  await helper.produce({ topic, count: 6_000, ratePerSecond: 4_000 });
  for (const { client } of [...clients, reader]) await client.until(6_000);
  const reports = () => proxy.events("partition_report");
  const isAtEnd = (group: string) =>
    latestReports(proxy, group).filter((line) => line.next === "3000").length === 2;
  await eventually("both groups to be reported at the end", () => groups.every(isAtEnd));
  for (const group of groups) {
    for (const partition of [0, 1]) {
      const own = reports().filter((line) => line.group === group && line.partition === partition);
      assert.ok(own.length >= 3, `${own.length} reports`);
      const sum = (name: string) => own.reduce((total, line) => total + Number(line[name]), 0);
      assert.equal(sum("received"), 3_000);
      assert.equal(sum("sent"), 3_000);
      for (const line of own) {
        const { durationMs, sent, recordsPerSecond, latest, next, backlog } = line;
        assert.ok(Number(durationMs) >= 150 && Number(durationMs) < 5_000, `${durationMs} ms`);
        const rate = Number(sent) * 1_000 / Number(durationMs);
        assert.ok(Math.abs(Number(recordsPerSecond) - rate) <= 1, `${recordsPerSecond}, ${rate}`);
        assert.equal(Number(backlog), Math.max(Number(latest) - Number(next), 0));
      }
    }
  }
  assert.ok(reports().every((line) => groups.includes(`${line.group}`)), "no report of the reader");
  for (const { client } of clients) await client.close();
});
