/**
 * `deno task bench:fanout`: how many records a second one process hands out to many readers of one
 * topic. All are connected first; then records are written at full speed, and the clock runs from
 * the first byte any reader gets to the last record of the last one.
 *
 * The readers live in one process of their own, on bare TCP connections: they check that no record
 * is missing or repeated at a cost a frame, not a record.
 *
 * @module
 */
import { join } from "node:path";
import { BenchKafka } from "./bench_kafka.ts";
import { type Campaign, type CampaignRow, runCampaign } from "./campaign.ts";
import { processCpuSeconds, processPeakRssBytes } from "./process_cpu.ts";
import { runProgram, ServerProgram } from "./program.ts";
import { ReadersProcess } from "./readers_process.ts";
import type { ReadersReport } from "./many_readers.ts";

const VALUE_BYTES = 100;

/** Records for each number of readers: some tens of millions of deliveries. */
const SIZES = [[1, 2_000_000], [100, 300_000], [1_000, 40_000], [10_000, 3_000]] as const;
const SMALL_SIZES = [[1, 5_000], [20, 2_000]] as const;

/** The control sends frames as large as a thousand sockets get them. */
const CONTROL_MAX_BYTES = 50_000;

/** Readers of one topic. */
export const FANOUT: Campaign = {
  name: "fanout",
  about: "Records a second that one process hands out to 1 to 10,000 readers of one topic.",
  rounds: 5,
  async rows(isSmall, resources) {
    const kafka = await BenchKafka.start(resources);
    const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-bench-" });
    resources.defer(() => Deno.remove(folder, { recursive: true }));
    const sizes = isSmall ? SMALL_SIZES : SIZES;
    const rows = sizes.map(([sockets, records]) => proxyRow(kafka, sockets, records));
    const [v2Sockets, v2Records] = isSmall ? SMALL_SIZES[1] : SIZES[2];
    rows.push(proxyRow(kafka, v2Sockets, v2Records, "v2"));
    const [controlSockets, controlRecords] = isSmall ? SMALL_SIZES[1] : SIZES[2];
    return [...rows, await runtimeRow(kafka, controlSockets, controlRecords, folder)];
  },
};

function proxyRow(
  kafka: BenchKafka,
  sockets: number,
  records: number,
  protocol: "v1" | "v2" = "v1",
): CampaignRow {
  return {
    name: `${sockets} readers${protocol === "v2" ? ", v2" : ""}`,
    settings: { records, valueBytes: VALUE_BYTES },
    async run() {
      const topic = await kafka.newTopic();
      await using proxy = await kafka.startProxy();
      const query = protocol === "v2" ? "" : `?topic=${topic}&consumerGroup=&offset=0`;
      await using readers = await ReadersProcess.start({
        url: `${proxy.url}${query}`,
        sockets,
        from: 0,
        valueBytes: VALUE_BYTES,
        ...protocol === "v2" && { v2Topic: topic },
      });
      const cpu = [proxy.pid, readers.pid].map((pid) => processCpuSeconds(pid)!);
      const reached = readers.until(records);
      await kafka.helper.produce({ topic, count: records, valueBytes: VALUE_BYTES });
      const figures = figuresOf(await reached);
      const proxyCpu = processCpuSeconds(proxy.pid)! - cpu[0];
      return {
        ...figures,
        "deliveries a CPU second": sockets * records / proxyCpu,
        "proxy CPU s": proxyCpu,
        "readers' CPU s": processCpuSeconds(readers.pid)! - cpu[1],
        "peak MB": processPeakRssBytes(proxy.pid)! / 1e6,
      };
    },
  };
}

/** The control: the proxy's frames, sent by the runtime with nothing else to do. */
async function runtimeRow(
  kafka: BenchKafka,
  sockets: number,
  records: number,
  folder: string,
): Promise<CampaignRow> {
  const file = join(folder, "frames");
  const topic = await kafka.newTopic();
  await kafka.helper.produce({ topic, count: records, valueBytes: VALUE_BYTES });
  {
    await using proxy = await kafka.startProxy();
    const query = `topic=${topic}&consumerGroup=&offset=0&maxBytes=${CONTROL_MAX_BYTES}`;
    await runProgram("websocket_client.ts", [`${proxy.url}?${query}`, `${records}`, file]);
  }
  return {
    name: `the runtime alone, ${sockets}`,
    settings: { records, valueBytes: VALUE_BYTES, frames: `${CONTROL_MAX_BYTES} bytes of values` },
    async run() {
      await using server = await ServerProgram.start("frame_server.ts", [file, `${sockets}`]);
      const url = `ws://127.0.0.1:${server.firstLine}/`;
      const cpu = processCpuSeconds(server.pid)!;
      const options = { url, sockets, from: 0, valueBytes: VALUE_BYTES };
      await using readers = await ReadersProcess.start(options);
      const figures = figuresOf(await readers.until(records));
      const serverCpu = processCpuSeconds(server.pid)! - cpu;
      return {
        ...figures,
        "deliveries a CPU second": sockets * records / serverCpu,
        "proxy CPU s": serverCpu,
        "readers' CPU s": processCpuSeconds(readers.pid)!,
        "peak MB": processPeakRssBytes(server.pid)! / 1e6,
      };
    },
  };
}

function figuresOf({ deliveries, frames, bytes, atMs, firstMs }: ReadersReport) {
  const seconds = (atMs - firstMs!) / 1_000;
  return {
    "deliveries/s": deliveries / seconds,
    "frames/s": frames / seconds,
    "MB/s": bytes / seconds / 1e6,
    "records a frame": deliveries / frames,
  };
}

if (import.meta.main) Deno.exit(await runCampaign(FANOUT, Deno.args));
