import { shareKafka } from "../kafka/shared_kafka.ts";
import { hasTool } from "../support/debian_tool.ts";
import { scrapedLoad } from "../support/scraped_load.ts";

const sharedKafka = shareKafka();

Deno.test("a real Prometheus scrapes under load: sums are the records, lag is kafka-consumer-groups'", async () => {
  if (!await hasTool("prometheus")) return;
  const { kafka, helper } = await sharedKafka();
  await scrapedLoad({
    bootstrap: kafka.bootstrap,
    helper,
    topic: "scraped",
    seconds: 8,
    recordsPerSecond: 3_000,
    readers: 10,
  });
});
