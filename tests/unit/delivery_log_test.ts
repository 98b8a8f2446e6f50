import assert from "node:assert/strict";
import { DeliveryLog, overlapMs, recordsIn, repeatsIn } from "../support/delivery_log.ts";

/** `one 0: 0-4 at 10-20`: a client got these offsets of a partition, ends exclusive. */
function logOf(...runs: [string, number, number, number, number?, number?][]): DeliveryLog {
  const log = new DeliveryLog();
  for (const [client, partition, from, to, firstMs = 0, lastMs = firstMs] of runs) {
    for (let offset = from; offset < to; offset++) {
      const isLast = offset === to - 1;
      log.add(client, partition, BigInt(offset), isLast ? lastMs : firstMs);
    }
  }
  return log;
}

function ranges(found: readonly { from: bigint; to: bigint }[]): string[] {
  return found.map(({ from, to }) => `${from}-${to}`);
}

Deno.test("DeliveryLog.runs has what followed right on another, each client and partition by itself", () => {
  const log = logOf(["one", 0, 0, 3], ["two", 0, 3, 5], ["one", 1, 0, 2], ["one", 0, 5, 6]);
  assert.equal(log.count, 8);
  assert.deepEqual(
    log.runs.map(({ client, partition, from, to }) => `${client} ${partition} ${from}-${to}`),
    ["one 0 0-3", "two 0 3-5", "one 1 0-2", "one 0 5-6"],
  );
  assert.equal(log.next(0), 6n);
  assert.equal(log.next(1), 2n);
  assert.equal(log.next(2), undefined);
});

Deno.test("DeliveryLog.verifyAll() passes what all clients together had, in any order", () => {
  const log = logOf(["two", 0, 3, 5], ["one", 0, 0, 3], ["two", 0, 4, 7]);
  log.verifyAll(new Map([[0, 7n]]));
});

for (
  const [what, log, wanted] of [
    ["a hole between two clients", logOf(["one", 0, 0, 3], ["two", 0, 4, 7]), ["3-4"]],
    ["a hole within one", logOf(["one", 0, 0, 3], ["one", 0, 5, 7]), ["3-5"]],
    ["nothing at the beginning", logOf(["one", 0, 2, 7]), ["0-2"]],
    ["nothing at the end", logOf(["one", 0, 0, 5]), ["5-7"]],
    ["nothing at all", logOf(), ["0-7"]],
    ["another partition", logOf(["one", 1, 0, 7]), ["0-7"]],
  ] as const
) {
  Deno.test(`DeliveryLog.gaps() finds ${what}`, () => {
    assert.deepEqual(ranges(log.gaps(0, 7n)), wanted);
    assert.throws(() => log.verifyAll(new Map([[0, 7n]])), /Nobody got: partition 0/);
  });
}

for (
  const [what, log, wanted] of [
    ["nothing twice", logOf(["one", 0, 0, 3], ["two", 0, 3, 7]), []],
    ["the end of one at another", logOf(["one", 0, 0, 5], ["two", 0, 3, 7]), ["3-5"]],
    ["all of one at another", logOf(["one", 0, 0, 7], ["two", 0, 2, 4]), ["2-4"]],
    ["the same client twice", logOf(["one", 0, 0, 3], ["one", 0, 1, 4]), ["1-3"]],
    ["three times", logOf(["a", 0, 0, 2], ["b", 0, 0, 2], ["c", 0, 0, 2]), ["0-2", "0-2"]],
  ] as const
) {
  Deno.test(`DeliveryLog.repeats() finds ${what}`, () => {
    assert.deepEqual(ranges(log.repeats(0)), wanted);
    assert.deepEqual(repeatsIn(log.runs, 0), log.repeats(0));
  });
}

Deno.test("recordsIn() counts what ranges hold", () => {
  const log = logOf(["a", 0, 0, 5], ["b", 0, 3, 7], ["c", 0, 6, 9]);
  assert.equal(recordsIn(log.repeats(0)), 3);
});

for (
  const [what, log, wanted] of [
    ["one after the other", logOf(["a", 0, 0, 5, 0, 10], ["b", 0, 5, 9, 11, 20]), 0],
    ["both for a while", logOf(["a", 0, 0, 5, 0, 10], ["b", 0, 5, 9, 7, 20]), 3],
    ["one inside the other", logOf(["a", 0, 0, 5, 0, 10], ["b", 0, 5, 9, 2, 4]), 8],
    ["one client", logOf(["a", 0, 0, 5, 0, 10], ["a", 0, 2, 9, 5, 20]), 0],
    ["different partitions", logOf(["a", 0, 0, 5, 0, 10], ["b", 1, 5, 9, 7, 20]), 0],
  ] as const
) {
  Deno.test(`overlapMs() tells how long two clients had a partition, ${what}`, () => {
    assert.equal(overlapMs(log.runs, 0), wanted);
  });
}
