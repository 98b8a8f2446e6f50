import { EVENT_TABLE, type EventRow } from "../../src/observe/events.ts";
import { METRIC_TABLE, type MetricRow } from "../../src/observe/metric_table.ts";
import { markdownTable } from "./markdown_table.ts";

const code = (text: string) => `\`${text}\``;
const codes = (texts: readonly string[]) => texts.map(code).join(", ");

/** The table of all metrics. */
export function metricsMarkdown(): string {
  return markdownTable([
    ["metric", "type", "labels", "meaning"],
    ...Object.entries<MetricRow>(METRIC_TABLE).map((
      [name, { type, labels, help }],
    ) => [code(name), type, codes(labels), help]),
  ]);
}

/** The catalogue of events. */
export function eventsMarkdown(): string {
  return markdownTable([
    ["event", "level", "message", "fields", "at most"],
    ...Object.entries<EventRow>(EVENT_TABLE).map((
      [name, { level, message, fields, limit }],
    ) => [code(name), level, message, codes(fields), limitText(limit)]),
  ]);
}

function limitText(limit: EventRow["limit"]): string {
  if (limit === undefined) return "";
  const { burst, perMs, by } = limit;
  const each = by.length === 0 ? "" : ` by ${codes(by)}`;
  return `${burst} in ${perMs / 1_000} s${each}`;
}
