import { runKafkaTool } from "../kafka/kafka_tool.ts";

/** A run of Kafka's own consumer benchmark. */
export interface ConsumerPerformanceRequest {
  readonly bootstrap: string;
  readonly topic: string;
  readonly group: string;
  readonly records: number;
  /** Of Kafka, which has renamed the option for the number of records. */
  readonly version: string;
}

/** The columns of its report that are compared. */
export interface ConsumerPerformanceResult {
  readonly records: number;
  /** `fetch.nMsg.sec`: without the time to join the group. */
  readonly fetchRecordsPerSecond: number;
  /** `nMsg.sec`: with it. */
  readonly recordsPerSecond: number;
  /** `rebalance.time.ms`. */
  readonly joinMs: number;
}

/** Settings beside its defaults. */
export const CONSUMER_PERFORMANCE_ARGS = ["--timeout", "60000"] as const;

/** Runs `org.apache.kafka.tools.ConsumerPerformance` in a JVM of its own, until it has all records. */
export async function runConsumerPerformance(
  { bootstrap, topic, group, records, version }: ConsumerPerformanceRequest,
): Promise<ConsumerPerformanceResult> {
  const args = ["--topic", topic, "--group", group, countOption(version), `${records}`];
  const text = await runKafkaTool("org.apache.kafka.tools.ConsumerPerformance", [
    ...args,
    ...CONSUMER_PERFORMANCE_ARGS,
  ], { bootstrap });
  return parseConsumerPerformance(text);
}

/** `--messages` became `--num-records` in 4.2 (KIP-1147). */
export function countOption(version: string): string {
  const [major, minor] = version.split(".").map(Number);
  return major > 4 || (major === 4 && minor >= 2) ? "--num-records" : "--messages";
}

/**
 * Reads its report: a line of column names, and one of values, with commas between them.
 *
 * @throws {Error} when a column is missing
 */
export function parseConsumerPerformance(text: string): ConsumerPerformanceResult {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => line.startsWith("start.time"));
  const names = (lines[at] ?? "").split(",").map((name) => name.trim());
  const values = (lines[at + 1] ?? "").split(",").map((value) => value.trim());
  const column = (name: string): number => {
    const value = Number(values[names.indexOf(name)]);
    if (Number.isFinite(value)) return value;
    throw new Error(`Cannot find ${name} in the report of ConsumerPerformance:\n${text}`);
  };
  return {
    records: column("data.consumed.in.nMsg"),
    fetchRecordsPerSecond: column("fetch.nMsg.sec"),
    recordsPerSecond: column("nMsg.sec"),
    joinMs: column("rebalance.time.ms"),
  };
}
