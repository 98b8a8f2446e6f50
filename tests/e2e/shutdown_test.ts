import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { parseFrame, RecordClient } from "../support/record_client.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { StuckPeer } from "../support/stuck_peer.ts";

const sharedKafka = shareKafka();

const GROUPS = 20;

for (const [signal, sockets] of [["SIGTERM", 1_000], ["SIGINT", 200]] as const) {
  Deno.test(`${signal} with ${sockets} sockets of which one is stuck: 1001, committed, code 0 in under 5 s`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `leaving-${signal}`;
    await helper.createTopic(topic, { partitions: 2 });
    await helper.produce({ topic, count: 1_000, partition: 0 });
    await helper.produce({ topic, count: 300_000, partition: 1 });
    // Only what the end commits is committed.
    const args = ["--kafka", kafka.bootstrap, "--commit-interval-ms", "600000"];
    await using proxy = await ProxyProcess.start({ args });
    await proxy.event("kafka_connected");
    const url = `${proxy.url}?topic=${topic}`;
    const group = (i: number) => `${signal}-${i}`;

    using stuck = await StuckPeer.connect(`${url}&partition=1&consumerGroup=${signal}-stuck`);
    const clients = await Promise.all(
      Array.from({ length: sockets - 1 }, (_, i) => {
        const query = i < GROUPS ? `consumerGroup=${group(i)}` : "consumerGroup=&offset=0";
        return RecordClient.open(`${url}&partition=0&${query}`, { keep: false });
      }),
    );
    await Promise.all(clients.map((client) => client.until(1_000)));

    const startMs = performance.now();
    proxy.signal(signal);
    const { code, signal: by } = await proxy.ended();
    const tookMs = performance.now() - startMs;
    assert.deepEqual([code, by], [0, null]);
    assert.ok(tookMs < 5_000, `it took ${tookMs} ms`);
    for (const client of clients) {
      assert.deepEqual(await client.closed, { code: 1001, reason: signal });
      client.verify();
    }
    const [leaving] = proxy.events("leaving");
    assert.deepEqual([leaving.reason, leaving.sockets], [signal, sockets]);
    assert.equal(proxy.events("left")[0].stuckSockets, 1);

    for (let i = 0; i < GROUPS; i++) {
      const [{ offset }] = await helper.groupOffsets(group(i));
      assert.equal(offset, 1_000, group(i));
    }
    const [{ offset: committed }] = await helper.groupOffsets(`${signal}-stuck`);
    const history = new History({ from: 0n });
    await stuck.readToEnd((text) => {
      for (const { offset } of parseFrame(text)) history.add(0, offset);
    });
    history.verify();
    assert.ok(committed > 0);
    assert.ok(BigInt(committed) <= history.next()!, "what the stuck one may lose is not committed");
    assert.deepEqual(proxy.log.filter(({ level }) => level === "error"), []);
  });
}

Deno.test("SIGTERM: new requests are refused while it leaves, then the port is free", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "leaving-new";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 300_000 });
  const args = ["--kafka", kafka.bootstrap, "--drain-timeout-ms", "1500"];
  await using proxy = await ProxyProcess.start({ args });
  await proxy.event("kafka_connected");
  // It keeps the server busy leaving for its drain time-out.
  using stuck = await StuckPeer.connect(`${proxy.url}?topic=${topic}&consumerGroup=leaving-new`);
  await stuck.read();
  proxy.signal("SIGTERM");
  await proxy.event("leaving");
  const ready = await fetch(`${proxy.httpUrl}readyz`);
  assert.deepEqual(
    [ready.status, await ready.json()],
    [503, { status: "not ready", reasons: ["the server is leaving"] }],
  );
  await assert.rejects(
    StuckPeer.connect(`${proxy.url}?topic=${topic}`),
    /Not upgraded: 503 .*"leaving"/,
  );
  assert.equal((await proxy.ended()).code, 0);
  const { port } = new URL(proxy.url);
  using _free = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
});

Deno.test("a second signal ends at once, with code 1", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "leaving-twice";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 300_000 });
  await using proxy = await ProxyProcess.start({ args: ["--kafka", kafka.bootstrap] });
  await proxy.event("kafka_connected");
  using stuck = await StuckPeer.connect(`${proxy.url}?topic=${topic}&consumerGroup=&offset=0`);
  await stuck.read();
  proxy.signal("SIGTERM");
  await proxy.event("leaving");
  // What comes within 100 ms is the same Ctrl-C, passed on by npx or deno task.
  const leavingMs = performance.now();
  await eventually("another signal to count", () => performance.now() - leavingMs > 200);
  assert.deepEqual(proxy.events("left"), [], "it still waits for the stuck one");
  const startMs = performance.now();
  proxy.signal("SIGINT");
  const { code } = await proxy.ended();
  const tookMs = performance.now() - startMs;
  assert.equal(code, 1);
  assert.ok(tookMs < 1_000, `it took ${tookMs} ms`);
});

Deno.test("SIGTERM while Kafka is away: it does not wait for it", async () => {
  await using proxy = await ProxyProcess.start({ args: ["--kafka", "127.0.0.1:1"] });
  await proxy.event("kafka_unreachable");
  const startMs = performance.now();
  proxy.signal("SIGTERM");
  assert.equal((await proxy.ended()).code, 0);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 1_500, `it took ${tookMs} ms`);
});
