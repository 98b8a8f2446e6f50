/**
 * How fast a chunk becomes frames, by format and by what the values are: records a second of
 * processor time, without Kafka and without sockets. Each row runs in a fresh process, rounds alternate their
 * order.
 *
 *     deno task bench:encode [--rounds=5] [--seconds=1] [--rows=JSON]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { ENCODE_ROWS, type EncodeRun } from "./encode_rows.ts";
import { runProgram } from "./program.ts";
import { median } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
    rows: { type: "string", default: "" },
  },
});

const rates = new Map<string, number[]>();
const wanted = Object.keys(ENCODE_ROWS).filter((name) => name.includes(values.rows));
const frameBytes = new Map<string, number>();
for (let round = 0; round < Number(values.rounds); round++) {
  for (const name of round % 2 === 0 ? wanted : wanted.toReversed()) {
    const run = await runProgram<EncodeRun>("encode_row.ts", [name, values.seconds]);
    rates.set(name, [...(rates.get(name) ?? []), run.recordsPerSecond]);
    frameBytes.set(name, run.bytesPerRecord);
  }
}

console.log("| row | median M records/s | min | max | bytes a record |");
console.log("| --- | --- | --- | --- | --- |");
for (const name of wanted) {
  const own = rates.get(name)!;
  const cells = [median(own), Math.min(...own), Math.max(...own)]
    .map((rate) => (rate / 1e6).toFixed(2));
  console.log(`| ${name} | ${cells.join(" | ")} | ${frameBytes.get(name)!.toFixed(1)} |`);
}
