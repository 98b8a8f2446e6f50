import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { CommittedOffsets } from "../../src/observe/committed_offsets.ts";
import { RecordTimes } from "../../src/observe/record_times.ts";
import { LagBoard } from "../../src/server/lag_board.ts";
import type { ReportedSession } from "../../src/session/reported_session.ts";
import { ArrayReader, TOPIC } from "../support/array_reader.ts";

interface Position {
  group?: string;
  partition?: number;
  next: bigint;
}

/** A session that reads for a group. */
function reading({ group = "g1", partition = 0, next }: Position): ReportedSession {
  return {
    id: `of ${group}`,
    sentRecords: 0,
    producedRecords: 0,
    stop: () => Promise.resolve(),
    streams: [{
      subscription: 1,
      topic: TOPIC,
      group,
      isBalanced: false,
      isolation: "committed",
      partitions: new Map([[partition, { next, received: 0, sent: 0 }]]),
      isWanted: true,
      pauseMs: 0,
    }],
  };
}

function boardOf(sessions: readonly ReportedSession[]) {
  const reader = new ArrayReader({ partitions: 2 });
  const committed = new CommittedOffsets();
  const times = new RecordTimes();
  const clock = { nowMs: 0 };
  const nowMs = () => clock.nowMs;
  const board = new LagBoard({ sessions: () => sessions, reader, committed, times, nowMs });
  return { board, reader, committed, times, clock };
}

Deno.test("LagBoard.rows() counts from the committed position, as kafka-consumer-groups does", async () => {
  const { board, reader, committed } = boardOf([reading({ next: 9n })]);
  reader.fill(1, 10);
  committed.put("g1", TOPIC, new Map([[0, 4n]]));
  const [{ end, committed: at, lagRecords }] = await board.rows();
  assert.deepEqual([end, at, lagRecords], [10n, 4n, 6n]);
});

Deno.test("LagBoard.rows() counts from where it reads, nothing committed", async () => {
  const { board, reader } = boardOf([reading({ next: 9n })]);
  reader.fill(1, 10);
  const [{ committed, lagRecords }] = await board.rows();
  assert.deepEqual([committed, lagRecords], [undefined, 1n]);
});

Deno.test("LagBoard.rows() is never below 0, a position past the end it knows", async () => {
  const { board, reader, committed } = boardOf([reading({ next: 12n })]);
  reader.fill(1, 10);
  committed.put("g1", TOPIC, new Map([[0, 12n]]));
  const [{ lagRecords, lagSeconds }] = await board.rows();
  assert.deepEqual([lagRecords, lagSeconds], [0n, 0]);
});

Deno.test("LagBoard.rows() keeps the ends it knew, Kafka away", async () => {
  const sessions = [reading({ next: 4n })];
  const { board, reader, clock } = boardOf(sessions);
  reader.fill(1, 10);
  await board.rows();
  clock.nowMs = 5_000;
  reader.offsets = () => Promise.reject(new ProxyError("kafka_unavailable", "away"));
  const [{ lagRecords }] = await board.rows();
  assert.equal(lagRecords, 6n);
});

Deno.test("LagBoard.rows() asks Kafka at most once a second", async () => {
  const { board, reader, clock } = boardOf([reading({ next: 0n })]);
  reader.fill(1, 10);
  let asked = 0;
  const offsets = reader.offsets.bind(reader);
  reader.offsets = (...args) => {
    asked++;
    return offsets(...args);
  };
  await Promise.all([board.rows(), board.rows()]);
  clock.nowMs = 1_000;
  await board.rows();
  assert.equal(asked, 1);
  clock.nowMs = 1_001;
  await board.rows();
  assert.equal(asked, 2);
});

Deno.test("LagBoard.rows() forgets what is not read here any more: another process may commit", async () => {
  const sessions = [reading({ next: 4n })];
  const { board, committed, reader } = boardOf(sessions);
  reader.fill(1, 10);
  committed.put("g1", TOPIC, new Map([[0, 4n]]));
  committed.put("gone", TOPIC, new Map([[0, 4n]]));
  await board.rows();
  assert.equal(committed.get({ group: "gone", topic: TOPIC, partition: 0 }), undefined);
  assert.equal(committed.get({ group: "g1", topic: TOPIC, partition: 0 }), 4n);
});

Deno.test("LagBoard.rows() tells the age of the first record that is not committed, and keeps it", async () => {
  const { board, reader, committed, times } = boardOf([reading({ next: 4n })]);
  reader.fill(1, 10);
  committed.put("g1", TOPIC, new Map([[0, 4n]]));
  const chunk = (from: bigint, agoMs: number) => ({
    topic: TOPIC,
    partition: 0,
    from,
    next: from + 1n,
    end: 10n,
    bytes: 1,
    batches: [{
      baseOffset: from,
      lastOffset: from,
      recordCount: 1,
      baseTimestampMs: BigInt(Date.now() - agoMs),
      maxTimestampMs: 0n,
      logAppendTime: false,
      open: () => new Uint8Array(),
    }],
  });
  assert.equal((await board.rows())[0].lagSeconds, undefined, "nothing read yet");
  times.saw(chunk(4n, 60_000));
  const [{ lagSeconds }] = await board.rows();
  assert.ok(lagSeconds! >= 60 && lagSeconds! < 70, `${lagSeconds} s`);
  for (let i = 0; i < 200; i++) times.saw(chunk(1_000n + BigInt(i), 40_000 - i * 100));
  const [{ lagSeconds: later }] = await board.rows();
  assert.ok(later! >= 60 && later! < 70, `${later} s, the fast reader's are later`);
});
