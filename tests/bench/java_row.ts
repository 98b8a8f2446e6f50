import { CONSUMER_PERFORMANCE_ARGS, runConsumerPerformance } from "./consumer_performance.ts";
import type { DrainTopic } from "./drain_topic.ts";
import type { Row } from "./row.ts";

/** Line of the table that others are compared with. */
export const JAVA_LINE = "ConsumerPerformance, fetch only";

/** Kafka's own measure of its own client: no socket, no JSON, records only counted. */
export function javaRow(topic: DrainTopic): Row {
  return {
    name: "java",
    settings: {
      isolation: "read_uncommitted (default)",
      arguments: CONSUMER_PERFORMANCE_ARGS.join(" "),
      "fetch-size": "1048576 (default)",
      "check.crcs": "false (the tool's own)",
      clock: "the tool's fetch.nMsg.sec, which leaves the join out, and nMsg.sec",
      order: "not checked",
      output: "none: records are counted",
    },
    async run(round) {
      const group = `${topic.name}-java-${round}`;
      const result = await runConsumerPerformance({ ...topic, topic: topic.name, group });
      if (result.records !== topic.records) {
        throw new Error(
          `Wanted ${topic.records} records, ConsumerPerformance got ${result.records}`,
        );
      }
      return {
        recordsPerSecond: {
          [JAVA_LINE]: result.fetchRecordsPerSecond,
          "ConsumerPerformance, with join": result.recordsPerSecond,
        },
        details: { joinMs: result.joinMs },
      };
    },
  };
}
