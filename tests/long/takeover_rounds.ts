/**
 * Rounds of random takeovers, cuts and kills of one pinned partition over three processes, with
 * numbered records that go on all the time: `deno run -A tests/long/takeover_rounds.ts --rounds 50
 * --seed 1`. Prints a line a round; ends with code 1 when a record was lost, came twice where it
 * must not, or a committed offset went backwards.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { ACTIONS, type Round, takeoverRounds } from "../support/takeover_rounds.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "50" },
      seed: { type: "string", default: `${Date.now() % 100_000}` },
    },
  });
  const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
  if (!(Number.isInteger(rounds) && rounds > 0 && Number.isInteger(seed))) {
    console.error("Usage: takeover_rounds.ts [--rounds N] [--seed N]");
    return 2;
  }
  await using kafka = await KafkaCluster.start({ onProgress: console.error });
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  console.log(`seed ${seed}\nround action    from to  took/ms repeats overlap/ms`);
  try {
    const report = await takeoverRounds({
      kafka,
      helper,
      topic: "rounds",
      seed,
      rounds,
      onRound: (round) => console.log(line(round)),
    });
    console.log(summary(report.rounds));
    console.log(`${report.records} records, ${Math.round(report.takenMs / 1_000)} s, no gap`);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

function line({ round, action, from, to, tookMs, repeats, overlapMs, stepsBack }: Round): string {
  const columns = [
    `${round}`.padStart(5),
    action.padEnd(9),
    `${from}`.padStart(4),
    `${to}`.padStart(2),
    `${tookMs}`.padStart(8),
    `${repeats}`.padStart(7),
    `${overlapMs ?? "-"}`.padStart(10),
  ];
  return columns.join(" ") + (stepsBack > 0 ? `  ${stepsBack} steps back` : "");
}

function summary(rounds: readonly Round[]): string {
  const lines = ACTIONS.map((action) => {
    const own = rounds.filter((round) => round.action === action);
    if (own.length === 0) return undefined;
    const took = own.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    const overlaps = own.map(({ overlapMs }) => overlapMs ?? 0);
    return [
      action.padEnd(9),
      `${own.length} rounds`.padStart(10),
      `took ${took[0]} to ${took.at(-1)} ms`,
      `${own.filter(({ repeats }) => repeats > 0).length} with repeats`,
      `overlap at most ${Math.max(...overlaps)} ms`,
    ].join("  ");
  });
  return lines.filter((line) => line !== undefined).join("\n");
}
