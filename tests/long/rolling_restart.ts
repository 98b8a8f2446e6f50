/**
 * A rolling restart under load, with 500 clients of v2:
 * `deno run -A tests/long/rolling_restart.ts --clients 500`. Ends with code 1 when a record was lost or
 * came twice.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { rollingRestart } from "../support/rolling_restart.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { clients: { type: "string", default: "500" } } });
  const clients = Number(values.clients);
  if (!(clients >= 10)) {
    console.error("Usage: rolling_restart.ts [--clients N]");
    return 2;
  }
  Deno.env.set("KAFKA_PROXY_TEST_NOTES", "1");
  await using kafka = await KafkaCluster.start();
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  const groups = Math.round(clients / 10);
  try {
    await rollingRestart({
      bootstrap: kafka.bootstrap,
      helper,
      topic: "rolling-long",
      readers: clients - groups,
      groups,
      recordsPerSecond: 100,
      drainMs: 10_000,
    });
    return 0;
  } catch (error) {
    console.error(error);
    return 1;
  }
}
