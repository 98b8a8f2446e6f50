/**
 * `deno task bench:drain`: how fast one partition reaches one reader, through the proxy and in the
 * ways it is compared with. Fresh processes for every run, order reversed each round, medians.
 *
 * The table goes to standard output, progress to standard error. Ends with code 1 when a record is
 * missing, repeated, out of order or altered, or a run fails otherwise; with 2 when misused.
 *
 * @module
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { type DrainOptions, readOptions, type RowName, USAGE } from "./drain_options.ts";
import { type DrainRun, drainTable } from "./drain_report.ts";
import { DrainTopic } from "./drain_topic.ts";
import { javaRow } from "./java_row.ts";
import { kafkaJsRow } from "./kafkajs_row.ts";
import { kcatRow } from "./kcat_row.ts";
import { profileProxy } from "./profile_proxy.ts";
import { runProgram } from "./program.ts";
import { groupRow, readerRow, startProxy, v1Url } from "./proxy_row.ts";
import { type Row, withCpu } from "./row.ts";
import { runtimeRow } from "./runtime_row.ts";

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  let options: DrainOptions | undefined;
  try {
    options = readOptions(Deno.args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return 2;
  }
  if (options === undefined) {
    console.log(USAGE);
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

async function bench(options: DrainOptions): Promise<void> {
  await using topic = await DrainTopic.create({ ...options, onProgress: console.error });
  if (options.isProfile) {
    console.log(await profileProxy(topic, options.profileFile));
    return;
  }
  await using resources = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-bench-" });
  resources.defer(() => Deno.remove(folder, { recursive: true }));
  const rows = await chosenRows(options.rows, topic, join(folder, "frames"));
  const runs = await runRounds(rows, options.rounds, topic);
  console.log(drainTable(runs));
  if (options.jsonFile === undefined) return;
  const report = {
    settings: { ...topic.settings, rounds: options.rounds },
    machine: { cpus: availableParallelism(), model: cpus()[0]?.model, os: Deno.build.target },
    versions: { ...Deno.version, kafka: topic.version },
    rows: Object.fromEntries(rows.map(({ name, settings }) => [name, settings])),
    runs,
  };
  await Deno.writeTextFile(options.jsonFile, JSON.stringify(report, null, 2) + "\n");
}

async function chosenRows(
  names: readonly RowName[],
  topic: DrainTopic,
  framesFile: string,
): Promise<Row[]> {
  const makers: Record<RowName, () => Row | undefined | Promise<Row | undefined>> = {
    proxy: () => readerRow(topic),
    group: () => groupRow(topic),
    kafkajs: () => kafkaJsRow(topic),
    java: () => javaRow(topic),
    runtime: async () => {
      await captureFrames(topic, framesFile);
      return runtimeRow(topic, framesFile);
    },
    kcat: () => kcatRow(topic),
  };
  const rows: Row[] = [];
  for (const name of names) {
    const row = await makers[name]();
    if (row === undefined) console.error(`Leaving out ${name}: it is not installed`);
    else rows.push(row);
  }
  return rows;
}

/** Keeps the frames of a drain before the first round, which brings the log into memory too. */
async function captureFrames(topic: DrainTopic, file: string): Promise<void> {
  await using proxy = await startProxy(topic);
  const url = v1Url(proxy, topic, "");
  await runProgram("websocket_client.ts", [url, `${topic.records}`, file]);
}

async function runRounds(
  rows: readonly Row[],
  rounds: number,
  topic: DrainTopic,
): Promise<DrainRun[]> {
  const runs: DrainRun[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const row of round % 2 === 1 ? rows : rows.toReversed()) {
      const load = loadavg()[0];
      const { result, cpuSeconds } = await withCpu(topic.brokerPid, () => row.run(round));
      runs.push({ row: row.name, round, load, brokerCpuSeconds: cpuSeconds, ...result });
      const [[line, rate]] = Object.entries(result.recordsPerSecond);
      console.error(`${round}/${rounds} ${line}: ${Math.round(rate)} records/s`);
    }
  }
  const order = rows.map(({ name }) => name);
  // Lines of the table in the rows' own order, whatever the last round's was.
  return runs.sort((a, b) =>
    order.indexOf(a.row as RowName) - order.indexOf(b.row as RowName) || a.round - b.round
  );
}
