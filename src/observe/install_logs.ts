import { configureSync, getConfig } from "@logtape/logtape";
import type { EventLevel } from "./events.ts";
import { LOG_CATEGORY } from "./log.ts";
import type { LogEntry } from "./record_line.ts";

/**
 * Sends the proxy's log records of `level` and above to `sink`, and LogTape's own errors too.
 *
 * LogTape's configuration belongs to the program: where it has one already, nothing is changed and
 * the answer is `false`; `again` replaces one that was installed here.
 */
export function installLogs(
  { level, sink, again = false }: {
    level: EventLevel;
    sink: (record: LogEntry) => void;
    again?: boolean;
  },
): boolean {
  if (getConfig() !== null && !again) return false;
  configureSync({
    reset: again,
    sinks: { stderr: sink },
    loggers: [
      { category: [...LOG_CATEGORY], lowestLevel: level, sinks: ["stderr"] },
      // Without a row of its own it prints an advertisement on standard output at start.
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
  return true;
}
