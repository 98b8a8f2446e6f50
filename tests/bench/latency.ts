/**
 * `deno task bench:latency`: how old records are when a client gets them, through the proxy and to a
 * bare KafkaJS consumer, both reading the same records at the same time.
 *
 * @module
 */
import { BenchKafka } from "./bench_kafka.ts";
import { type Campaign, type CampaignRow, runCampaign } from "./campaign.ts";
import type { LatencyResult } from "./latency_counter.ts";
import { runProgram, ServerProgram } from "./program.ts";

/** The first seconds are not counted. */
const WARM_SECONDS = 3;

/** Produce to receive. */
export const LATENCY: Campaign = {
  name: "latency",
  about: "Milliseconds from produce to receive, proxy and KafkaJS consumer side by side.",
  rounds: 5,
  async rows(isSmall, resources) {
    const kafka = await BenchKafka.start(resources);
    const seconds = isSmall ? 1 : 10;
    return [1_000, isSmall ? 2_000 : 50_000].map((rate) => rateRow(kafka, rate, seconds));
  },
};

function rateRow(kafka: BenchKafka, rate: number, seconds: number): CampaignRow {
  return {
    name: `${rate} records/s`,
    settings: {
      seconds,
      producer: "our own, acks all, at most a call a millisecond, 4 at a time",
    },
    async run() {
      const topic = await kafka.newTopic();
      const { bootstrap } = kafka;
      const [warm, records] = [rate * WARM_SECONDS, rate * (WARM_SECONDS + seconds)].map(String);
      await using proxy = await kafka.startProxy();
      const url = `${proxy.url}?topic=${topic}&consumerGroup=&offset=0`;
      await using client = await ServerProgram.start("latency_websocket.ts", [url, warm, records]);
      await using consumer = await ServerProgram.start("latency_kafkajs.ts", [
        bootstrap,
        topic,
        warm,
        records,
      ]);
      const results = Promise.all([
        client.result<LatencyResult>(),
        consumer.result<LatencyResult>(),
      ]);
      await runProgram("latency_producer.ts", [bootstrap, topic, `${rate}`, records]);
      const [own, bare] = await results;
      return {
        "proxy p50": own.p50,
        "proxy p95": own.p95,
        "proxy p99": own.p99,
        "KafkaJS p50": bare.p50,
        "KafkaJS p95": bare.p95,
        "KafkaJS p99": bare.p99,
      };
    },
  };
}

if (import.meta.main) Deno.exit(await runCampaign(LATENCY, Deno.args));
