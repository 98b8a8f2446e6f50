/**
 * `deno task bench:produce`: how fast records reach Kafka, by the proxy's own writer and by a bare
 * KafkaJS producer. Fresh processes for every run, order reversed each round, medians.
 *
 * The table goes to standard output, progress to standard error. Ends with code 1 when a record is
 * missing or one too many, or a run fails otherwise; with 2 when misused.
 *
 * @module
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { type ProduceResult, VALUE_BYTES, WARM_UP_RECORDS } from "./produce_load.ts";
import { PRODUCE_USAGE, type ProduceOptions, readProduceOptions } from "./produce_options.ts";
import { runProgram } from "./program.ts";
import { median } from "./statistics.ts";

/** The size of a call at which KafkaJS is fastest: it groups records in quadratic time. */
const ALIKE = ["1", "500"];
const MANY = ["50", "100"];

/** Line of the table that others are compared with. */
const RIVAL = "bare KafkaJS producer, 1 caller, 500 records a call";
const CONTROL = "encoding alone, no broker";

const ROWS = [
  ["our writer, 1 caller, 500 records a call", "produce_ours.ts", ALIKE],
  [RIVAL, "produce_kafkajs.ts", ALIKE],
  ["our writer, 50 callers, 100 records a call", "produce_ours.ts", MANY],
  ["bare KafkaJS producer, 50 callers, 100 records a call", "produce_kafkajs.ts", MANY],
  [CONTROL, "produce_encoder.ts", ALIKE],
] as const;

interface Run extends ProduceResult {
  readonly row: string;
  readonly round: number;
  /** Load average of the last minute before it, which tells a busy machine. */
  readonly load: number;
  readonly recordsPerSecond: number;
}

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  let options: ProduceOptions | undefined;
  try {
    options = readProduceOptions(Deno.args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${PRODUCE_USAGE}`);
    return 2;
  }
  if (options === undefined) {
    console.log(PRODUCE_USAGE);
    return 0;
  }
  try {
    await bench(options);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function bench(options: ProduceOptions): Promise<void> {
  await using kafka = await KafkaCluster.start({
    fast: false,
    heapMb: 1024,
    onProgress: console.error,
  });
  await using helper = await KafkaHelper.start(kafka.bootstrap, kafka);
  const runs: Run[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const row of round % 2 === 1 ? ROWS : ROWS.toReversed()) {
      const run = await runRow(row, round, options, kafka.bootstrap, helper);
      runs.push(run);
      const rate = Math.round(run.recordsPerSecond);
      console.error(`${round}/${options.rounds} ${run.row}: ${rate} records/s`);
    }
  }
  console.log(table(runs));
  if (options.jsonFile === undefined) return;
  const report = {
    settings: {
      ...options,
      valueBytes: VALUE_BYTES,
      warmUpRecords: WARM_UP_RECORDS,
      compression: "none",
      acks: "all, idempotent",
      broker: `Apache Kafka ${kafka.version}, one node, heap 1024 MB, full JIT`,
    },
    machine: { cpus: availableParallelism(), model: cpus()[0]?.model, os: Deno.build.target },
    versions: Deno.version,
    runs,
  };
  await Deno.writeTextFile(options.jsonFile, JSON.stringify(report, null, 2) + "\n");
}

/** Each run has a topic of its own, whose records are counted in the end. */
async function runRow(
  [row, program, [callers, recordsInCall]]: typeof ROWS[number],
  round: number,
  { records, partitions }: ProduceOptions,
  bootstrap: string,
  helper: KafkaHelper,
): Promise<Run> {
  const topic = `bench-produce-${Date.now()}`;
  await helper.createTopic(topic, { partitions, replicationFactor: 1 });
  const load = loadavg()[0];
  const result = await runProgram<ProduceResult>(
    program,
    [bootstrap, topic, `${records}`, callers, recordsInCall],
  );
  let stored = 0;
  for (let partition = 0; partition < partitions; partition++) {
    stored += (await helper.listOffsets(topic, partition)).latest;
  }
  const wanted = row === CONTROL ? 0 : records + WARM_UP_RECORDS;
  if (stored !== wanted) throw new Error(`${row}: ${stored} records are there, not ${wanted}`);
  await helper.deleteTopic(topic);
  return { row, round, load, recordsPerSecond: records / result.seconds, ...result };
}

/** Medians over the rounds as a Markdown table. */
function table(runs: readonly Run[]): string {
  const of = (row: string) => runs.filter((run) => run.row === row);
  const rates = (row: string) => of(row).map(({ recordsPerSecond }) => recordsPerSecond);
  const thousands = (rate: number) => Math.round(rate).toLocaleString("en-US");
  const rival = median(rates(RIVAL));
  const lines = ROWS.map(([row]) => {
    const own = rates(row);
    return [
      row,
      thousands(median(own)),
      thousands(Math.min(...own)),
      thousands(Math.max(...own)),
      (median(own) / rival).toFixed(2),
      median(of(row).map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
    ];
  });
  const head = ["row", "median records/s", "min", "max", "x bare KafkaJS", "producer CPU s"];
  const rule = head.map((_, i) => i === 0 ? "---" : "---:");
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
