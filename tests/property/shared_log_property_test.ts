import assert from "node:assert/strict";
import fc from "fast-check";
import type { Cursor } from "../../src/log/cursor.ts";
import { MemoryBudget } from "../../src/stream/memory_budget.ts";
import { type FetchFailure, TOPIC } from "../support/array_reader.ts";
import { eventLoopTurns } from "../support/event_loop.ts";
import { History } from "../support/history.ts";
import { offsetsOf, TestLog } from "../support/test_log.ts";

/** More than a cursor fetches at a time. */
const PARTITIONS = 6;

const CHUNK_BYTES = 1500;

/**
 * Memory of one chunk at the most: batches are begun before they are over what was asked for, have
 * up to 12 records of a hundred bytes, and each counts with its object.
 */
const MOST_CHUNK_BYTES = 2 * CHUNK_BYTES + 1_500 + 15 * 300;

/** What can happen between two turns of the event loop. */
type Step =
  | { readonly kind: "append"; readonly partition: number; readonly records: number }
  | { readonly kind: "open"; readonly partitions: readonly number[]; readonly place: number }
  | { readonly kind: "pull"; readonly cursor: number; readonly part: number }
  | { readonly kind: "remove"; readonly cursor: number; readonly partition: number }
  | { readonly kind: "close"; readonly cursor: number }
  | { readonly kind: "evict"; readonly partition: number }
  | { readonly kind: "fail"; readonly partition: number; readonly how: FetchFailure }
  | { readonly kind: "move"; readonly partition: number; readonly leader: number | undefined }
  | { readonly kind: "away"; readonly node: number }
  | { readonly kind: "back" }
  | { readonly kind: "turn"; readonly turns: number };

const partition = fc.nat(PARTITIONS - 1);
const cursor = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      partition,
      records: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("open" as const),
      partitions: fc.uniqueArray(partition, { minLength: 1, maxLength: PARTITIONS }),
      place: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("pull" as const),
      cursor,
      part: fc.constantFrom(1, 1, 1, 0.5, 0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), cursor }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), cursor, partition }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("evict" as const), partition }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("fail" as const),
      partition,
      how: fc.constantFrom("moved" as const, "gone" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("move" as const),
      partition,
      leader: fc.constantFrom(1, 2, undefined),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("away" as const), node: fc.constantFrom(1, 2) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("back" as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("turn" as const),
      turns: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

/** One cursor, what it was started with and what it has given so far. */
class Reading {
  readonly #cursor: Cursor;
  readonly #next: Map<number, bigint>;
  readonly #history = new History();
  #pull: Promise<void> | undefined;
  isClosed = false;

  constructor(cursor: Cursor, starts: ReadonlyMap<number, bigint>) {
    this.#cursor = cursor;
    this.#next = new Map(starts);
  }

  /** Pulls once, if no pull is under way; takes only part of what comes, as who stalls does. */
  pull(part: number): void {
    this.#pull ??= this.#once(part).finally(() => this.#pull = undefined);
  }

  /** Removes a partition; a cursor without any would wait for ever, so that is the end of it. */
  async remove(partition: number): Promise<void> {
    this.#cursor.remove(partition);
    this.#next.delete(partition);
    if (this.#next.size === 0) await this.close();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.#cursor.close();
    await this.#pull;
  }

  /** Pulls until everything up to these ends has come. */
  async readTo(ends: ReadonlyMap<number, bigint>): Promise<void> {
    await this.#pull;
    while ([...this.#next].some(([partition, next]) => next < ends.get(partition)!)) {
      await this.#once(1);
    }
    for (const [partition, next] of this.#next) assert.equal(next, ends.get(partition));
    this.#history.verify();
  }

  async #once(part: number): Promise<void> {
    const mine = new Set(this.#next.keys());
    const slice = await this.#cursor.next();
    if (slice === undefined) {
      assert.ok(this.isClosed, "a cursor ended that was not closed");
      return;
    }
    const { partition, next } = slice.chunk;
    assert.ok(mine.has(partition), "a partition that was removed before gave records");
    const wanted = this.#next.get(partition);
    if (wanted === undefined) return; // removed since
    assert.equal(slice.from, wanted, `the slice of partition ${partition} begins elsewhere`);
    assert.ok(next > slice.from, "a slice without progress");
    const offsets = await offsetsOf(slice);
    const count = Math.floor(offsets.length * part);
    let offset = slice.from;
    for (const each of offsets.slice(0, count)) {
      assert.equal(each, offset++);
      this.#history.add(partition, each);
    }
    if (count < offsets.length) this.#cursor.rewind(partition, offset);
    else assert.equal(offset, next);
    // Removed while the records were decoded: nothing more comes of it.
    if (this.#next.has(partition)) this.#next.set(partition, offset);
  }
}

async function run(
  steps: readonly Step[],
  turns: Iterator<number>,
  cacheBytes: number,
): Promise<void> {
  const pause = () => eventLoopTurns(turns.next().value);
  const budget = new MemoryBudget(2 * cacheBytes);
  await using test = new TestLog({
    budget,
    partitions: PARTITIONS,
    nodes: 2,
    cacheBytes,
    chunkBytes: CHUNK_BYTES,
    pause,
  });
  const { reader, log } = test;
  const readings: Reading[] = [];
  const ends = () =>
    new Map([...Array(PARTITIONS).keys()].map((each) => [each, reader.at(each).end]));
  const open = (partitions: readonly number[], place: number) => {
    const starts = new Map(
      partitions.map((each) => [each, BigInt(Math.floor(Number(reader.at(each).end) * place))]),
    );
    readings.push(new Reading(log.open(TOPIC, starts, "committed"), starts));
  };
  const isInBudget = () => {
    const { bytes } = log.cache;
    assert.ok(bytes <= cacheBytes + MOST_CHUNK_BYTES, `${bytes} bytes are kept`);
  };
  open([...Array(PARTITIONS).keys()], 0);
  for (const step of steps) {
    const reading = "cursor" in step ? readings[step.cursor] : undefined;
    switch (step.kind) {
      case "append":
        reader.fill(1, step.records, step.partition);
        break;
      case "open":
        if (readings.length < 6) open(step.partitions, step.place);
        break;
      case "pull":
        if (reading?.isClosed === false) reading.pull(step.part);
        break;
      case "remove":
        if (reading?.isClosed === false) await reading.remove(step.partition);
        break;
      case "close":
        await reading?.close();
        break;
      case "evict":
        log.log(TOPIC, step.partition, "committed").clear();
        break;
      case "fail":
        reader.at(step.partition).failures.push(step.how);
        break;
      case "move":
        reader.at(step.partition).leader = step.leader;
        reader.wake();
        break;
      case "away":
        reader.unreachable.add(step.node);
        reader.wake();
        break;
      case "back":
        reader.unreachable.clear();
        break;
      case "turn":
        await eventLoopTurns(step.turns);
        break;
    }
    isInBudget();
  }
  reader.unreachable.clear();
  for (let each = 0; each < PARTITIONS; each++) {
    reader.at(each).leader ??= 1;
    reader.fill(1, 3, each);
  }
  const open_ = readings.filter(({ isClosed }) => !isClosed);
  await Promise.all(open_.map((reading) => reading.readTo(ends())));
  isInBudget();
  for (const reading of open_) await reading.close();
  assert.equal(budget.heldBytes, 0, "a chunk is held that nobody sends");
}

Deno.test("SharedLog gives each cursor every offset once and in order, any schedule", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 80, size: "max" }),
      fc.infiniteStream(fc.nat(3)),
      fc.constantFrom(1, 4000, 1 << 20),
      run,
    ),
    {
      numRuns: Number(Deno.env.get("LOG_RUNS") ?? 60),
      timeout: 10_000,
      markInterruptAsFailure: true,
    },
  );
});
