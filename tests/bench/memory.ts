/**
 * `deno task bench:memory`: what an idle reader costs in memory, beside an idle WebSocket of a server
 * that does nothing else. What stalled ones cost is `bench:stalled`.
 *
 * @module
 */
import { sleep } from "../../src/stream/sleep.ts";
import { BenchKafka } from "./bench_kafka.ts";
import { type Campaign, type CampaignRow, runCampaign } from "./campaign.ts";
import { processRssBytes } from "./process_cpu.ts";
import { ServerProgram } from "./program.ts";
import { ReadersProcess } from "./readers_process.ts";

/** What opening them left to collect is collected by then, in ms. */
const SETTLE_MS = 3_000;

/** Idle readers. */
export const MEMORY: Campaign = {
  name: "memory",
  about: "Memory of a process with idle readers, for each of them.",
  rounds: 5,
  async rows(isSmall, resources) {
    const kafka = await BenchKafka.start(resources);
    const sockets = isSmall ? 20 : 9_500;
    const topic = await kafka.newTopic();
    const settleMs = isSmall ? 10 : SETTLE_MS;
    const proxy: CampaignRow = {
      name: `${sockets} idle readers`,
      async run() {
        await using proxy = await kafka.startProxy();
        const url = `${proxy.url}?topic=${topic}&consumerGroup=`;
        return await cost(proxy.pid, url, sockets, settleMs);
      },
    };
    const control: CampaignRow = {
      name: `the runtime alone, ${sockets} sockets`,
      async run() {
        await using server = await ServerProgram.start("idle_server.ts", []);
        return await cost(server.pid, `ws://127.0.0.1:${server.firstLine}/`, sockets, settleMs);
      },
    };
    return [proxy, control];
  },
};

async function cost(pid: number, url: string, sockets: number, settleMs: number) {
  {
    // Code and structures that all share.
    await using _first = await ReadersProcess.start({ url, sockets: 10, from: 0, valueBytes: 100 });
    await sleep(settleMs);
  }
  const before = processRssBytes(pid)!;
  await using _readers = await ReadersProcess.start({ url, sockets, from: 0, valueBytes: 100 });
  await sleep(settleMs);
  const after = processRssBytes(pid)!;
  return {
    "MB before": before / 1e6,
    "MB": after / 1e6,
    "KB each": (after - before) / sockets / 1024,
  };
}

if (import.meta.main) Deno.exit(await runCampaign(MEMORY, Deno.args));
