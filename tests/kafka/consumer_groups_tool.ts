import assert from "node:assert/strict";
import { runKafkaTool } from "./kafka_tool.ts";

const TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

/** A row of Kafka's own table of a group. */
export interface ToolRow {
  readonly topic: string;
  readonly partition: number;
  readonly committed: number;
  readonly end: number;
  readonly lag: number;
}

/** What `kafka-consumer-groups --describe` says of a group. */
export async function describedByTool(bootstrap: string, group: string): Promise<ToolRow[]> {
  const text = await runKafkaTool(TOOL, ["--describe", "--group", group], { bootstrap });
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const header = lines.find(([first]) => first === "GROUP");
  assert.ok(header !== undefined, text);
  const column = (name: string) => header.indexOf(name);
  return lines.filter(([first]) => first === group).map((fields) => ({
    topic: fields[column("TOPIC")],
    partition: Number(fields[column("PARTITION")]),
    committed: Number(fields[column("CURRENT-OFFSET")]),
    end: Number(fields[column("LOG-END-OFFSET")]),
    lag: Number(fields[column("LAG")]),
  })).sort((a, b) => a.partition - b.partition);
}

/** What `kafka-consumer-groups --reset-offsets` does to one partition: back to its earliest record. */
export async function resetByTool(
  bootstrap: string,
  group: string,
  { topic, partition }: { readonly topic: string; readonly partition: number },
): Promise<void> {
  const args = ["--reset-offsets", "--to-earliest", "--topic", `${topic}:${partition}`];
  const more = ["--group", group, "--execute"];
  const text = await runKafkaTool(TOOL, [...args, ...more], { bootstrap });
  assert.match(text, new RegExp(`${group}\\s+${topic}\\s+${partition}\\s+0\\b`));
}
