import assert from "node:assert/strict";
import type { Chunk } from "../../src/core/chunk.ts";
import type { FetchAnswer } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { ChunkCache } from "../../src/log/chunk_cache.ts";
import { PartitionLog } from "../../src/log/partition_log.ts";
import { ArrayReader, type ArrayReaderOptions, TOPIC } from "../support/array_reader.ts";
import { isSettled } from "../support/event_loop.ts";
import { eventually } from "../support/eventually.ts";

/** The log of one partition with a reader and a cache of its own; nobody polls for it. */
class TestPartition implements Disposable {
  readonly reader: ArrayReader;
  readonly cache: ChunkCache;
  readonly log: PartitionLog;
  /** Brokers that were asked to follow. */
  readonly followed: number[] = [];
  readonly closing = new AbortController();

  constructor(
    {
      cacheBytes = 1 << 20,
      chunkBytes = 4096,
      awayMs = 60_000,
      isolation = "committed",
      ...options
    }:
      & {
        cacheBytes?: number;
        chunkBytes?: number;
        awayMs?: number;
        isolation?: "committed" | "uncommitted";
      }
      & ArrayReaderOptions = {},
  ) {
    this.reader = new ArrayReader(options);
    this.cache = new ChunkCache(cacheBytes);
    this.log = new PartitionLog(TOPIC, 0, isolation, {
      reader: this.reader,
      cache: this.cache,
      chunkBytes,
      roomBytes: () => cacheBytes / 2,
      awayMs,
      signal: this.closing.signal,
      replaced: () => {},
      follow: (_log, nodeId) => void this.followed.push(nodeId),
    });
  }

  /** What a long poll from an offset would bring. */
  async poll(offset: bigint): Promise<FetchAnswer> {
    const target = { topic: TOPIC, partition: 0, offset, maxBytes: 4096 };
    const [answer] = await this.reader.fetch(1, [target], {
      isolation: this.log.isolation,
      waitMs: 0,
    });
    return answer;
  }

  [Symbol.dispose](): void {
    this.closing.abort();
    this.reader[Symbol.dispose]();
  }
}

const NO_SIGNAL = new AbortController().signal;

Deno.test("PartitionLog.fetch() brings a chunk, which is cached from its first batch on", async () => {
  using test = new TestPartition();
  test.reader.fill(3, 10);
  const chunk = await test.log.fetch(15n, 4096);
  assert.equal(chunk.from, 10n);
  assert.equal(chunk.next, 30n);
  assert.equal(test.log.cached(9n), undefined);
  assert.equal(test.log.cached(10n), chunk);
  assert.equal(test.log.cached(29n), chunk);
  assert.equal(test.log.cached(30n), undefined);
});

Deno.test("PartitionLog.fetch() asks once, many at one offset at a time", async () => {
  using test = new TestPartition();
  test.reader.fill(1, 10);
  const chunks = await Promise.all(Array.from({ length: 50 }, () => test.log.fetch(0n, 4096)));
  assert.equal(new Set(chunks).size, 1);
  assert.equal(test.reader.fetches.length, 1);
});

Deno.test("PartitionLog.fetch() asks again, after the first has come", async () => {
  using test = new TestPartition();
  await test.log.fetch(0n, 4096);
  test.reader.fill(1, 10);
  assert.equal((await test.log.fetch(0n, 4096)).next, 10n);
});

Deno.test("PartitionLog.fetch() caches nothing, at the end of the partition", async () => {
  using test = new TestPartition();
  test.reader.fill(1, 10);
  const chunk = await test.log.fetch(10n, 4096);
  assert.equal(chunk.next, 10n);
  assert.equal(test.log.cached(10n), undefined);
  assert.equal(test.cache.bytes, 0);
});

// A chunk that overlapped another was not kept, so that cursors that had started at different
// offsets went on side by side for ever, each with fetches of its own.
Deno.test("PartitionLog.fetch() keeps what is missing before another chunk, one that overlaps it", async () => {
  using test = new TestPartition();
  test.reader.fill(4, 10);
  const later = await test.log.fetch(20n, 4096);
  const earlier = await test.log.fetch(0n, 4096);
  assert.deepEqual([earlier.from, earlier.next], [0n, 20n]);
  assert.equal(test.log.cached(19n), earlier);
  assert.equal(test.log.cached(20n), later);
});

Deno.test("PartitionLog.fetch() waits for what will bring the offset, asked for by another", async () => {
  using test = new TestPartition();
  test.reader.fill(8, 10);
  await test.log.fetch(0n, 1); // now it knows how large records are
  const release = test.reader.hold();
  const fetches = [test.log.fetch(10n, 4096), test.log.fetch(25n, 4096)];
  release();
  const [first, second] = await Promise.all(fetches);
  assert.equal(first, second);
  assert.equal(test.reader.fetches.length, 2);
});

Deno.test("PartitionLog.fetch() fetches by itself, the one it waited for failed", async () => {
  using test = new TestPartition();
  test.reader.fill(8, 10);
  await test.log.fetch(0n, 1);
  const failure = new ProxyError("forbidden", "no");
  test.reader.at().failures.push(failure);
  const fetches = [test.log.fetch(10n, 4096), test.log.fetch(25n, 4096)];
  const [first, second] = await Promise.allSettled(fetches);
  assert.equal(first.status === "rejected" && first.reason, failure);
  assert.equal(second.status === "fulfilled" && second.value.from, 20n);
});

Deno.test("PartitionLog.accept() joins small chunks that everybody has left, a trickle", async () => {
  using test = new TestPartition({ chunkBytes: 1 << 20 });
  test.log.attach({ offset: 0n, movedMs: 0 });
  test.log.attach({ offset: 3n, movedMs: 0 });
  await test.log.goLive(0n);
  for (let i = 0; i < 10; i++) {
    test.reader.fill(1, 1);
    test.log.accept(await test.poll(BigInt(i)));
  }
  const chunks = [0n, 3n, 8n, 9n].map((offset) => test.log.cached(offset)!);
  assert.deepEqual(chunks.map(({ from, next }) => `${from}-${next}`), [
    "0-3",
    "3-9",
    "3-9",
    "9-10",
  ]);
  assert.equal(chunks[1].batches.length, 6);
  test.log.gather(3n);
  assert.equal(test.log.cached(9n)?.from, 3n);
  assert.equal(test.cache.bytes, 10 * chunks[3].bytes);
});

Deno.test("PartitionLog.cached() finds the right one, chunks fetched in any order", async () => {
  using test = new TestPartition();
  test.reader.fill(10, 10);
  const offsets = [50n, 0n, 90n, 20n, 70n, 30n];
  for (const offset of offsets) await test.log.fetch(offset, 1);
  for (let offset = 0n; offset < 100n; offset++) {
    const from = offset / 10n * 10n;
    const wanted = offsets.includes(from) ? from : undefined;
    assert.equal(test.log.cached(offset)?.from, wanted, `offset ${offset}`);
  }
});

Deno.test("PartitionLog.evict() leaves a hole, others stay", async () => {
  using test = new TestPartition();
  test.reader.fill(3, 10);
  const chunks: Chunk[] = [];
  for (const offset of [0n, 10n, 20n]) chunks.push(await test.log.fetch(offset, 1));
  test.cache.remove(chunks[1]);
  test.log.evict(chunks[1]);
  assert.deepEqual(
    [0n, 10n, 20n].map((offset) => test.log.cached(offset)?.from),
    [0n, undefined, 20n],
  );
});

Deno.test("PartitionLog.fetch() evicts what is coldest, a tiny budget", async () => {
  using test = new TestPartition({ cacheBytes: 2500 });
  test.reader.fill(5, 10);
  for (let offset = 0n; offset < 50n; offset += 10n) {
    await test.log.fetch(offset, 1);
    test.log.cached(0n);
  }
  assert.ok(test.cache.bytes <= 2500, `${test.cache.bytes} bytes`);
  assert.equal(test.log.cached(0n)?.from, 0n);
  assert.equal(test.log.cached(40n)?.from, 40n);
  assert.equal(test.log.cached(20n), undefined);
});

Deno.test("PartitionLog.clear() lets go of everything", async () => {
  using test = new TestPartition();
  test.reader.fill(2, 10);
  await test.log.fetch(0n, 1);
  await test.log.fetch(10n, 1);
  test.log.clear();
  assert.equal(test.log.cached(0n), undefined);
  assert.equal(test.cache.bytes, 0);
});

Deno.test("PartitionLog.fetch() goes on with fresh metadata, the leader moved", async () => {
  using test = new TestPartition({ nodes: 2 });
  test.reader.fill(1, 10);
  test.reader.at().failures.push("moved", "moved");
  assert.equal((await test.log.fetch(0n, 4096)).next, 10n);
  assert.deepEqual(test.reader.looks, [false, true, true]);
});

Deno.test("PartitionLog.fetch() waits for a leader, none for a while", async () => {
  using test = new TestPartition();
  test.reader.fill(1, 10);
  test.reader.at().leader = undefined;
  const fetching = test.log.fetch(0n, 4096);
  await eventually("two looks", () => test.reader.looks.length >= 2, { everyMs: 1 });
  assert.equal(test.reader.fetches.length, 0);
  test.reader.at().leader = 1;
  assert.equal((await fetching).next, 10n);
});

Deno.test("PartitionLog.fetch() waits for Kafka, away for a while", async () => {
  using test = new TestPartition();
  test.reader.fill(1, 10);
  test.reader.unreachable.add(1);
  const fetching = test.log.fetch(0n, 4096);
  await eventually("two looks", () => test.reader.looks.length >= 2, { everyMs: 1 });
  test.reader.unreachable.clear();
  assert.equal((await fetching).next, 10n);
});

Deno.test("PartitionLog.fetch() throws kafka_unavailable, away for longer than awayMs", async () => {
  using test = new TestPartition({ awayMs: 100 });
  test.reader.unreachable.add(1);
  const startMs = performance.now();
  await assert.rejects(() => test.log.fetch(0n, 4096), {
    name: "ProxyError",
    code: "kafka_unavailable",
    message: /"orders" partition 0 could not be read for 0 s: .*connection refused/,
  });
  assert.ok(performance.now() - startMs > 100);
});

Deno.test("PartitionLog.fetch() goes on, unknown for a moment as while a broker starts", async () => {
  using test = new TestPartition();
  test.reader.fill(1, 10);
  test.reader.at().failures.push("gone", "gone", "moved", "gone");
  assert.equal((await test.log.fetch(0n, 4096)).next, 10n);
});

Deno.test("PartitionLog.fetch() goes on, one broker does not know what the cluster knows for seconds", async () => {
  using test = new TestPartition();
  test.reader.fill(1, 10);
  for (let i = 0; i < 7; i++) test.reader.at().failures.push("gone");
  const startMs = performance.now();
  assert.equal((await test.log.fetch(0n, 4096)).next, 10n);
  assert.ok(performance.now() - startMs > 1_000, "no longer than it takes to be deleted");
});

Deno.test("PartitionLog.fetch() throws topic_deleted, unknown in every look for a second", async () => {
  using test = new TestPartition();
  test.reader.deleteTopic();
  const startMs = performance.now();
  await assert.rejects(() => test.log.fetch(0n, 4096), {
    name: "ProxyError",
    code: "topic_deleted",
    message: /"orders" partition 0 does not exist any more/,
  });
  assert.ok(performance.now() - startMs >= 1000, "it was given up at once");
  assert.ok(test.reader.looks.length >= 3, "it was not looked at again");
});

Deno.test("PartitionLog.fetch() throws out_of_range with the range, an offset retention has passed", async () => {
  using test = new TestPartition();
  test.reader.fill(3, 10);
  test.reader.at().start = 12n;
  await assert.rejects(() => test.log.fetch(5n, 4096), {
    name: "ProxyError",
    code: "out_of_range",
    message: /^Offset 5 of "orders" partition 0 does not exist: it holds 12 to 30$/,
    details: { partition: 0, earliest: "12", end: "30" },
  });
});

Deno.test("PartitionLog.fetch() passes on what cannot be mended, and tries no more", async () => {
  using test = new TestPartition();
  test.reader.at().failures.push(new ProxyError("old_format", "Cannot read offset 0"));
  await assert.rejects(() => test.log.fetch(0n, 4096), { name: "ProxyError", code: "old_format" });
  assert.equal(test.reader.fetches.length, 1);
});

Deno.test("PartitionLog.fetch() throws internal around a foreign error", async () => {
  using test = new TestPartition({ pause: () => Promise.reject(new TypeError("a bug")) });
  await assert.rejects(() => test.log.fetch(0n, 4096), { name: "ProxyError", code: "internal" });
});

Deno.test("PartitionLog.fetch() throws leaving at once, closed before and while it waits", async () => {
  using test = new TestPartition();
  test.reader.unreachable.add(1);
  const fetching = test.log.fetch(0n, 4096);
  await eventually("two looks", () => test.reader.looks.length >= 2, { everyMs: 1 });
  test.closing.abort();
  await assert.rejects(fetching, { name: "ProxyError", code: "leaving" });
  test.reader.unreachable.clear();
  await assert.rejects(() => test.log.fetch(0n, 4096), { name: "ProxyError", code: "leaving" });
});

Deno.test("PartitionLog.fetchAhead() fetches what comes next, once", async () => {
  using test = new TestPartition();
  test.reader.fill(3, 10);
  const chunk = await test.log.fetch(0n, 1);
  test.log.fetchAhead(chunk, 1);
  test.log.fetchAhead(chunk, 1);
  assert.equal((await test.log.fetch(10n, 1)).next, 20n);
  assert.equal(test.reader.fetches.length, 2);
  test.log.fetchAhead(chunk, 1);
  assert.equal(test.reader.fetches.length, 2);
});

Deno.test("PartitionLog.fetchAhead() fetches nothing, the chunk reached the end", async () => {
  using test = new TestPartition();
  test.reader.fill(1, 10);
  test.log.fetchAhead(await test.log.fetch(0n, 4096), 4096);
  assert.equal(test.reader.fetches.length, 1);
});

Deno.test("PartitionLog.fetchAhead() keeps its failure to itself, and the next fetch succeeds", async () => {
  using test = new TestPartition();
  test.reader.fill(3, 10);
  const chunk = await test.log.fetch(0n, 1);
  test.reader.at().failures.push(new ProxyError("forbidden", "no"));
  test.log.fetchAhead(chunk, 1);
  await eventually("the second fetch", () => test.reader.at().failures.length === 0, {
    everyMs: 1,
  });
  assert.equal(
    await eventually("the third", () => test.log.fetch(10n, 1).catch(() => undefined))
      .then(({ next }) => next),
    20n,
  );
});

Deno.test("PartitionLog.goLive() makes an offset the live end, on its leader", async () => {
  using test = new TestPartition();
  assert.equal(test.log.isLive(0n), false);
  await test.log.goLive(10n);
  assert.deepEqual(test.followed, [1]);
  assert.deepEqual([9n, 10n, 11n].map((offset) => test.log.isLive(offset)), [false, true, true]);
});

Deno.test("PartitionLog.goLive() follows once, two at the end at a time", async () => {
  using test = new TestPartition();
  await Promise.all([test.log.goLive(10n), test.log.goLive(10n)]);
  assert.deepEqual(test.followed, [1]);
});

for (
  const [what, spoil] of [
    ["no leader", (reader: ArrayReader) => void (reader.at().leader = undefined)],
    ["Kafka away", (reader: ArrayReader) => void reader.unreachable.add(1)],
    ["the topic deleted", (reader: ArrayReader) => reader.deleteTopic()],
  ] as const
) {
  Deno.test(`PartitionLog.goLive() wakes those who wait, ${what}`, async () => {
    using test = new TestPartition();
    spoil(test.reader);
    const going = test.log.goLive(10n);
    assert.equal(test.log.isLive(10n), true);
    const waiting = test.log.wait(NO_SIGNAL);
    await going;
    await waiting;
    assert.equal(test.log.isLive(10n), false);
    assert.deepEqual(test.followed, []);
  });
}

Deno.test("PartitionLog.wait() ends with the signal, and was not called if it was aborted", async () => {
  using test = new TestPartition();
  const stopping = new AbortController();
  const waiting = test.log.wait(stopping.signal);
  assert.equal(await isSettled(waiting), false);
  stopping.abort();
  assert.equal(await isSettled(waiting), true);
  assert.equal(await isSettled(test.log.wait(stopping.signal)), true);
});

Deno.test("PartitionLog.accept() caches, moves the live end and wakes all who wait", async () => {
  using test = new TestPartition();
  await test.log.goLive(0n);
  const waiting = [test.log.wait(NO_SIGNAL), test.log.wait(NO_SIGNAL)];
  test.reader.fill(1, 10);
  assert.equal(test.log.accept(await test.poll(0n)), true);
  await Promise.all(waiting);
  assert.equal(test.log.cached(3n)?.next, 10n);
  assert.deepEqual([9n, 10n].map((offset) => test.log.isLive(offset)), [false, true]);
});

Deno.test("PartitionLog.accept() wakes nobody, an empty answer", async () => {
  using test = new TestPartition();
  await test.log.goLive(0n);
  const waiting = test.log.wait(NO_SIGNAL);
  assert.equal(test.log.accept(await test.poll(0n)), true);
  assert.equal(await isSettled(waiting), false);
  test.log.endLive();
  await waiting;
});

Deno.test("PartitionLog.accept() passes over what is not from the live end, a late answer", async () => {
  using test = new TestPartition();
  test.reader.fill(2, 10);
  await test.log.goLive(20n);
  assert.equal(test.log.accept(await test.poll(0n)), true);
  assert.equal(test.log.cached(0n), undefined);
  assert.equal(test.log.isLive(19n), false);
  test.log.endLive();
  assert.equal(test.log.accept(await test.poll(0n)), true);
  assert.equal(test.log.cached(0n), undefined);
});

for (const kind of ["moved", "gone", "out_of_range"] as const) {
  Deno.test(`PartitionLog.accept() says false, ${kind}`, () => {
    using test = new TestPartition();
    assert.equal(test.log.accept({ topic: TOPIC, partition: 0, kind, reason: "so" }), false);
  });
}

Deno.test("PartitionLog.accept() moves on, what it brings overlaps what is cached", async () => {
  using test = new TestPartition();
  await test.log.goLive(0n);
  test.reader.fill(1, 10);
  const answer = await test.poll(0n);
  const fetched = await test.log.fetch(0n, 4096);
  test.log.accept(answer);
  assert.equal(test.log.isLive(10n), true);
  assert.equal(test.log.cached(0n), fetched);
  assert.equal(test.cache.bytes, fetched.bytes);
});

Deno.test("PartitionLog.liveTarget() asks from the live end, somebody waiting there", async () => {
  using test = new TestPartition();
  assert.equal(test.log.liveTarget(), undefined);
  await test.log.goLive(7n);
  assert.equal(test.log.liveTarget(), undefined);
  const waiting = test.log.wait(NO_SIGNAL);
  assert.deepEqual(test.log.liveTarget(), {
    topic: TOPIC,
    partition: 0,
    offset: 7n,
    maxBytes: 4096,
  });
  test.log.endLive();
  await waiting;
});

Deno.test("PartitionLog.liveTarget() leaves out a cursor with a chunk or more before the end", async () => {
  using test = new TestPartition();
  const slow = { offset: 0n, movedMs: 0 };
  test.log.attach(slow);
  await test.log.goLive(0n);
  const asked: boolean[] = [];
  for (let i = 0; i < 10; i++) {
    asked.push(test.log.liveTarget() !== undefined);
    test.reader.fill(1, 10);
    test.log.accept(await test.poll(BigInt(i * 10)));
  }
  // Batches of about 1 KB: four and a bit are a chunk of 4096 bytes.
  assert.deepEqual(asked, [true, true, true, true, true, false, false, false, false, false]);
  slow.offset = 60n;
  assert.equal(test.log.liveTarget()?.offset, 100n);
  test.log.detach(slow);
  assert.equal(test.log.liveTarget(), undefined);
});

Deno.test("PartitionLog.liveTarget() asks on, one cursor slow and another at the end", async () => {
  using test = new TestPartition();
  test.log.attach({ offset: 0n, movedMs: 0 });
  test.log.attach({ offset: 1000n, movedMs: 0 });
  await test.log.goLive(1000n);
  assert.equal(test.log.liveTarget()?.offset, 1000n);
});

Deno.test("PartitionLog.fetch() gives the last stable offset as the end, transactions open", async () => {
  using test = new TestPartition();
  test.reader.fill(2, 10);
  test.reader.at().lastStable = 10n;
  const { next, end } = await test.log.fetch(0n, 4096);
  assert.deepEqual([next, end], [10n, 10n]);
  using other = new TestPartition({ isolation: "uncommitted" });
  other.reader.fill(2, 10);
  other.reader.at().lastStable = 10n;
  assert.equal((await other.log.fetch(0n, 4096)).next, 20n);
});
