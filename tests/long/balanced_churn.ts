/**
 * A balanced group on 12 partitions whose members join, leave, vanish and are killed, while numbered
 * records go on all the time: `deno run -A tests/long/balanced_churn.ts --minutes 5 --seed 1`. Prints
 * a line a step; ends with code 1 when a record was lost or a committed offset went backwards.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { balancedChurn } from "../support/balanced_churn.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "5" },
      seed: { type: "string", default: `${Date.now() % 100_000}` },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (!(minutes > 0 && Number.isInteger(seed))) {
    console.error("Usage: balanced_churn.ts [--minutes N] [--seed N]");
    return 2;
  }
  await using kafka = await KafkaCluster.start({ onProgress: console.error });
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  console.log(`seed ${seed}\nstep  members  all partitions moved again after/ms`);
  try {
    const report = await balancedChurn({
      kafka,
      helper,
      topic: "churn",
      seed,
      forMs: minutes * 60_000,
      onStep: (step, members, quietMs) =>
        console.log(`${step.padEnd(5)} ${`${members}`.padStart(7)} ${`${quietMs}`.padStart(8)}`),
    });
    console.log(JSON.stringify(report, null, 2));
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}
