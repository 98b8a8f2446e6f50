/**
 * `deno task bench:first-record`: milliseconds from a client's first step to the first record it
 * gets: a reader, a pinned group nobody holds, a balanced group; and a bare KafkaJS consumer that
 * joins a group of its own.
 *
 * @module
 */
import { Kafka, logLevel } from "kafkajs";
import { BenchKafka } from "./bench_kafka.ts";
import { type Campaign, type CampaignRow, runCampaign } from "./campaign.ts";
import { median } from "./statistics.ts";

const SAMPLES = 20;

/** Connect to the first record. */
export const FIRST_RECORD: Campaign = {
  name: "first_record",
  about: "Milliseconds from connecting to the first record.",
  rounds: 5,
  async rows(isSmall, resources) {
    const kafka = await BenchKafka.start(resources);
    const topic = await kafka.newTopic();
    await kafka.helper.produce({ topic, count: 100 });
    const samples = isSmall ? 1 : SAMPLES;
    let groups = 0;
    const proxyRow = (name: string, query: () => string): CampaignRow => ({
      name,
      settings: { samples },
      async run() {
        await using proxy = await kafka.startProxy();
        const url = `${proxy.url}?topic=${topic}&offset=earliest`;
        return await sampled(samples, () => firstFrame(`${url}&${query()}`));
      },
    });
    return [
      proxyRow("a reader", () => "consumerGroup="),
      proxyRow("a pinned group nobody holds", () => `consumerGroup=pinned-${++groups}`),
      proxyRow("a balanced group", () => `consumerGroup=balanced-${++groups}&partition=all`),
      {
        name: "a bare KafkaJS consumer",
        settings: { samples },
        run: () =>
          sampled(samples, () => firstOfConsumer(kafka.bootstrap, topic, `bare-${++groups}`)),
      },
    ];
  },
};

async function sampled(samples: number, once: () => Promise<number>) {
  const took: number[] = [];
  for (let i = 0; i < samples; i++) took.push(await once());
  const [first] = took;
  return { "median ms": median(took), "worst ms": Math.max(...took), "first ms": first };
}

function firstFrame(url: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const startMs = performance.now();
  let tookMs = 0;
  const socket = new WebSocket(url);
  socket.onmessage = () => {
    tookMs ||= performance.now() - startMs;
    socket.close();
  };
  socket.onclose = ({ code, reason }) => {
    if (tookMs > 0) resolve(tookMs);
    else reject(new Error(`Closed with ${code} ${reason} before the first record`));
  };
  return promise;
}

async function firstOfConsumer(bootstrap: string, topic: string, groupId: string): Promise<number> {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
  const { promise, resolve } = Promise.withResolvers<number>();
  const startMs = performance.now();
  const consumer = kafka.consumer({ groupId });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachBatch: () => {
      resolve(performance.now() - startMs);
      return Promise.resolve();
    },
  });
  const tookMs = await promise;
  await consumer.disconnect();
  return tookMs;
}

if (import.meta.main) Deno.exit(await runCampaign(FIRST_RECORD, Deno.args));
