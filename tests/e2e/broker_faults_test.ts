import assert from "node:assert/strict";
import type { KafkaNode } from "../kafka/kafka_node.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { type ClientRecord, RecordClient } from "../support/record_client.ts";
import { startProxy, type TestProxy, type V1Query } from "../support/test_proxy.ts";

/** A node that was killed is let in again after 2 s, not 4. */
const sharedKafka = shareKafka({ properties: { "broker.session.timeout.ms": 2_000 } });

/** Longer than a broker that was killed needs to be let in again. */
const LONG = { timeoutMs: 40_000 };

/** Records are numbered from 0 in one partition, so that the number is the offset. */
function checkNumber({ message, offset }: ClientRecord): void {
  const number = /^\d+/.exec(message!)![0];
  if (number !== `${offset}`) throw new Error(`Offset ${offset} has the record ${number}`);
}

function streaming() {
  return { keep: false, onRecord: checkNumber, history: new History({ from: 0n }) };
}

/** Kills it with SIGKILL; the end of the block finds it running again. */
async function killed(node: KafkaNode): Promise<AsyncDisposable> {
  await node.kill();
  return {
    [Symbol.asyncDispose]: async () => {
      if (!node.isRunning) await node.start();
    },
  };
}

async function json(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(url);
  return { status: answer.status, body: await answer.json() };
}

Deno.test("broker restarted in the middle: nothing lost, nothing repeated", async () => {
  const { kafka, helper } = await sharedKafka();
  const [node] = kafka.nodes;
  const topic = "restarted";
  await helper.createTopic(topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
  await using reader = await proxy.read({ topic }, streaming());
  await using grouped = await proxy.connect({ topic, consumerGroup: "restarted" }, streaming());
  await using producer = await helper.backgroundProduce({ topic, ratePerSecond: 30_000 });

  await Promise.all([reader.until(60_000), grouped.until(60_000)]);
  {
    await using _ = await killed(node);
    await node.start();
  }
  const atRestart = reader.count;
  await Promise.all([
    reader.until(atRestart + 100_000, LONG),
    grouped.until(atRestart + 100_000, LONG),
  ]);
  const { count } = await producer.stop();
  await Promise.all([reader.until(count), grouped.until(count)]);

  for (const client of [reader, grouped]) {
    client.verify();
    assert.equal(client.next, BigInt(count));
    assert.equal(client.closeInfo, undefined);
  }
  await grouped.close();
  await untilCommitted(proxy, "restarted", count);
  assert.equal(proxy.events.count("session_opened"), 2, "the sockets stayed open");
});

async function untilCommitted(proxy: TestProxy, group: string, next: number): Promise<void> {
  const { helper } = await sharedKafka();
  await eventually(
    `the end of the session of group ${group}`,
    () => proxy.events.count("session_closed") === 1,
  );
  const [{ offset }] = await helper.groupOffsets(group);
  assert.equal(offset, next, "the position of the group");
}

Deno.test("broker frozen for seconds: goes on where it was", async () => {
  const { kafka, helper } = await sharedKafka();
  const [node] = kafka.nodes;
  const topic = "frozen";
  await helper.createTopic(topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
  await using reader = await proxy.read({ topic }, streaming());
  await using grouped = await proxy.connect({ topic, consumerGroup: "frozen" }, streaming());
  await using producer = await helper.backgroundProduce({ topic, ratePerSecond: 30_000 });
  await Promise.all([reader.until(30_000), grouped.until(30_000)]);

  node.pause();
  try {
    let [before, sinceMs] = [-1, 0];
    await eventually("3 s of silence", () => {
      if (reader.count !== before) [before, sinceMs] = [reader.count, performance.now()];
      return performance.now() - sinceMs > 3_000;
    }, { timeoutMs: 15_000 });
  } finally {
    node.resume();
  }
  const atResume = reader.count;
  await Promise.all([
    reader.until(atResume + 60_000, LONG),
    grouped.until(atResume + 60_000, LONG),
  ]);
  const { count } = await producer.stop();
  await Promise.all([reader.until(count), grouped.until(count)]);
  for (const client of [reader, grouped]) {
    client.verify();
    assert.equal(client.next, BigInt(count));
  }
  await grouped.close();
  await untilCommitted(proxy, "frozen", count);
});

Deno.test("broker that dies in between: open sockets wait and go on, new upgrades get 503 at once", async () => {
  const { kafka, helper } = await sharedKafka();
  const [node] = kafka.nodes;
  const topic = "dies";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 1_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  await using reader = await proxy.read({ topic }, streaming());
  await using grouped = await proxy.connect({ topic, consumerGroup: "dies" }, streaming());
  await Promise.all([reader.until(1_000), grouped.until(1_000)]);

  {
    await using _ = await killed(node);
    const queries: V1Query[] = [
      { topic, consumerGroup: "" },
      { topic, consumerGroup: "", offset: "earliest" },
      { topic: "never-seen", consumerGroup: "" },
      { topic, consumerGroup: "dies" },
      { topic, consumerGroup: "other", offset: 5 },
    ];
    for (const query of queries) {
      const startMs = performance.now();
      using answer = await proxy.upgrade(query);
      const tookMs = performance.now() - startMs;
      assert.equal(answer.status, 503, JSON.stringify(query));
      assert.equal(answer.error?.code, "kafka_unavailable");
      assert.equal(answer.headers.get("retry-after"), "1");
      assert.ok(tookMs < 1_000, `${JSON.stringify(query)} took ${tookMs} ms`);
    }
    const ready = await json(`${proxy.httpUrl}readyz`);
    assert.equal(ready.status, 503);
    assert.match(`${ready.body.reasons}`, /^Kafka cannot be reached: .*ECONNREFUSED/);
    assert.equal((await json(`${proxy.httpUrl}healthz`)).status, 200);
    assert.ok(proxy.events.count("kafka_unreachable") >= 1);
    assert.deepEqual([reader.closeInfo, grouped.closeInfo], [undefined, undefined]);
  }

  await helper.produce({ topic, count: 1_000, startNumber: 1_000 });
  await Promise.all([reader.until(2_000, LONG), grouped.until(2_000, LONG)]);
  await eventually(
    "the proxy to be ready",
    async () => (await json(`${proxy.httpUrl}readyz`)).status === 200,
  );
  assert.equal(proxy.events.count("kafka_back"), 1);
  await using late = await proxy.read({ topic }, streaming());
  await late.until(2_000);
  for (const client of [reader, grouped, late]) client.verify();
  await eventually(
    "the position of the group to be committed",
    async () => (await helper.groupOffsets("dies"))[0]?.offset === 2_000,
  );
});

Deno.test("broker that is down at start: upgrades get 503, and work once it has started", async () => {
  const { kafka, helper } = await sharedKafka();
  const [node] = kafka.nodes;
  const topic = "down-at-start";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 10 });
  await node.stop();
  try {
    await using proxy = await ProxyProcess.start({ args: ["--kafka", kafka.bootstrap] });
    const unreachable = await proxy.event("kafka_unreachable");
    assert.equal(unreachable.level, "warning");
    assert.equal(unreachable.kafka, kafka.bootstrap);
    assert.match(`${unreachable.error}`, /ECONNREFUSED/);

    const url = `${proxy.url}?topic=${topic}&consumerGroup=&offset=earliest`;
    for (let i = 0; i < 3; i++) {
      using answer = await httpUpgrade(url, { timeoutMs: 1_000 });
      assert.equal(answer.status, 503);
      assert.equal(answer.error?.code, "kafka_unavailable");
      assert.equal(answer.headers.get("retry-after"), "1");
    }
    const ready = await json(`${proxy.httpUrl}readyz`);
    assert.equal(ready.status, 503);
    assert.equal(ready.body.status, "not ready");
    assert.deepEqual(await json(`${proxy.httpUrl}healthz`), {
      status: 200,
      body: { status: "ok" },
    });
    using wrong = await httpUpgrade(`${proxy.url}?topic=a/b`);
    assert.equal(wrong.status, 400, "what is wrong anyway is said anyway");
    assert.deepEqual(proxy.events("kafka_connected"), []);

    await node.start();
    await proxy.event("kafka_connected");
    const { status, body } = await json(`${proxy.httpUrl}readyz`);
    assert.deepEqual([status, body], [200, { status: "ready", reasons: [] }]);
    await using client = await RecordClient.open(url, streaming());
    await client.until(10);
    client.verify();
    assert.ok(
      proxy.events("kafka_unreachable").length <= 2,
      "it tries again several times a second, and says so every 10 s",
    );
    assert.deepEqual(proxy.log.filter(({ level }) => level === "error"), []);
  } finally {
    if (!node.isRunning) await node.start();
  }
});

Deno.test("broker that has died: clients of groups that close or are closed leave nothing behind", async () => {
  const { kafka, helper } = await sharedKafka();
  const [node] = kafka.nodes;
  const topic = "buried";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 1_000 });
  const args = ["--kafka", kafka.bootstrap, "--commit-interval-ms", "600000"];
  await using proxy = await ProxyProcess.start({ args });
  await proxy.event("kafka_connected");
  const open = async (query: string) => {
    const client = await RecordClient.open(`${proxy.url}?topic=${topic}&${query}`, streaming());
    await client.until(1_000);
    return client;
  };
  const [leaving, staying, reading] = await Promise.all(
    ["consumerGroup=leaving", "consumerGroup=staying", "consumerGroup=&offset=0"].map(open),
  );
  await node.stop();
  try {
    assert.equal((await leaving.close()).code, 1000, "it does not wait for the commit");
    const closed = await proxy.event("session_closed");
    assert.equal(closed.group, "leaving");
    assert.equal(proxy.events("commit_failed").length, 1);

    const startMs = performance.now();
    proxy.signal("SIGTERM");
    assert.equal((await proxy.ended()).code, 0);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 5_000, `it took ${tookMs} ms`);
    for (const client of [staying, reading]) {
      assert.deepEqual(await client.closed, { code: 1001, reason: "SIGTERM" });
    }
  } finally {
    await node.start();
  }
  for (const group of ["leaving", "staying"]) {
    assert.deepEqual(await helper.groupOffsets(group), [], "what was not committed comes again");
  }
});
