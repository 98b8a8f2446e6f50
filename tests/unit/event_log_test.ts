import assert from "node:assert/strict";
import { configureSync, type LogRecord, resetSync } from "@logtape/logtape";
import { errorText } from "../../src/observe/error_text.ts";
import { EventLimit } from "../../src/observe/event_limit.ts";
import { EVENT_TABLE, type EventName, type EventRow } from "../../src/observe/events.ts";
import { installLogs } from "../../src/observe/install_logs.ts";
import { EventLog, type EventLogOptions } from "../../src/observe/log.ts";

/** A log whose records are caught; LogTape is left as it was. */
function caught(
  options: EventLogOptions = {},
  lowestLevel: "debug" | "info" = "debug",
): { log: EventLog; records: LogRecord[]; [Symbol.dispose](): void } {
  const records: LogRecord[] = [];
  configureSync({
    sinks: { caught: (record: LogRecord) => void records.push(record) },
    loggers: [
      { category: ["kafka-proxy"], lowestLevel, sinks: ["caught"] },
      { category: ["logtape", "meta"], lowestLevel: "fatal", sinks: ["caught"] },
    ],
    reset: true,
  });
  return { log: new EventLog(options), records, [Symbol.dispose]: resetSync };
}

Deno.test("EventLog.emit() makes one record of category kafka-proxy with the fields", () => {
  using it = caught();
  it.log.emit("listening", { address: "ws://127.0.0.1:9999/", kafka: ["a:1", "b:1"] });
  assert.equal(it.records.length, 1);
  const [{ category, level, message, properties }] = it.records;
  assert.deepEqual(category, ["kafka-proxy"]);
  assert.equal(level, "info");
  assert.equal(message.join(""), "Listening on ws://127.0.0.1:9999/");
  assert.deepEqual(properties, {
    event: "listening",
    address: "ws://127.0.0.1:9999/",
    kafka: ["a:1", "b:1"],
  });
});

Deno.test("EventLog.emit() marks the records of the audit log, and no others", () => {
  using it = caught();
  it.log.emit("session_refused", { status: 401, code: "unauthorized", address: "192.0.2.1" });
  it.log.emit("kafka_back", { awayMs: 5 });
  assert.deepEqual(it.records.map(({ properties }) => properties.audit), [true, undefined]);
});

Deno.test("EventLog.emit() leaves out what is undefined or not declared", () => {
  using it = caught();
  const careless = { host: "0.0.0.0", authorization: "Basic c2VjcmV0" };
  it.log.emit("open_to_network_without_auth", careless);
  it.log.emit("kafka_back", { awayMs: 5, kafka: undefined });
  assert.deepEqual(it.records.map((record) => record.properties), [
    { event: "open_to_network_without_auth", host: "0.0.0.0" },
    { event: "kafka_back", awayMs: 5 },
  ]);
});

Deno.test("EventLog.emit() writes bigint as decimal text, beyond 2^53", () => {
  using it = caught();
  it.log.emit("oversize_record", {
    topic: "t",
    partition: 0,
    offset: 9007199254740993n,
    bytes: 5,
    maxBytes: 1,
  });
  assert.equal(it.records[0].properties.offset, "9007199254740993");
});

Deno.test("EventLog.emit() writes errors with their causes, and the stack at level error", () => {
  using it = caught();
  const error = new TypeError("boom", { cause: new Error("gone") });
  it.log.emit("uncaught_error", { error });
  it.log.emit("commit_failed", { group: "g", topic: "t", error });
  const [first, second] = it.records.map((record) => record.properties);
  assert.equal(first.error, "TypeError: boom (cause: Error: gone)");
  assert.match(String(first.stack), /event_log_test\.ts/);
  assert.equal(second.error, first.error);
  assert.equal("stack" in second, false);
});

Deno.test("EventLog.emit() hides secrets in every text, stack and list included", () => {
  using it = caught({ secrets: ["hunter2", undefined] });
  it.log.emit("uncaught_error", { error: new Error("GET /?auth=hunter2") });
  it.log.emit("listening", { address: "ws://hunter2@a/", kafka: ["hunter2:1"] });
  assert.ok(!JSON.stringify(it.records.map((record) => record.properties)).includes("hunter2"));
  assert.equal(it.records[1].properties.address, "ws://***@a/");
});

Deno.test("EventLog.emit() cuts texts of more than 4096 units", () => {
  using it = caught();
  it.log.emit("leaving", { reason: "x".repeat(10_000), sockets: 0 });
  assert.equal(String(it.records[0].properties.reason).length, 4099);
});

Deno.test("EventLog.emit() counts and does not write, LogTape not configured", () => {
  const log = new EventLog();
  log.emit("leaving", { reason: "SIGTERM", sockets: 2 });
  assert.equal(log.count("leaving"), 1);
});

Deno.test("EventLog.emit() counts and does not write, level too low", () => {
  using it = caught({}, "info");
  it.log.emit("kafkajs_warning", { text: "t" });
  assert.equal(it.records.length, 0);
  assert.equal(it.log.count("kafkajs_warning"), 1);
});

Deno.test("EventLog.counts holds each event that happened, two logs apart", () => {
  const [one, other] = [new EventLog(), new EventLog()];
  one.emit("leaving", { reason: "SIGTERM", sockets: 2 });
  one.emit("leaving", { reason: "SIGTERM", sockets: 2 });
  one.emit("left", { durationMs: 1, stuckSockets: 0 });
  assert.deepEqual([...one.counts], [["leaving", 2], ["left", 1]]);
  assert.deepEqual([...other.counts], []);
  assert.equal(other.count("left"), 0);
});

Deno.test("EventLog.emit() holds back what is over the row's limit and says how much", () => {
  let nowMs = 0;
  using it = caught({ nowMs: () => nowMs });
  const emit = (text: string) => it.log.emit("kafkajs_error", { text });
  for (let i = 0; i < 5; i++) emit("rebalancing");
  emit("gone");
  nowMs = 9_999;
  emit("rebalancing");
  nowMs = 10_000;
  emit("rebalancing");
  assert.deepEqual(it.records.map(({ properties }) => [properties.text, properties.suppressed]), [
    ["rebalancing", undefined],
    ["gone", undefined],
    ["rebalancing", 5],
  ]);
  assert.equal(it.log.count("kafkajs_error"), 8);
});

Deno.test("EventLog.emit() does not throw, an error whose message throws", () => {
  using it = caught();
  const error = new Error();
  Object.defineProperty(error, "message", { get: () => assert.fail("read") });
  it.log.emit("uncaught_error", { error });
  assert.equal(it.log.count("uncaught_error"), 1);
  assert.equal(it.log.failures, 1);
});

Deno.test("EventLog.emit() does not throw, a sink that does", () => {
  configureSync({
    sinks: {
      broken: () => assert.fail("broken"),
      quiet: () => {},
    },
    loggers: [
      { category: ["kafka-proxy"], sinks: ["broken"] },
      { category: ["logtape", "meta"], sinks: ["quiet"] },
    ],
    reset: true,
  });
  try {
    new EventLog().emit("left", { durationMs: 1, stuckSockets: 0 });
  } finally {
    resetSync();
  }
});

for (const name of Object.keys(EVENT_TABLE) as EventName[]) {
  const row: EventRow = EVENT_TABLE[name];
  const fields = row.fields.map((field) => field.replace(/\?$/, ""));

  Deno.test(`EVENT_TABLE.${name} fills its message from fields that are always there`, () => {
    for (const [, field] of row.message.matchAll(/\{(\w+)\}/g)) {
      assert.ok(row.fields.includes(field), `{${field}} of the message`);
    }
    for (const field of row.limit?.by ?? []) assert.ok(fields.includes(field), `limit by ${field}`);
  });

  Deno.test(`EVENT_TABLE.${name} has no field for a secret and none of a line's own names`, () => {
    const own = ["time", "level", "event", "message", "category", "stack", "suppressed"];
    for (const field of fields) {
      assert.ok(!own.includes(field), field);
      assert.doesNotMatch(field, /auth|secret|password|token|header|credential/i);
    }
    assert.equal(new Set(fields).size, fields.length);
  });
}

Deno.test("EventLimit.pass() forgets the oldest key, more than a thousand of them", () => {
  const limit = new EventLimit();
  const once = { burst: 1, perMs: 1000 };
  for (let i = 0; i < 1001; i++) assert.equal(limit.pass(`${i}`, once, 0), 0);
  assert.equal(limit.pass("1000", once, 0), undefined);
  assert.equal(limit.pass("0", once, 0), 0);
});

Deno.test("errorText() follows causes, at most five of a ring", () => {
  const error = new Error("a");
  error.cause = error;
  assert.equal(errorText(error).match(/Error: a/g)?.length, 6);
});

Deno.test("errorText() shows codes, and what is thrown that is no error", () => {
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  const ring: Record<string, unknown> = {};
  ring.ring = ring;
  const cases: [unknown, string][] = [
    [refused, "Error: connect [ECONNREFUSED]"],
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [{ a: 1 }, '{"a":1}'],
    [5n, "[object BigInt]"],
    [ring, "[object Object]"],
  ];
  for (const [thrown, text] of cases) assert.equal(errorText(thrown), text);
});

Deno.test("installLogs() sends records of the level and above to the sink", () => {
  const events: unknown[] = [];
  try {
    const sink = ({ properties }: { properties: Readonly<Record<string, unknown>> }) =>
      void events.push(properties.event);
    assert.equal(installLogs({ level: "warning", sink }), true);
    const log = new EventLog();
    log.emit("left", { durationMs: 1, stuckSockets: 0 });
    log.emit("stalled", { session: "1", bufferedBytes: 1 });
    assert.deepEqual(events, ["stalled"]);
  } finally {
    resetSync();
  }
});

Deno.test("installLogs() changes nothing, LogTape configured by the program", () => {
  using it = caught();
  assert.equal(installLogs({ level: "debug", sink: () => assert.fail("used") }), false);
  it.log.emit("left", { durationMs: 1, stuckSockets: 0 });
  assert.equal(it.records.length, 1);
});
