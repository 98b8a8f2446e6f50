/**
 * `deno task bench:idle-cpu`: how much of a core a process takes while its readers wait for records
 * that do not come, beside a process without readers.
 *
 * @module
 */
import { sleep } from "../../src/stream/sleep.ts";
import { BenchKafka } from "./bench_kafka.ts";
import { type Campaign, type CampaignRow, runCampaign } from "./campaign.ts";
import { processCpuSeconds } from "./process_cpu.ts";
import { ReadersProcess } from "./readers_process.ts";

const SETTLE_MS = 3_000;

/** Readers that wait. */
export const IDLE_CPU: Campaign = {
  name: "idle_cpu",
  about: "Share of a core that a process with idle readers takes.",
  rounds: 5,
  async rows(isSmall, resources) {
    const kafka = await BenchKafka.start(resources);
    const topic = await kafka.newTopic();
    const seconds = isSmall ? 1 : 15;
    return (isSmall ? [0, 20] : [0, 1_000]).map((sockets): CampaignRow => ({
      name: `${sockets} idle readers`,
      settings: { seconds },
      async run() {
        await using proxy = await kafka.startProxy();
        const url = `${proxy.url}?topic=${topic}&consumerGroup=`;
        await using resources = new AsyncDisposableStack();
        if (sockets > 0) {
          const options = { url, sockets, from: 0, valueBytes: 100 };
          resources.use(await ReadersProcess.start(options));
        }
        await sleep(isSmall ? 10 : SETTLE_MS);
        const startMs = performance.now();
        const startCpu = processCpuSeconds(proxy.pid)!;
        await sleep(seconds * 1_000);
        const tookSeconds = (performance.now() - startMs) / 1_000;
        return { "% of a core": (processCpuSeconds(proxy.pid)! - startCpu) / tookSeconds * 100 };
      },
    }));
  },
};

if (import.meta.main) Deno.exit(await runCampaign(IDLE_CPU, Deno.args));
