import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { AbortedTransaction } from "../../src/kafka/fetch_response.ts";
import { readRecordBatches } from "../../src/kafka/record_batches.ts";
import { buildBatch, buildMarker } from "../support/batch_builder.ts";

/** One batch of a log, as the model sees it. */
interface Entry {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly bytes: Buffer;
  /** Whose transaction it belongs to; undefined outside transactions. */
  readonly transaction: Transaction | undefined;
  readonly isMarker: boolean;
  readonly isEmptied: boolean;
}

interface Transaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
  /** Offset of its marker, when it has one. */
  lastOffset?: bigint;
  isAborted?: boolean;
}

type Step = {
  readonly producer: number;
  readonly action: "write" | "write" | "abort" | "commit" | "plain" | "emptied";
  readonly records: number;
};

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    producer: fc.nat(3),
    action: fc.constantFrom("write", "write", "write", "abort", "commit", "plain", "emptied"),
    records: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 40, size: "max" },
);

/** Runs producers against a log; what they leave open at the end stays open. */
function logOf(steps: readonly Step[]): Entry[] {
  const open = new Map<number, Transaction>();
  const entries: Entry[] = [];
  let next = 0n;
  for (const { producer, action, records } of steps) {
    const producerId = BigInt(producer);
    const baseOffset = next;
    const values = Array.from({ length: records }, () => ({ value: "v" }));
    if (action === "abort" || action === "commit") {
      const transaction = open.get(producer);
      if (transaction === undefined) continue;
      open.delete(producer);
      transaction.lastOffset = baseOffset;
      transaction.isAborted = action === "abort";
      const bytes = buildMarker(action, baseOffset, producerId);
      entries.push({
        baseOffset,
        lastOffset: baseOffset,
        bytes,
        transaction,
        isMarker: true,
        isEmptied: false,
      });
      next += 1n;
      continue;
    }
    const inTransaction = action === "write";
    let transaction = open.get(producer);
    if (inTransaction && transaction === undefined) {
      open.set(producer, transaction = { producerId, firstOffset: baseOffset });
    }
    const isEmptied = action === "emptied";
    const bytes = buildBatch({
      baseOffset,
      records: isEmptied ? [] : values,
      lastOffsetDelta: records - 1,
      ...(inTransaction && { transactionOf: producerId }),
    });
    const lastOffset = baseOffset + BigInt(records - 1);
    entries.push({
      baseOffset,
      lastOffset,
      bytes,
      transaction: inTransaction ? transaction : undefined,
      isMarker: false,
      isEmptied,
    });
    next = lastOffset + 1n;
  }
  return entries;
}

/** What a broker lists for a fetch: aborted transactions that reach into the range. */
function abortedIn(fetched: readonly Entry[], log: readonly Entry[]): AbortedTransaction[] {
  if (fetched.length === 0) return [];
  const from = fetched[0].baseOffset;
  const to = fetched.at(-1)!.lastOffset;
  const all = new Set(log.flatMap(({ transaction }) => transaction ?? []));
  return [...all].filter(({ isAborted, firstOffset, lastOffset }) =>
    isAborted && firstOffset <= to && lastOffset! >= from
  );
}

Deno.test("readRecordBatches() hides exactly what was aborted, any transactions from any position", () => {
  const range = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 40 }));
  fc.assert(
    fc.property(steps, range, fc.infiniteStream(fc.nat(1000)), (steps, [skip, count], order) => {
      const log = logOf(steps);
      const fetched = log.slice(skip, skip + count);
      const listed = abortedIn(fetched, log);
      const shuffled = listed
        .map((entry): [number, AbortedTransaction] => [order.next().value, entry])
        .sort(([a], [b]) => a - b).map(([, entry]) => entry);
      const run = readRecordBatches(
        Buffer.concat(fetched.map(({ bytes }) => bytes)),
        shuffled,
        1 << 20,
      );
      const wanted = fetched.filter(({ isMarker, isEmptied, transaction }) =>
        !isMarker && !isEmptied && !transaction?.isAborted
      );
      assert.deepEqual(
        run.batches.map(({ baseOffset }) => baseOffset),
        wanted.map(({ baseOffset }) => baseOffset),
      );
      assert.equal(run.error, undefined);
      assert.equal(run.next, fetched.length === 0 ? undefined : fetched.at(-1)!.lastOffset + 1n);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("readRecordBatches() says what is wrong and never throws, mutated bytes", () => {
  const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
  const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });
  const aborted = fc.array(
    fc.record({ producerId: fc.bigInt(0n, 3n), firstOffset: fc.bigInt(0n, 20n) }),
    { maxLength: 3 },
  );
  fc.assert(
    fc.property(steps, mutations, aborted, fc.nat(), (steps, mutations, aborted, cut) => {
      const bytes = Buffer.concat(logOf(steps).map(({ bytes }) => bytes));
      for (const { at, byte } of mutations) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      const part = bytes.subarray(0, bytes.length - cut % (bytes.length + 1) % 70);
      const { batches, error } = readRecordBatches(part, aborted, 1 << 20);
      assert.ok(["old_format", "corrupt_batch", undefined].includes(error?.code), error?.message);
      for (const { baseOffset, lastOffset, recordCount } of batches) {
        assert.ok(lastOffset >= baseOffset);
        assert.ok(recordCount > 0);
      }
    }),
    { numRuns: 1000 },
  );
});
