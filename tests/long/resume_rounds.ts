/**
 * A reader that is cut at random points of a long stream and goes on by its token, each time on
 * another process: `deno run -A tests/long/resume_rounds.ts --records 1000000 --rounds 30 --seed 1`.
 * Ends with code 1 when a round does not go on exactly.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { resumeRounds } from "../support/resume_rounds.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      records: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "30" },
      seed: { type: "string", default: `${Date.now() % 100_000}` },
    },
  });
  const [records, rounds, seed] = [values.records, values.rounds, values.seed].map(Number);
  if (![records, rounds, seed].every((number) => Number.isInteger(number) && number >= 0)) {
    console.error("Usage: resume_rounds.ts [--records N] [--rounds N] [--seed N]");
    return 2;
  }
  await using kafka = await KafkaCluster.start({ onProgress: console.error });
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  console.log(`seed ${seed}`);
  const report = await resumeRounds({ kafka, helper, topic: "resume", seed, records, rounds });
  console.log(JSON.stringify(report, null, 2));
  return report.notRecovered === 0 ? 0 : 1;
}
