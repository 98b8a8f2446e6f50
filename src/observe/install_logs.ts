import { configureSync, getConfig } from "@logtape/logtape";
import type { EventLevel } from "./events.ts";
import { LOG_CATEGORY } from "./log.ts";
import type { LogEntry } from "./record_line.ts";

/**
 * Sends the proxy's log records of `level` and above to `sink`, and LogTape's own errors too.
 *
 * LogTape's configuration belongs to the program: where it has one already, nothing is changed and
 * the answer is `false`.
 */
export function installLogs(
  { level, sink }: { level: EventLevel; sink: (record: LogEntry) => void },
): boolean {
  if (getConfig() !== null) return false;
  configureSync({
    sinks: { stderr: sink },
    loggers: [
      { category: [...LOG_CATEGORY], lowestLevel: level, sinks: ["stderr"] },
      // Without a row of its own it prints an advertisement on standard output at start.
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
  return true;
}
