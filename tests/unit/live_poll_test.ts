import assert from "node:assert/strict";
import type { FetchCall } from "../support/array_reader.ts";
import { ArrayReader, TOPIC } from "../support/array_reader.ts";
import { eventLoopTurns } from "../support/event_loop.ts";
import { eventually } from "../support/eventually.ts";
import { ChunkCache } from "../../src/log/chunk_cache.ts";
import { LivePoll } from "../../src/log/live_poll.ts";
import { PartitionLog } from "../../src/log/partition_log.ts";

/** The long poll of broker 1, with live partitions that somebody waits for. */
class TestPoll implements AsyncDisposable {
  readonly reader: ArrayReader;
  readonly poll: LivePoll;
  readonly closing = new AbortController();
  readonly #logs: PartitionLog[] = [];

  constructor(partitions = 1) {
    this.reader = new ArrayReader({ partitions });
    this.poll = new LivePoll(1, "committed", this.reader, this.closing.signal);
  }

  /** The log of a partition, live from an offset on, with a reader that stays there. */
  async live(partition: number, offset = 0n): Promise<PartitionLog> {
    const log = new PartitionLog(TOPIC, partition, "committed", {
      reader: this.reader,
      cache: new ChunkCache(1 << 20),
      chunkBytes: 4096,
      roomBytes: () => 1 << 19,
      awayMs: 60_000,
      signal: this.closing.signal,
      replaced: () => {},
      follow: (log) => this.poll.add(log),
    });
    this.#logs.push(log);
    log.attach({ offset, movedMs: 0 });
    await log.goLive(offset);
    return log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort();
    this.reader[Symbol.dispose]();
    for (const log of this.#logs) log.endLive();
    await eventLoopTurns();
  }
}

/** Partitions of a poll in the order in which they were asked for. */
function asked({ targets }: FetchCall): number[] {
  return targets.map(({ partition }) => partition);
}

const NO_SIGNAL = new AbortController().signal;

Deno.test("LivePoll.add() asks for all partitions in one fetch, several live at a broker", async () => {
  await using test = new TestPoll(3);
  for (const partition of [0, 1, 2]) await test.live(partition);
  await eventually("a poll for three", () => test.reader.polls.at(-1)?.targets.length === 3);
  assert.ok(test.reader.polls.every(({ nodeId, waitMs }) => nodeId === 1 && waitMs > 0));
});

Deno.test("LivePoll.add() begins with another partition each time, all of them wanted", async () => {
  await using test = new TestPoll(3);
  for (const partition of [0, 1, 2]) await test.live(partition);
  await eventually("a poll for three", () => test.reader.polls.at(-1)?.targets.length === 3);
  const { length } = test.reader.polls;
  for (let i = 0; i < 3; i++) {
    test.reader.wake();
    test.reader.append(["a"], i);
    await eventually("one more poll", () => test.reader.polls.length > length + i, { everyMs: 1 });
  }
  const firsts = test.reader.polls.slice(length - 1).map((poll) => asked(poll)[0]);
  assert.deepEqual(firsts.slice(0, 3).sort(), [0, 1, 2]);
});

Deno.test("LivePoll.add() hands on what comes and asks from behind it", async () => {
  await using test = new TestPoll();
  const log = await test.live(0);
  await eventually("the poll to wait", () => test.reader.waitingPolls === 1, { everyMs: 1 });
  const waiting = log.wait(NO_SIGNAL);
  test.reader.append(["a", "b"]);
  await waiting;
  assert.equal(log.cached(0n)?.next, 2n);
  await eventually(
    "a poll from 2",
    () => test.reader.polls.at(-1)!.targets[0].offset === 2n,
    { everyMs: 1 },
  );
});

Deno.test("LivePoll.add() takes a partition into the next poll, one under way", async () => {
  await using test = new TestPoll(2);
  await test.live(0);
  await eventually("the poll to wait", () => test.reader.waitingPolls === 1, { everyMs: 1 });
  await test.live(1);
  assert.equal(test.reader.polls.length, 1);
  await eventually("a poll for both", () => test.reader.polls.at(-1)!.targets.length === 2);
});

Deno.test("LivePoll.add() drops a partition and keeps the others, one moved", async () => {
  await using test = new TestPoll(2);
  const [moved, stays] = [await test.live(0), await test.live(1)];
  test.reader.at(0).leader = 2;
  const waiting = moved.wait(NO_SIGNAL);
  await waiting;
  assert.equal(moved.isLive(0n), false);
  assert.equal(stays.isLive(0n), true);
  await eventually("a poll for one", () => asked(test.reader.polls.at(-1)!).join() === "1");
});

Deno.test("LivePoll.add() drops all of them, the broker away", async () => {
  await using test = new TestPoll(2);
  const logs = [await test.live(0), await test.live(1)];
  const waiting = logs.map((log) => log.wait(NO_SIGNAL));
  test.reader.unreachable.add(1);
  test.reader.wake();
  await Promise.all(waiting);
  assert.deepEqual(logs.map((log) => log.isLive(0n)), [false, false]);
});

Deno.test("LivePoll.add() asks no more and ends, the only reader a chunk behind", async () => {
  await using test = new TestPoll();
  const log = await test.live(0);
  await eventually("the poll to wait", () => test.reader.waitingPolls === 1, { everyMs: 1 });
  // The reader stays where it is: batches of about 1 KB, a chunk is 4096 bytes.
  test.reader.fill(10, 10);
  await eventually("the end of the live end", () => !log.isLive(100n), { everyMs: 1 });
  assert.equal(test.reader.waitingPolls, 0);
  assert.equal(log.cached(0n)?.from, 0n);
});

Deno.test("LivePoll.add() starts again, after it had nothing to do", async () => {
  await using test = new TestPoll();
  const log = await test.live(0);
  log.endLive();
  await eventually("the poll to end", () => test.reader.waitingPolls === 0);
  const { length } = test.reader.polls;
  await log.goLive(0n);
  await eventually("another poll", () => test.reader.polls.length > length);
});

Deno.test("LivePoll.add() asks no more, the signal aborted", async () => {
  await using test = new TestPoll();
  await test.live(0);
  await eventually("the poll to wait", () => test.reader.waitingPolls === 1, { everyMs: 1 });
  test.closing.abort();
  test.reader.wake();
  await eventually("the poll to end", () => test.reader.waitingPolls === 0);
  assert.equal(test.reader.polls.length, 1);
});
