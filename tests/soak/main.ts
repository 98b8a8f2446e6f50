/**
 * `deno task soak`: clients of all kinds come and go for a long time, and what the server's process
 * has must not grow.
 *
 * Ends with code 1 when a client missed a record, was closed, or a figure grew; with 2 when misused.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { markdownTable } from "../support/markdown_table.ts";
import { soakPicture } from "./soak_picture.ts";
import { soak, soakProblems, type SoakSlope } from "./soak_run.ts";

const USAGE = `Usage: deno task soak [--minutes N] [--seed S] [--rate N] [--out FILE] [--picture]

  --minutes N  how long (default 30)
  --seed S     which clients come when (default 1)
  --rate N     records written a second (default 80)
  --out FILE   where the report goes, as JSON (default soak.json)
  --picture    draws docs/soak.svg too`;

/** Clients at a time. */
const KINDS = {
  reader: 60,
  patientReader: 60,
  binaryReader: 20,
  pinnedGroup: 15,
  ackingGroup: 15,
  producer: 10,
  sleeper: 20,
  vanisher: 10,
  dropper: 10,
};

/** The rows of the table in docs/RELIABILITY.md. */
function slopeTable(slopes: readonly SoakSlope[]): string {
  return markdownTable([
    ["figure", "least", "most", "grows an hour by", "limit"],
    ...slopes.map(({ name, least, greatest, perHour, most, unit }) => [
      name,
      least.toFixed(1),
      greatest.toFixed(1),
      `${perHour.toFixed(2)} ${unit}`.trim(),
      `${most} ${unit}`.trim(),
    ]),
  ]);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "30" },
      seed: { type: "string", default: "1" },
      rate: { type: "string", default: "80" },
      out: { type: "string", default: "soak.json" },
      picture: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const [minutes, seed, rate] = [values.minutes, values.seed, values.rate].map(Number);
  if (values.help || !(minutes > 0 && Number.isInteger(seed) && rate > 0)) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  await using cluster = await KafkaCluster.start({ onProgress: console.error });
  await using helper = await KafkaHelper.start(cluster.bootstrap, cluster);
  const report = await soak({
    bootstrap: cluster.bootstrap,
    helper,
    topic: "soak",
    seconds: minutes * 60,
    seed,
    recordsPerSecond: rate,
    kinds: KINDS,
    staySeconds: [5, 120],
    sampleSeconds: 5,
    onProgress: console.error,
  });
  await Deno.writeTextFile(values.out, JSON.stringify(report));
  if (values.picture) {
    const file = fileURLToPath(new URL("../../docs/soak.svg", import.meta.url));
    await Deno.writeTextFile(file, soakPicture(report.samples));
  }
  const { clients, written } = report;
  console.log(
    `${clients.records} records to ${clients.clients} clients, ${written} written beside`,
  );
  console.log(`${clients.produced} written by clients, ${clients.repeats} came again in groups`);
  console.log(slopeTable(report.slopes));
  const problems = soakProblems(report);
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
