import assert from "node:assert/strict";
import { KafkaProxyClient } from "../../src/client/mod.ts";
import { freePorts } from "../kafka/free_ports.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { eventually } from "./eventually.ts";
import { History } from "./history.ts";
import { newTopic } from "./new_topic.ts";
import { note } from "./note.ts";
import { ProxyProcess } from "./proxy_process.ts";
import { TcpBalancer } from "./tcp_balancer.ts";

/** How much is restarted under. */
export interface RollingRestart {
  readonly bootstrap: string;
  readonly helper: KafkaHelper;
  readonly topic: string;
  readonly readers: number;
  /** Each a group of its own, pinned, that acknowledges. */
  readonly groups: number;
  readonly recordsPerSecond: number;
  readonly drainMs: number;
}

/** A v2 client that reads on, whatever happens to its connections. */
interface Follower {
  readonly client: KafkaProxyClient;
  readonly history: History;
  readonly running: Promise<void>;
}

/**
 * Restarts two processes behind a balancer, one after the other, under clients of v2: each must have
 * every record, in order and once, and what groups acknowledged must be committed.
 */
export async function rollingRestart(restart: RollingRestart): Promise<void> {
  const { bootstrap, helper, topic, readers, groups, recordsPerSecond, drainMs } = restart;
  await newTopic(helper, topic);
  const ports = freePorts(2);
  const start = (port: number) =>
    ProxyProcess.start({
      args: ["--kafka", bootstrap, "--port", `${port}`, "--drain-ms", `${drainMs}`],
    });
  await using stack = new AsyncDisposableStack();
  const processes = await Promise.all(ports.map(async (port) => stack.use(await start(port))));
  const balancer = stack.use(new TcpBalancer(ports));
  await eventually("both to be ready", () => ports.every((port) => balancer.isReady(port)));
  const followers = [
    ...Array.from({ length: readers }, () => follow(balancer.url, topic, undefined)),
    ...Array.from({ length: groups }, (_, i) => follow(balancer.url, topic, `${topic}-${i}`)),
  ];
  stack.defer(async () => {
    await Promise.all(followers.map(({ client }) => client.close()));
    await Promise.allSettled(followers.map(({ running }) => running));
  });
  const until = (next: number) =>
    eventually(`all to reach ${next}`, () => {
      return followers.every(({ history }) => Number(history.next() ?? 0n) >= next);
    }, { timeoutMs: 120_000, everyMs: 100 });
  const producer = await helper.backgroundProduce({ topic, ratePerSecond: recordsPerSecond });
  await until(recordsPerSecond);
  for (const [i, port] of ports.entries()) {
    const startMs = performance.now();
    processes[i].signal("SIGTERM");
    const { code } = await processes[i].ended(drainMs + 20_000);
    const [{ sockets }] = processes[i].events("draining");
    note(`${sockets} sockets left in ${Math.round(performance.now() - startMs)} ms`);
    assert.equal(code, 0);
    const closes = processes[i].events("session_closed").map(({ code }) => code);
    assert.deepEqual([...new Set(closes)], [1012]);
    processes[i] = stack.use(await start(port));
    await eventually("it to be ready again", () => balancer.isReady(port));
  }
  const { count } = await producer.stop();
  await until(count);
  for (const { history } of followers) {
    history.verify();
    assert.equal(history.count, count, "none came twice");
  }
  for (let i = 0; i < groups; i++) {
    await eventually("the last acknowledgement to be committed", async () => {
      const [{ offset }] = await helper.groupOffsets(`${topic}-${i}`);
      return offset === count;
    });
  }
  note(`${followers.length} clients, ${count} records each, none missed and none twice`);
}

function follow(url: string, topic: string, group: string | undefined): Follower {
  const client = new KafkaProxyClient(url);
  const history = new History({ from: 0n });
  const subscription = client.subscribe({
    topics: [topic],
    from: "earliest",
    ...(group === undefined ? {} : { group, partitions: [0] }),
  });
  const run = async () => {
    for await (const record of subscription) {
      history.add(record.partition, record.offset);
      record.ack();
    }
  };
  return { client, history, running: run() };
}
