/**
 * Many sockets that write while the broker is restarted:
 * `deno run -A tests/long/produce_storm.ts --records 200000 --sockets 50 --restarts 2`. Ends with
 * code 1 when a record that was said to be stored is not where it was said to be, when one is there
 * twice or in the wrong order, or when one is there that was said to have failed.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { produceStorm } from "../support/produce_storm.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      records: { type: "string", default: "200000" },
      sockets: { type: "string", default: "50" },
      restarts: { type: "string", default: "2" },
    },
  });
  const [records, sockets, restarts] = [values.records, values.sockets, values.restarts].map(
    Number,
  );
  if (![records, sockets, restarts].every((number) => Number.isInteger(number) && number >= 0)) {
    console.error("Usage: produce_storm.ts [--records N] [--sockets N] [--restarts N]");
    return 2;
  }
  await using kafka = await KafkaCluster.start({
    onProgress: console.error,
    properties: { "broker.session.timeout.ms": 2_000 },
  });
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  const report = await produceStorm({
    kafka,
    helper,
    topic: "storm",
    records,
    sockets,
    restarts,
    onProgress: console.error,
  });
  console.log(JSON.stringify(report, null, 2));
  const { misplaced, twice, disordered, failedStored } = report;
  return misplaced + twice + disordered + failedStored === 0 ? 0 : 1;
}
