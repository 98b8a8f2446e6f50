/**
 * A work queue over v2 whose workers' sockets are cut and whose proxies are killed:
 * `deno run -A tests/long/work_queue.ts --records 200000 --disturbances 20 --seed 1`. Prints a line a
 * disturbance; ends with code 1 when a record was lost, or came again though its acknowledgement had
 * been answered, or a committed offset went backwards.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { workQueue } from "../support/work_queue.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      records: { type: "string", default: "200000" },
      disturbances: { type: "string", default: "20" },
      seed: { type: "string", default: `${Date.now() % 100_000}` },
    },
  });
  const [records, disturbances, seed] = [values.records, values.disturbances, values.seed].map(
    Number,
  );
  if (![records, disturbances, seed].every((number) => Number.isInteger(number) && number >= 0)) {
    console.error("Usage: work_queue.ts [--records N] [--disturbances N] [--seed N]");
    return 2;
  }
  await using kafka = await KafkaCluster.start({ onProgress: console.error });
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  console.log(`seed ${seed}\nwhat  acknowledged  moves again after/ms`);
  const report = await workQueue({
    kafka,
    helper,
    topic: "work",
    seed,
    records,
    disturbances,
    onDisturbed: (what, acked, tookMs) =>
      console.log(`${what.padEnd(5)} ${`${acked}`.padStart(12)} ${`${tookMs}`.padStart(12)}`),
  });
  console.log(JSON.stringify(report, null, 2));
  return report.lost + report.wrongRepeats + report.stepsBack === 0 ? 0 : 1;
}
