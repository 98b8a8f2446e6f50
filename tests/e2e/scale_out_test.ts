import assert from "node:assert/strict";
import { ReadersProcess } from "../bench/readers_process.ts";
import { freePorts } from "../kafka/free_ports.ts";
import { eventually } from "../support/eventually.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { RecordClient } from "../support/record_client.ts";
import { RelayedKafka } from "../support/relayed_kafka.ts";

const PROCESSES = 3;

let kafka: RelayedKafka;

// Started here, because it outlives each test.
Deno.test.beforeAll(async () => {
  kafka = await RelayedKafka.start();
});
Deno.test.afterAll(() => kafka[Symbol.asyncDispose]());

/** Three processes on one port. */
async function startProxies(resources: AsyncDisposableStack): Promise<ProxyProcess[]> {
  const [port] = freePorts(1);
  const args = ["--kafka", kafka.bootstrap, "--port", `${port}`, "--reuse-port", "on"];
  const proxies: ProxyProcess[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    proxies.push(resources.use(await ProxyProcess.start({ args: [...args] })));
  }
  for (const proxy of proxies) await proxy.event("kafka_connected");
  return proxies;
}

const opened = (proxy: ProxyProcess) => proxy.events("session_opened").length;

Deno.test("three processes on one port share the sockets, and read a topic three times for all of them", async () => {
  const { helper } = kafka;
  const [topic, count, sockets] = ["scaled", 20_000, 90];
  await helper.createTopic(topic);
  await helper.produce({ topic, count, valueBytes: 100 });
  await using resources = new AsyncDisposableStack();
  const proxies = await startProxies(resources);
  const readers = (url: string, sockets: number) =>
    ReadersProcess.start({
      url: `${url}?topic=${topic}&consumerGroup=&offset=0`,
      sockets,
      from: 0,
      valueBytes: 100,
    });

  const startBytes = await kafka.sentBytes();
  {
    await using one = await readers(proxies[0].url, 1);
    await one.until(count);
  }
  const oneBytes = await kafka.sentBytes() - startBytes;
  const crowdStartBytes = await kafka.sentBytes();
  const alreadyOpened = proxies.map(opened);
  await using crowd = await readers(proxies[0].url, sockets);
  await crowd.until(count);
  const reads = (await kafka.sentBytes() - crowdStartBytes) / oneBytes;
  assert.ok(reads < PROCESSES + 0.6, `the broker sent the topic ${reads.toFixed(2)} times`);
  const shares = proxies.map((proxy, i) => opened(proxy) - alreadyOpened[i]);
  assert.equal(shares.reduce((sum, share) => sum + share), sockets);
  assert.ok(shares.every((share) => share >= sockets / PROCESSES / 4), `shares: ${shares}`);
});

Deno.test("three processes on one port share the partitions of a group, and go on when one is gone", async () => {
  const { helper } = kafka;
  const topic = "scaled-group";
  await helper.createTopic(topic, { partitions: 6 });
  await using resources = new AsyncDisposableStack();
  const proxies = await startProxies(resources);
  const url = `${proxies[0].url}?topic=${topic}&consumerGroup=${topic}&partition=all`;
  const clients: RecordClient[] = [];
  // Until each process has one; which one a connection gets is the operating system's choice.
  while (proxies.some((proxy) => opened(proxy) === 0)) {
    assert.ok(clients.length < 40, "40 connections went to the same two processes");
    const client = await RecordClient.open(url);
    clients.push(resources.use(client));
    await eventually(
      "its session",
      () => proxies.reduce((sum, proxy) => sum + opened(proxy), 0) === clients.length,
    );
  }
  await eventually(
    "all in the group",
    async () => (await helper.describeGroup(topic)).members.length === clients.length,
    { timeoutMs: 30_000 },
  );
  await helper.produce({ topic, count: 600 });
  const seen = () => clients.reduce((sum, { count }) => sum + count, 0);
  await eventually("every record", () => seen() >= 600, { timeoutMs: 30_000 });

  proxies[0].signal("SIGTERM");
  await proxies[0].ended();
  await using reader = await RecordClient.open(
    `${proxies[1].url}?topic=${topic}&consumerGroup=&partition=all&offset=earliest`,
  );
  await reader.until(600);
});
