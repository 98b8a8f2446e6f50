import { ProxyProcess } from "../support/proxy_process.ts";
import type { DrainTopic } from "./drain_topic.ts";
import { processPeakRssBytes } from "./process_cpu.ts";
import { runProgram } from "./program.ts";
import { type Row, withCpu } from "./row.ts";
import type { ClientResult } from "./websocket_client.ts";

/** The proxy, as `deno task start` runs it, and one v1 client without a group. */
export function readerRow(topic: DrainTopic): Row {
  return proxyRow("proxy", "kafka-proxy, reader", topic, () => "");
}

/** The same in a consumer group: positions are committed on the way. */
export function groupRow(topic: DrainTopic): Row {
  return proxyRow("group", "kafka-proxy, group", topic, (round) => `${topic.name}-${round}`);
}

/** A fresh proxy that is connected to Kafka. */
export async function startProxy(
  topic: DrainTopic,
  denoFlags: readonly string[] = [],
): Promise<ProxyProcess> {
  const proxy = await ProxyProcess.start({
    args: ["--kafka", topic.bootstrap],
    permissions: ["-P=server", ...denoFlags],
  });
  try {
    await proxy.event("kafka_connected");
    return proxy;
  } catch (error) {
    await proxy[Symbol.asyncDispose]();
    throw error;
  }
}

/** Address of all of the topic for a v1 client; an empty group is a reader. */
export function v1Url(proxy: ProxyProcess, topic: DrainTopic, group: string): string {
  const query = new URLSearchParams({ topic: topic.name, consumerGroup: group, offset: "0" });
  return `${proxy.url}?${query}`;
}

function proxyRow(
  name: "proxy" | "group",
  title: string,
  topic: DrainTopic,
  group: (round: number) => string,
): Row {
  return {
    name,
    settings: {
      isolation: "read_committed (default)",
      environment: "DENO_USE_WRITEV=1, as deno task start",
      permissions: "-P=server",
      clock: "from the constructor of the client's WebSocket to its last record",
      order: "every offset and value checked",
    },
    async run(round) {
      await using proxy = await startProxy(topic);
      const url = v1Url(proxy, topic, group(round));
      const { result: client, cpuSeconds } = await withCpu(
        proxy.pid,
        () => runProgram<ClientResult>("websocket_client.ts", [url, `${topic.records}`]),
      );
      return {
        recordsPerSecond: { [title]: topic.records / client.seconds },
        serverCpuSeconds: cpuSeconds,
        readerCpuSeconds: client.cpuSeconds,
        details: {
          seconds: client.seconds,
          firstFrameSeconds: client.firstFrameSeconds,
          frames: client.frames,
          frameBytes: client.frameBytes,
          serverPeakRssBytes: processPeakRssBytes(proxy.pid),
        },
      };
    },
  };
}
