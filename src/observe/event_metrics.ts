import { ERROR_TABLE, type ErrorRow } from "../core/error_table.ts";
import { OTHER } from "./bounded_names.ts";
import type { OnEvent } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** Close codes that mean something here; clients may choose any from 3000 on. */
const CLOSE_CODES: ReadonlySet<unknown> = new Set([
  1000,
  1001,
  1003,
  1005,
  1006,
  1007,
  1008,
  1009,
  1011,
  1012,
  1013,
  ...Object.values<ErrorRow>(ERROR_TABLE).map(({ closeCode }) => closeCode),
]);

/** Counts what is told by events: upgrades by outcome, closes by code, stalls. */
export function eventMetrics(metrics: Metrics): OnEvent {
  return (name, fields) => {
    metrics.add("kafka_proxy_events_total", { event: name });
    if (name === "session_opened") {
      metrics.add("kafka_proxy_upgrades_total", { outcome: "accepted" });
    } else if (name === "session_refused") {
      metrics.add("kafka_proxy_upgrades_total", { outcome: String(fields.code) });
    } else if (name === "stalled") {
      metrics.add("kafka_proxy_stalls_total", {});
    } else if (name === "session_closed") {
      const code = CLOSE_CODES.has(fields.code) ? String(fields.code) : OTHER;
      metrics.add("kafka_proxy_closes_total", { code });
      const seconds = Number(fields.durationMs) / 1_000;
      metrics.observe("kafka_proxy_session_duration_seconds", seconds);
    }
  };
}
