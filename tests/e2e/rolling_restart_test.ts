import assert from "node:assert/strict";
import { freePorts } from "../kafka/free_ports.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { newTopic } from "../support/new_topic.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { ReturningClient } from "../support/returning_client.ts";
import { RecordClient } from "../support/record_client.ts";
import { rollingRestart } from "../support/rolling_restart.ts";
import { TcpBalancer } from "../support/tcp_balancer.ts";

const sharedKafka = shareKafka();

const DRAIN_MS = 1_500;
const READERS = 30;
const GROUPS = 10;

Deno.test("a rolling restart of two processes behind a balancer loses and repeats nothing", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "rolling";
  await newTopic(helper, topic);
  const ports = await freePorts(2);
  const start = (port: number) =>
    ProxyProcess.start({
      args: ["--kafka", kafka.bootstrap, "--port", `${port}`, "--drain-ms", `${DRAIN_MS}`],
    });
  await using stack = new AsyncDisposableStack();
  const processes = await Promise.all(ports.map(async (port) => stack.use(await start(port))));
  const balancer = stack.use(new TcpBalancer(ports));
  await eventually("both to be ready", () => ports.every((port) => balancer.isReady(port)));

  const url = `${balancer.url}?topic=${topic}`;
  const readers = Array.from(
    { length: READERS },
    () => stack.use(new ReturningClient((next = 0n) => `${url}&consumerGroup=&offset=${next}`)),
  );
  const groups = Array.from(
    { length: GROUPS },
    (_, i) => stack.use(new ReturningClient(() => `${url}&consumerGroup=rolling-${i}`)),
  );
  const clients = [...readers, ...groups];
  await using producer = await helper.backgroundProduce({
    topic,
    ratePerSecond: 1_000,
  });
  await Promise.all(clients.map((client) => client.until(500n)));

  for (const [i, port] of ports.entries()) {
    const startMs = performance.now();
    const before = new Map(clients.map((client) => [client, client.endings.length]));
    processes[i].signal("SIGTERM");
    const { code } = await processes[i].ended(20_000);
    const tookMs = performance.now() - startMs;
    assert.equal(code, 0);
    assert.ok(tookMs < DRAIN_MS + 4_000, `it took ${tookMs} ms`);
    const ends = clients.flatMap((client) => client.endings.slice(before.get(client)));
    assert.ok(ends.length >= 10, `only ${ends.length} of ${clients.length} were there`);
    assert.deepEqual([...new Set(ends.map(({ code }) => code))], [1012]);
    const times = ends.map(({ atMs }) => atMs - startMs).sort((a, b) => a - b);
    assert.ok(times.at(-1)! - times[0] > DRAIN_MS / 2, `closed within ${times.at(-1)} ms`);
    const [draining] = processes[i].events("draining");
    assert.deepEqual([draining.reason, draining.sockets], ["SIGTERM", ends.length]);
    processes[i] = stack.use(await start(port));
    await eventually("it to be ready again", () => balancer.isReady(port));
  }
  const { count } = await producer.stop();
  await Promise.all(clients.map((client) => client.until(BigInt(count))));
  for (const client of clients) client.history.verify();
  for (const i of groups.keys()) {
    await eventually("the last position to be committed", async () => {
      const [{ offset }] = await helper.groupOffsets(`rolling-${i}`);
      return offset === count;
    });
  }
});

Deno.test("a rolling restart under clients of v2, readers and groups that acknowledge", async () => {
  const { kafka, helper } = await sharedKafka();
  await rollingRestart({
    bootstrap: kafka.bootstrap,
    helper,
    topic: "rolling-v2",
    readers: 30,
    groups: 10,
    recordsPerSecond: 500,
    drainMs: DRAIN_MS,
  });
});

Deno.test("POST /api/drain: not ready, 503 for new clients, 1012 for the others, exit code 0", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "drained";
  await newTopic(helper, topic);
  await helper.produce({ topic, count: 100 });
  const args = ["--kafka", kafka.bootstrap, "--drain-ms", "1000"];
  await using proxy = await ProxyProcess.start({ args });
  await proxy.event("kafka_connected");
  const urls = ["drained-a", "drained-b"].map((group) =>
    `${proxy.url}?topic=${topic}&consumerGroup=${group}`
  );
  const clients = await Promise.all(urls.map((url) => RecordClient.open(url)));
  await Promise.all(clients.map((client) => client.until(100)));
  const answer = await fetch(`${proxy.httpUrl}api/drain`, { method: "POST" });
  assert.deepEqual([answer.status, await answer.json()], [202, { inMs: 1_000 }]);
  const ready = await fetch(`${proxy.httpUrl}readyz`);
  assert.deepEqual(
    [ready.status, await ready.json()],
    [503, { status: "not ready", reasons: ["the server is leaving"] }],
  );
  using refused = await httpUpgrade(urls[0]);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "1"]);
  const closes = await Promise.all(clients.map((client) => client.closed));
  assert.deepEqual(closes, [
    { code: 1012, reason: "asked by loopback" },
    { code: 1012, reason: "asked by loopback" },
  ]);
  assert.equal((await proxy.ended()).code, 0);
  for (const group of ["drained-a", "drained-b"]) {
    assert.deepEqual((await helper.groupOffsets(group)).map(({ offset }) => offset), [100]);
  }
});
