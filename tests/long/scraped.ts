/**
 * A proxy under load, scraped by a real Prometheus for two minutes, whose figures must add up:
 * `deno run -A tests/long/scraped.ts --seconds 120`. Ends with code 1 when they do not.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { scrapedLoad } from "../support/scraped_load.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seconds: { type: "string", default: "120" } } });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) {
    console.error("Usage: scraped.ts [--seconds N]");
    return 2;
  }
  Deno.env.set("KAFKA_PROXY_TEST_NOTES", "1");
  await using kafka = await KafkaCluster.start();
  await using helper = await KafkaHelper.start(kafka.bootstrap);
  try {
    await scrapedLoad({
      bootstrap: kafka.bootstrap,
      helper,
      topic: "scraped",
      seconds,
      recordsPerSecond: 5_000,
      readers: 50,
    });
    console.log("Sums and lag agree.");
    return 0;
  } catch (error) {
    console.error(error);
    return 1;
  }
}
