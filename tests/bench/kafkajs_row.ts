import type { DrainTopic } from "./drain_topic.ts";
import type { KafkaJsResult } from "./kafkajs_loop.ts";
import { runProgram } from "./program.ts";
import type { Row } from "./row.ts";

/** Line of the table that others are compared with. */
export const KAFKAJS_LINE = "bare KafkaJS eachBatch loop in Deno";

/** The rival in the same runtime: no socket, no JSON, records only counted. */
export function kafkaJsRow(topic: DrainTopic): Row {
  return {
    name: "kafkajs",
    settings: {
      isolation: "read_committed (default)",
      maxBytesPerPartition: "1048576 (default)",
      autoCommit: "on (default)",
      clock: "from the end of the join (GROUP_JOIN) to the last batch, and from run()",
      order: "first offset and count of every batch checked",
      output: "none: messages are counted",
    },
    async run(round) {
      const args = [topic.bootstrap, topic.name, `${topic.name}-kafkajs-${round}`];
      const result = await runProgram<KafkaJsResult>("kafkajs_loop.ts", [
        ...args,
        `${topic.records}`,
      ]);
      return {
        recordsPerSecond: {
          [KAFKAJS_LINE]: topic.records / result.seconds,
          [`${KAFKAJS_LINE}, with join`]: topic.records / result.secondsWithJoin,
        },
        readerCpuSeconds: result.cpuSeconds,
      };
    },
  };
}
