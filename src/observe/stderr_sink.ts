import { EVENT_TABLE } from "./events.ts";
import { type ByteWriter, LineQueue } from "./line_queue.ts";
import { jsonLine, type LogEntry, textLine } from "./record_line.ts";

const LINES = { json: jsonLine, text: textLine };

/** How {@linkcode stderrSink} is built. */
export interface StderrSinkOptions {
  /** Where the lines go: `Deno.stderr`, say. */
  readonly writer: ByteWriter;
  /** `json` for programs, `text` for people. */
  readonly format: "json" | "text";
  /** Most bytes that wait for a slow reader of standard error; 1 MiB. */
  readonly maxBytes?: number;
}

/** A LogTape sink that can be waited for. */
export interface StderrSink {
  /** Queues one line for a record; never throws, never waits. */
  (record: LogEntry): void;
  /** Resolves when everything is written, or after `timeoutMs`; call it before the process ends. */
  flush(timeoutMs: number): Promise<void>;
  /** Lines that could not be written. */
  lostLines(): number;
}

/**
 * A LogTape sink that writes one line for each record.
 *
 * A standard error that is closed or full loses lines, never anything else: see `LineQueue`.
 */
export function stderrSink({ writer, format, maxBytes }: StderrSinkOptions): StderrSink {
  const line = LINES[format];
  const lossLine = (lines: number) => line(lossRecord(lines));
  const queue = new LineQueue({
    writer,
    lossLine,
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  const sink = (record: LogEntry) => {
    let text: string;
    try {
      text = line(record);
    } catch (error) {
      // Another library's record: a property whose getter throws, a ring.
      text = line({ ...unreadable(record), properties: { error: String(error) } });
    }
    queue.push(text);
  };
  return Object.assign(sink, {
    flush: (timeoutMs: number) => queue.flush(timeoutMs),
    lostLines: () => queue.lostLines,
  });
}

function lossRecord(lines: number): LogEntry {
  const { level, message } = EVENT_TABLE.log_lines_lost;
  return {
    category: ["kafka-proxy"],
    level,
    message: [message],
    rawMessage: message,
    timestamp: Date.now(),
    properties: { event: "log_lines_lost", lines },
  };
}

function unreadable({ category, level, timestamp }: LogEntry): Omit<LogEntry, "properties"> {
  const message = "A log record cannot be written";
  return { category, level, timestamp, message: [message], rawMessage: message };
}
