import { JAVA_LINE } from "./java_row.ts";
import { KAFKAJS_LINE } from "./kafkajs_row.ts";
import type { RowRun } from "./row.ts";
import { median } from "./statistics.ts";

/** One run, with where it stood among the others. */
export interface DrainRun extends RowRun {
  readonly row: string;
  /** Counts from 1. */
  readonly round: number;
  /** Load average of the last minute before it, which tells a busy machine. */
  readonly load: number;
  /** Processor time of the broker meanwhile, in seconds. */
  readonly brokerCpuSeconds: number | undefined;
}

/** Medians over the rounds as a Markdown table. */
export function drainTable(runs: readonly DrainRun[]): string {
  const rates = ratesByLine(runs);
  const medians = new Map([...rates].map(([line, values]) => [line, median(values)]));
  const ratio = (line: string, other: string): string => {
    const base = medians.get(other);
    return base === undefined ? "-" : (medians.get(line)! / base).toFixed(2);
  };
  const lines = [...rates].map(([line, values]) => [
    line,
    thousands(medians.get(line)!),
    thousands(Math.min(...values)),
    thousands(Math.max(...values)),
    ratio(line, KAFKAJS_LINE),
    ratio(line, JAVA_LINE),
    cpu(runs, line, "serverCpuSeconds"),
    cpu(runs, line, "readerCpuSeconds"),
  ]);
  const head = ["row", "median records/s", "min", "max", "x KafkaJS loop"]
    .concat(["x ConsumerPerformance (fetch)", "server CPU s", "reader CPU s"]);
  const rule = head.map((_, i) => i === 0 ? "---" : "---:");
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function ratesByLine(runs: readonly DrainRun[]): Map<string, number[]> {
  const rates = new Map<string, number[]>();
  for (const { recordsPerSecond } of runs) {
    for (const [line, rate] of Object.entries(recordsPerSecond)) {
      rates.set(line, [...rates.get(line) ?? [], rate]);
    }
  }
  return rates;
}

function cpu(
  runs: readonly DrainRun[],
  line: string,
  whose: "serverCpuSeconds" | "readerCpuSeconds",
): string {
  const values = runs
    .filter(({ recordsPerSecond }) => Object.keys(recordsPerSecond)[0] === line)
    .map((run) => run[whose]).filter((value) => value !== undefined);
  return values.length === 0 ? "-" : median(values).toFixed(2);
}

function thousands(rate: number): string {
  return Math.round(rate).toLocaleString("en-US");
}
