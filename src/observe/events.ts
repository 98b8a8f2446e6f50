/** How much an event matters; LogTape's names. */
export type EventLevel = "debug" | "info" | "warning" | "error";

/** One kind of event. */
export interface EventRow<Field extends string = string> {
  /** How much it matters. */
  readonly level: EventLevel;
  /** For people; `{field}` stands for a field's value. */
  readonly message: string;
  /** Names of its fields; those that end in `?` may be left out. */
  readonly fields: readonly Field[];
  /** Part of the audit log, who did what with which result: its log records have `"audit":true`. */
  readonly audit?: true;
  /** At most `burst` log records in `perMs` for each value of the fields `by`; all are counted. */
  readonly limit?: {
    readonly burst: number;
    readonly perMs: number;
    readonly by: readonly string[];
  };
}

/**
 * Everything the proxy reports, in one place. `error` fields take whatever was thrown. There is no
 * field for a secret, a header or a record's content, and none may be called `time`, `level`,
 * `event` or `message`, which every log line has.
 */
export const EVENT_TABLE = {
  listening: row("info", "Listening on {address}", ["address", "kafka?", "version?"]),
  admin_listening: row("info", "Metrics and the API on {address}", ["address"]),
  open_to_network_without_auth: row(
    "warning",
    "Everybody who can reach {host} can read every topic: there is no --auth",
    ["host"],
  ),
  certificate_changed: row(
    "warning",
    "The certificate in {file} has changed; a restart takes it up",
    ["file"],
  ),
  certificate_ends: row(
    "warning",
    "The certificate from {file} ends in {days} days",
    ["file", "days"],
  ),
  leases_off: row(
    "warning",
    "Leases are off: a pinned partition is unique within this process only",
    [],
  ),
  settings_reloaded: row("info", "Settings read again; changed: {changed}", ["changed"]),
  setting_needs_restart: row(
    "warning",
    "The setting {setting} has changed, which needs a restart to take effect",
    ["setting"],
  ),
  settings_not_reloaded: row(
    "error",
    "The settings are not in order, and stay as they were: {problems}",
    ["problems"],
  ),
  ticket_issued: row("info", "Ticket {ticketId} given to {principal}", ["principal", "ticketId"], {
    burst: 20,
    perMs: 10_000,
    by: ["principal"],
  }),
  ticket_revoked: row("info", "Ticket {ticketId} revoked by {principal}", [
    "principal",
    "ticketId",
  ]),
  kafka_connected: row("info", "Connected to Kafka", ["kafka", "clusterId?", "durationMs?"]),
  kafka_unreachable: row(
    "warning",
    "Kafka cannot be reached; trying again",
    ["kafka", "error", "attempt?"],
    { burst: 1, perMs: 10_000, by: [] },
  ),
  kafka_auth_failed: row(
    "error",
    "Kafka does not accept our credentials; trying again",
    ["kafka", "error"],
    { burst: 1, perMs: 30_000, by: [] },
  ),
  kafka_password_in_clear: row(
    "warning",
    "The password goes to the brokers in clear text: --kafka-sasl plain without --kafka-tls on",
    [],
  ),
  kafka_back: row("info", "Kafka can be reached again", ["awayMs", "kafka?"]),
  session_opened: audited("info", "Session opened", [
    "session",
    "topic?",
    "partitions?",
    "group?",
    "from?",
    "address?",
    "protocol?",
    "principal?",
  ]),
  session_closed: audited("info", "Session closed with {code}: {reason}", [
    "session",
    "code",
    "reason",
    "records",
    "bytes",
    "durationMs",
    "topic?",
    "group?",
    "next?",
  ]),
  records_produced: audited("info", "{records} records produced to {topic}", [
    "session",
    "topic",
    "records",
    "failed",
    "unknown",
  ]),
  session_refused: audited(
    "info",
    "Session refused with {status}: {code}",
    ["status", "code", "reason?", "address?", "topic?", "group?"],
    { burst: 20, perMs: 10_000, by: ["code"] },
  ),
  limit_reached: row(
    "warning",
    "A client goes beyond {limit}",
    ["limit", "address?", "principal?", "session?", "topic?"],
    { burst: 5, perMs: 10_000, by: ["limit"] },
  ),
  admin_action: audited(
    "info",
    "{principal} did {action}",
    ["principal", "action", "address", "target?"],
  ),
  request_refused: audited(
    "info",
    "{path} refused with {status}: {code}",
    ["status", "code", "path", "reason?", "address?"],
    { burst: 20, perMs: 10_000, by: ["code"] },
  ),
  subscribed: audited("info", "Subscribed to {topics}", [
    "session",
    "subscription",
    "topics",
    "group?",
  ]),
  assigned: row("info", "Kafka assigned {partitions} of {topic}", [
    "session",
    "group",
    "topic",
    "partitions",
  ]),
  partition_report: row("info", "Group {group} on {topic} {partition}: {backlog} behind", [
    "group",
    "topic",
    "partition",
    "latest",
    "next",
    "backlog",
    "received",
    "sent",
    "durationMs",
    "recordsPerSecond",
  ]),
  oversize_record: row(
    "warning",
    "A record is larger than maxBytes and goes alone",
    ["topic", "partition", "offset", "bytes", "maxBytes", "session?"],
    { burst: 5, perMs: 10_000, by: ["topic"] },
  ),
  position_reset: row(
    "warning",
    "Retention has passed the committed position; starting at earliest",
    [
      "topic",
      "partition",
      "group",
      "committed",
      "earliest",
      "session?",
    ],
  ),
  commit_failed: row(
    "warning",
    "A position could not be committed",
    ["group", "topic", "error", "session?"],
    { burst: 3, perMs: 10_000, by: ["group", "topic"] },
  ),
  stalled: row("warning", "A client takes no bytes and is given up", [
    "session",
    "bufferedBytes",
    "topic?",
    "group?",
  ]),
  cursor_stuck: row(
    "warning",
    "{topic} {partition} is not read on from {next}, though it ends at {end}",
    ["session", "group?", "topic", "partition", "next", "end", "forMs"],
    { burst: 5, perMs: 10_000, by: ["topic"] },
  ),
  kafkajs_error: row(
    "warning",
    "KafkaJS: {text}",
    ["text", "namespace?", "broker?", "error?"],
    { burst: 1, perMs: 10_000, by: ["text"] },
  ),
  kafkajs_warning: row(
    "debug",
    "KafkaJS: {text}",
    ["text", "namespace?", "broker?", "error?"],
    { burst: 1, perMs: 10_000, by: ["text"] },
  ),
  request_failed: row(
    "error",
    "A request failed by our fault",
    ["error", "path?"],
    { burst: 20, perMs: 10_000, by: [] },
  ),
  session_failed: row(
    "error",
    "A session failed by our fault",
    ["session", "error"],
    { burst: 20, perMs: 10_000, by: [] },
  ),
  listener_ended: row("error", "The listener ended unasked", ["error?"]),
  uncaught_error: row(
    "error",
    "An error was caught by nobody",
    ["error"],
    { burst: 20, perMs: 10_000, by: [] },
  ),
  unhandled_rejection: row(
    "error",
    "A promise was rejected and nobody waited for it",
    ["error"],
    { burst: 20, perMs: 10_000, by: [] },
  ),
  // Written by the sink itself, since it is about what came after this catalogue.
  log_lines_lost: row("warning", "Log lines were lost: standard error did not take them", [
    "lines",
  ]),
  draining: row("info", "Draining: {sockets} sockets close within {drainMs} ms", [
    "reason",
    "sockets",
    "drainMs",
  ]),
  leaving: row("info", "Leaving", ["reason", "sockets"]),
  left: row("info", "Left after {durationMs} ms", ["durationMs", "stuckSockets"]),
} as const satisfies Record<string, EventRow>;

/** The name of a row of {@linkcode EVENT_TABLE}. */
export type EventName = keyof typeof EVENT_TABLE;

/** What a field may hold; bigint becomes decimal text, `undefined` is left out. */
export type FieldValue =
  | string
  | number
  | bigint
  | boolean
  | readonly (string | number)[]
  | undefined;

/** Field names of an event as its row declares them. */
export type DeclaredField<Name extends EventName> = typeof EVENT_TABLE[Name]["fields"][number];

/** What a field of that name takes. */
export type FieldInput<Field extends string> = Field extends "error" ? unknown : FieldValue;

/** The fields an event is emitted with. */
export type EventFields<Name extends EventName> =
  & {
    readonly [F in DeclaredField<Name> as F extends `${string}?` ? never : F]: FieldInput<F>;
  }
  & {
    readonly [F in DeclaredField<Name> as F extends `${infer Bare}?` ? Bare : never]?: FieldInput<
      F extends `${infer Bare}?` ? Bare : never
    >;
  };

/** What the other folders report to. */
export interface Log {
  /** Counts the event and writes at most one log record. It never throws and never waits. */
  emit<Name extends EventName>(name: Name, fields: EventFields<Name>): void;
}

/** A row of the audit log. */
function audited<const Field extends string>(
  level: EventLevel,
  message: string,
  fields: readonly Field[],
  limit?: EventRow["limit"],
): EventRow<Field> {
  return { ...row(level, message, fields, limit), audit: true };
}

function row<const Field extends string>(
  level: EventLevel,
  message: string,
  fields: readonly Field[],
  limit?: EventRow["limit"],
): EventRow<Field> {
  return { level, message, fields, limit };
}
