/**
 * `deno task bench:codecs`: how fast one reader drains a partition in each of Kafka's compressions.
 *
 * @module
 */
import { BenchKafka } from "./bench_kafka.ts";
import { type Campaign, type CampaignRow, runCampaign } from "./campaign.ts";
import { processCpuSeconds } from "./process_cpu.ts";
import { runProgram } from "./program.ts";
import type { ClientResult } from "./websocket_client.ts";

const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** One reader, each compression. */
export const CODEC_DRAIN: Campaign = {
  name: "codecs",
  about: "Records a second that one reader drains, by the compression of the topic.",
  rounds: 5,
  async rows(isSmall, resources) {
    const kafka = await BenchKafka.start(resources);
    const records = isSmall ? 2_000 : 500_000;
    const rows: CampaignRow[] = [];
    for (const compression of CODECS) {
      const topic = await kafka.newTopic();
      await kafka.helper.produce({ topic, count: records, batchBytes: 16_384, compression });
      rows.push({
        name: compression,
        settings: { records, valueBytes: 100, producerBatchBytes: 16_384 },
        async run() {
          await using proxy = await kafka.startProxy();
          const url = `${proxy.url}?topic=${topic}&consumerGroup=&offset=0`;
          const cpu = processCpuSeconds(proxy.pid)!;
          const client = await runProgram<ClientResult>("websocket_client.ts", [url, `${records}`]);
          return {
            "records/s": records / client.seconds,
            "proxy CPU s": processCpuSeconds(proxy.pid)! - cpu,
          };
        },
      });
    }
    return rows;
  },
};

if (import.meta.main) Deno.exit(await runCampaign(CODEC_DRAIN, Deno.args));
