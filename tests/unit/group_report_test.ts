import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { GroupReport } from "../../src/server/group_report.ts";
import type { V1Session } from "../../src/session/v1_session.ts";
import { TOPIC } from "../support/array_reader.ts";
import { eventually } from "../support/eventually.ts";
import { TestSessions } from "../support/test_sessions.ts";

function reportOf(test: TestSessions, sessions: readonly V1Session[], intervalMs = 0): GroupReport {
  const { reader, events } = test;
  return new GroupReport(() => sessions.flatMap(({ streams }) => streams), {
    reader,
    events,
    intervalMs,
  });
}

/** The reports so far, without what a clock decides. */
function reported(test: TestSessions) {
  return test.events.of("partition_report").map((
    { durationMs: _durationMs, recordsPerSecond: _recordsPerSecond, ...rest },
  ) => rest);
}

Deno.test("GroupReport.report() tells the end, the position, the backlog and what went through", async () => {
  await using test = new TestSessions();
  test.reader.fill(2, 10);
  const { session, sink } = await test.start("consumerGroup=g1");
  await eventually("all records", () => sink.offsets.length === 20, { everyMs: 1 });
  await reportOf(test, [session]).report();
  assert.deepEqual(reported(test), [{
    event: "partition_report",
    group: "g1",
    topic: TOPIC,
    partition: 0,
    latest: 20n,
    next: 20n,
    backlog: 0n,
    received: 20,
    sent: 20,
  }]);
});

Deno.test("GroupReport.report() counts from the last report on", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const { session, sink } = await test.start("consumerGroup=g1");
  const report = reportOf(test, [session]);
  await eventually("ten records", () => sink.offsets.length === 10, { everyMs: 1 });
  await report.report();
  await report.report();
  test.reader.fill(1, 5);
  await eventually("five more", () => sink.offsets.length === 15, { everyMs: 1 });
  await report.report();
  assert.deepEqual(reported(test).map(({ received, sent }) => [received, sent]), [
    [10, 10],
    [0, 0],
    [5, 5],
  ]);
});

Deno.test("GroupReport.report() tells how far behind a client is that takes nothing", async () => {
  await using test = new TestSessions();
  test.reader.fill(3, 10);
  const { session, sink } = await test.start("consumerGroup=g1&maxBytes=1", {
    prepare: (sink) => {
      sink.highBytes = 1;
      sink.holdBytes();
    },
  });
  await eventually("a record", () => sink.offsets.length === 1, { everyMs: 1 });
  await reportOf(test, [session]).report();
  const [{ latest, next, backlog, sent }] = reported(test);
  assert.deepEqual({ latest, next, backlog, sent }, {
    latest: 30n,
    next: 1n,
    backlog: 29n,
    sent: 1,
  });
});

Deno.test("GroupReport.report() tells of each group, topic and partition, and of no reader", async () => {
  await using test = new TestSessions({ partitions: 2 });
  test.reader.fill(1, 4, 0);
  test.reader.fill(1, 6, 1);
  const running = [
    await test.start("consumerGroup=g1&partition=0,1"),
    await test.start("consumerGroup=g2&partition=1"),
    await test.start("consumerGroup=&partition=all&offset=earliest"),
  ];
  for (const [i, count] of [10, 6, 10].entries()) {
    await eventually("all records", () => running[i].sink.offsets.length === count, { everyMs: 1 });
  }
  await reportOf(test, running.map(({ session }) => session)).report();
  const rows = reported(test).map(({ group, partition, sent }) => [group, partition, sent]);
  assert.deepEqual(rows.sort(), [["g1", 0, 4], ["g1", 1, 6], ["g2", 1, 6]]);
});

Deno.test("GroupReport.report() reads the end of a transaction, which a client of committed records does not", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const partition = test.reader.at(0);
  partition.lastStable = partition.end;
  const { session, sink } = await test.start("consumerGroup=g1");
  await eventually("ten records", () => sink.offsets.length === 10, { everyMs: 1 });
  test.reader.fill(1, 5);
  await reportOf(test, [session]).report();
  assert.deepEqual(reported(test).map(({ latest, backlog }) => [latest, backlog]), [[15n, 5n]]);
});

Deno.test("GroupReport.report() says nothing, Kafka away, and counts it all the next time", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const { session, sink } = await test.start("consumerGroup=g1");
  await eventually("ten records", () => sink.offsets.length === 10, { everyMs: 1 });
  const report = reportOf(test, [session]);
  const { offsets } = test.reader;
  test.reader.offsets = () => Promise.reject(new ProxyError("kafka_unavailable", "away"));
  await report.report();
  assert.deepEqual(reported(test), []);
  test.reader.offsets = offsets;
  await report.report();
  assert.deepEqual(reported(test).map(({ sent }) => sent), [10]);
});

// Each interval began another one, and all of them reported when Kafka came back.
Deno.test("GroupReport.report() has one under way at a time, a slow Kafka", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const { session, sink } = await test.start("consumerGroup=g1");
  await eventually("ten records", () => sink.offsets.length === 10, { everyMs: 1 });
  const report = reportOf(test, [session]);
  const answer = Promise.withResolvers<void>();
  const offsets = test.reader.offsets.bind(test.reader);
  let asked = 0;
  test.reader.offsets = async (...args) => {
    asked++;
    await answer.promise;
    return await offsets(...args);
  };
  const reports = [report.report(), report.report(), report.report()];
  answer.resolve();
  await Promise.all(reports);
  assert.equal(asked, 1);
  assert.equal(reported(test).length, 1);
});

Deno.test("GroupReport.start() reports every interval until stop(), with the time it took", async () => {
  await using test = new TestSessions();
  test.reader.fill(1, 10);
  const { session } = await test.start("consumerGroup=g1");
  const report = reportOf(test, [session], 20);
  report.start();
  await eventually("three reports", () => reported(test).length >= 3, { everyMs: 1 });
  report.stop();
  const events = test.events.of("partition_report");
  for (const { durationMs, sent, recordsPerSecond } of events) {
    assert.ok(Number(durationMs) > 0, `${durationMs} ms`);
    assert.equal(recordsPerSecond, Math.round(Number(sent) * 1_000 / Number(durationMs)));
  }
  assert.equal(events.reduce((sum, { sent }) => sum + Number(sent), 0), 10);
});

Deno.test("GroupReport.start() never reports, an interval of 0", async () => {
  await using test = new TestSessions();
  const { session } = await test.start("consumerGroup=g1");
  const report = reportOf(test, [session], 0);
  report.start(); // the test sanitizer would see a timer
  assert.deepEqual(reported(test), []);
});
