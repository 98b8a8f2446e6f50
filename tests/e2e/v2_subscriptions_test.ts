import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { newTopic } from "../support/new_topic.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { RecordClient } from "../support/record_client.ts";
import { startProxy } from "../support/test_proxy.ts";
import { V2Client } from "../support/v2_client.ts";

const sharedKafka = shareKafka();

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${from + i}`);

/** A topic with so many numbered records in each partition. */
async function numbered(topic: string, count: number, partitions = 1): Promise<void> {
  const { helper } = await sharedKafka();
  await newTopic(helper, topic, { partitions });
  if (count > 0) await helper.produce({ topic, count: count * partitions });
}

Deno.test("v2 reads several topics on one socket, as reader and as group, beside a v1 client", async () => {
  const { kafka } = await sharedKafka();
  await numbered("v2-one", 100);
  await numbered("v2-two", 50, 2);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using v1 = await proxy.read({ topic: "v2-one" });
  await using client = await V2Client.open(proxy.url);
  assert.equal(client.protocol, "kafka-proxy.v2");
  const { subscription } = await client.ask<"subscribed">({
    type: "subscribe",
    topics: ["v2-one", "v2-two"],
    from: "earliest",
  });
  const second = await client.ask<"subscribed">({
    type: "subscribe",
    topics: ["v2-one"],
    group: "v2-g",
    partitions: [0],
  });
  assert.deepEqual([subscription, second.subscription], [1, 2]);
  await client.untilRecords(200, 1);
  await client.untilRecords(100, 2);
  const offsets = (topic: string, partition: number) =>
    client.records(1).filter((one) => one.topic === topic && one.partition === partition)
      .map(({ offset }) => offset);
  assert.deepEqual(offsets("v2-one", 0), range(0, 100));
  assert.deepEqual(offsets("v2-two", 0), range(0, 50));
  assert.deepEqual(offsets("v2-two", 1), range(0, 50));
  await v1.until(100);
});

Deno.test("v2 acknowledges: committed as the next offset, and the rest to the next owner", async () => {
  const { kafka, helper } = await sharedKafka();
  await numbered("v2-acks", 100);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const request = {
    type: "subscribe",
    topics: ["v2-acks"],
    group: "v2-acks",
    partitions: [0],
    ack: "client",
    maxUnacked: 30,
  };
  const client = await V2Client.open(proxy.url);
  await client.ask(request);
  await client.untilRecords(30);
  const committed = await client.ask<"committed">({
    type: "ack",
    subscription: 1,
    topic: "v2-acks",
    partition: 0,
    offset: "9",
  });
  assert.equal(committed.next, "10");
  assert.deepEqual((await helper.groupOffsets("v2-acks")).map(({ offset }) => offset), [10]);
  await client.untilRecords(40);
  await client.close();
  await using next = await V2Client.open(proxy.url);
  const { partitions } = await next.ask<"subscribed">(request);
  assert.deepEqual(partitions.map((one) => [one.next, one.end]), [["10", "100"]]);
});

Deno.test("v2 takes a pinned partition over from a client of another process, which keeps its socket", async () => {
  const { kafka, helper } = await sharedKafka();
  await numbered("v2-over", 0);
  await using producer = await helper.backgroundProduce({ topic: "v2-over", ratePerSecond: 500 });
  const args = ["--kafka", kafka.bootstrap];
  await using one = await ProxyProcess.start({ args });
  await using other = await ProxyProcess.start({ args });
  await Promise.all([one, other].map((proxy) => proxy.event("kafka_connected")));
  const request = {
    type: "subscribe",
    topics: ["v2-over"],
    group: "v2-over",
    partitions: [0],
    ack: "client",
  };
  const acking = (client: () => V2Client) => ({
    onRecords: ({ partition, next }: { partition: number; next: string }) =>
      client().send({
        type: "ack",
        subscription: 1,
        topic: "v2-over",
        partition,
        offset: `${BigInt(next) - 1n}`,
      }),
  });
  const clients: V2Client[] = [];
  await using older = await V2Client.open(one.url, acking(() => clients[0]));
  clients.push(older);
  await older.ask(request);
  await older.untilRecords(100);
  await using newer = await V2Client.open(other.url, acking(() => clients[1]));
  clients.push(newer);
  const { partitions: [{ next }] } = await newer.ask<"subscribed">(request);
  await newer.untilRecords(100);
  const ended = await older.frame("ended");
  assert.equal(ended.code, "taken_over");
  const last = older.records().at(-1)!.offset;
  assert.equal(BigInt(next), BigInt(last) + 1n, "it goes on exactly: everything was acknowledged");
  assert.deepEqual(newer.records()[0].offset, next);
  await older.ask({ type: "ping" });
  await producer.stop();
});

Deno.test("v2 shares a balanced group, with v1 clients and v2 ones", async () => {
  const { kafka } = await sharedKafka();
  await numbered("v2-balanced", 100, 4);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await V2Client.open(proxy.url);
  const group = "v2-balanced";
  await client.ask({ type: "subscribe", topics: ["v2-balanced"], group, ack: "client" });
  await client.frame("assigned", ({ partitions }) => partitions.length === 4);
  await client.untilRecords(400);
  for (const partition of [0, 1, 2, 3]) {
    await client.ask({
      type: "ack",
      subscription: 1,
      topic: "v2-balanced",
      partition,
      offset: "99",
    });
  }
  await using v1 = await RecordClient.open(
    proxy.at({ topic: "v2-balanced", consumerGroup: group, partition: "all" }),
  );
  const { partitions } = await client.frame("revoked");
  assert.equal(partitions.length, 2);
  assert.equal(v1.count, 0, "everything was acknowledged before");
});

Deno.test("v2 ends at the end, seeks, tells the lag and pings", async () => {
  const { kafka } = await sharedKafka();
  await numbered("v2-steer", 100);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await V2Client.open(proxy.url);
  await client.ask({ type: "subscribe", topics: ["v2-steer"], from: "earliest", until: "end" });
  const end = await client.frame("end");
  assert.equal(end.end, "100");
  assert.equal((await client.frame("ended")).code, "done");
  assert.deepEqual(client.records(1).map(({ offset }) => offset), range(0, 100));

  await client.ask({ type: "subscribe", topics: ["v2-steer"], from: "earliest", credit: 10 });
  await client.untilRecords(10, 2);
  const lag = await client.ask<"lag">({ type: "lag", subscription: 2 });
  assert.deepEqual(lag.partitions.map(({ records }) => records), ["90"]);
  await client.ask({
    type: "seek",
    subscription: 2,
    topic: "v2-steer",
    partition: 0,
    from: "-5",
  });
  client.send({ type: "credit", subscription: 2, records: 100 });
  await client.untilRecords(15, 2);
  assert.deepEqual(client.records(2).slice(10).map(({ offset }) => offset), range(95, 100));
  await client.ask<"pong">({ type: "ping" });
  await assert.rejects(
    client.ask({ type: "subscribe", topics: ["nowhere"] }),
    { code: "unknown_topic" },
  );
});

Deno.test("v2 resumes by token on another process, exactly; and says what is missed", async () => {
  const { kafka, helper } = await sharedKafka();
  await numbered("v2-resume", 100, 2);
  await using one = await startProxy({ kafka: kafka.bootstrap });
  await using other = await startProxy({ kafka: kafka.bootstrap });
  const first = await V2Client.open(one.url);
  await first.ask({ type: "subscribe", topics: ["v2-resume"], from: "earliest", credit: 70 });
  await first.untilRecords(70);
  const { resume } = await first.frame("position");
  const seen = new Set(first.records().map(({ partition, offset }) => `${partition}:${offset}`));
  await first.close();

  await using second = await V2Client.open(other.url);
  const answer = await second.ask<"subscribed">({
    type: "subscribe",
    topics: ["v2-resume"],
    resume,
  });
  assert.equal(answer.recovered, true);
  await second.untilRecords(130);
  for (const { partition, offset } of second.records()) {
    assert.ok(!seen.has(`${partition}:${offset}`), `${partition}:${offset} came twice`);
  }

  // Retention passes partition 0 beyond where the token stands.
  await helper.deleteRecords("v2-resume", 0, 90);
  const third = await second.ask<"subscribed">({
    type: "subscribe",
    topics: ["v2-resume"],
    resume,
  });
  assert.equal(third.recovered, false);
  const gap = await second.frame("gap");
  assert.deepEqual([gap.subscription, gap.partition, gap.to, gap.reason], [
    2,
    0,
    "90",
    "retention",
  ]);

  // The topic of the token is gone, another has its name.
  for (const subscription of [1, 2]) await second.ask({ type: "unsubscribe", subscription });
  await helper.deleteTopic("v2-resume");
  await numbered("v2-resume", 5, 2);
  const fourth = await second.ask<"subscribed">({
    type: "subscribe",
    topics: ["v2-resume"],
    resume,
  });
  assert.equal(fourth.recovered, false);
  await second.untilRecords(10, 3);
  const gaps = second.of("gap").filter(({ subscription }) => subscription === 3);
  assert.ok(gaps.length > 0);
  for (const { to, reason } of gaps) assert.deepEqual([to, reason], ["0", "recreated"]);
});

Deno.test("v2 says what it wants: an unknown subprotocol, parameters that belong in frames", async () => {
  const { kafka } = await sharedKafka();
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const headers = { "sec-websocket-protocol": "kafka-proxy.v2" };
  using answer = await httpUpgrade(`${proxy.url}?topic=orders`, { headers });
  assert.equal(answer.status, 400);
  assert.match(answer.body, /subscribe frame/);
  await using comma = await V2Client.open(proxy.url, {
    protocols: ["kafka-proxy.v3", "kafka-proxy.v2.binary", "kafka-proxy.v1"],
  });
  assert.equal(comma.protocol, "kafka-proxy.v2.binary");
});
