import assert from "node:assert/strict";
import fc from "fast-check";
import { PositionLedger } from "../../src/session/position_ledger.ts";

/** What is due, as partition and offset. */
function due(ledger: PositionLedger, again = false): [number, bigint][] {
  return [...ledger.due(again)];
}

Deno.test("PositionLedger.due() has nothing, before anything was taken", () => {
  const ledger = new PositionLedger();
  ledger.reached(0, 10n, 100);
  ledger.took(99);
  assert.deepEqual(due(ledger), []);
});

Deno.test("PositionLedger.due() has the last position whose bytes were taken", () => {
  const ledger = new PositionLedger();
  ledger.reached(0, 10n, 100);
  ledger.reached(0, 20n, 200);
  ledger.reached(0, 30n, 300);
  ledger.took(250);
  assert.deepEqual(due(ledger), [[0, 20n]]);
  ledger.took(300);
  assert.deepEqual(due(ledger), [[0, 30n]]);
});

Deno.test("PositionLedger.due() has positions beyond 2^53, and offset 0", () => {
  const ledger = new PositionLedger();
  ledger.reached(0, 2n ** 53n + 1n, 0);
  ledger.reached(1, 0n, 0);
  ledger.took(0);
  assert.deepEqual(due(ledger), [[0, 2n ** 53n + 1n], [1, 0n]]);
});

Deno.test("PositionLedger.due() has each partition's own", () => {
  const ledger = new PositionLedger();
  ledger.reached(0, 10n, 100);
  ledger.reached(3, 7n, 150);
  ledger.reached(0, 20n, 200);
  ledger.took(150);
  assert.deepEqual(due(ledger), [[0, 10n], [3, 7n]]);
});

Deno.test("PositionLedger.reached() moves on without bytes, records that nobody sees", () => {
  const ledger = new PositionLedger();
  ledger.reached(0, 10n, 100);
  ledger.reached(0, 25n, 100);
  ledger.took(100);
  assert.deepEqual(due(ledger), [[0, 25n]]);
});

Deno.test("PositionLedger.committed() leaves nothing due, until a partition moves", () => {
  const ledger = new PositionLedger();
  ledger.reached(0, 10n, 1);
  ledger.reached(1, 5n, 2);
  ledger.took(2);
  ledger.committed(ledger.due());
  assert.deepEqual(due(ledger), []);
  ledger.reached(1, 6n, 3);
  ledger.took(3);
  assert.deepEqual(due(ledger), [[1, 6n]]);
});

Deno.test("PositionLedger.due() has all that was taken, again", () => {
  const ledger = new PositionLedger();
  ledger.reached(0, 10n, 1);
  ledger.took(1);
  ledger.committed(ledger.due());
  assert.deepEqual(due(ledger, true), [[0, 10n]]);
});

Deno.test("PositionLedger.committed() leaves due what was taken meanwhile", () => {
  const ledger = new PositionLedger();
  ledger.reached(0, 10n, 1);
  ledger.took(1);
  const committing = ledger.due();
  ledger.reached(0, 20n, 2);
  ledger.took(2);
  ledger.committed(committing);
  assert.deepEqual(due(ledger), [[0, 20n]]);
});

Deno.test("PositionLedger.keep() forgets all other partitions, sent and taken and committed", () => {
  const ledger = new PositionLedger();
  ledger.reached(0, 10n, 1);
  ledger.reached(1, 10n, 2);
  ledger.took(2);
  ledger.committed(ledger.due());
  ledger.reached(0, 20n, 3);
  ledger.reached(1, 20n, 4);
  ledger.keep([1]);
  ledger.took(4);
  assert.deepEqual(due(ledger), [[1, 20n]]);
  assert.deepEqual(due(ledger, true), [[1, 20n]]);
  ledger.reached(0, 5n, 5);
  ledger.took(5);
  assert.deepEqual(due(ledger), [[1, 20n], [0, 5n]]);
});

Deno.test("PositionLedger.due() is what a plain list says, any traffic", () => {
  const step = fc.record({
    partition: fc.nat(3),
    records: fc.nat(5),
    bytes: fc.constantFrom(0, 0, 10, 25),
    taken: fc.nat(40),
    commit: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
    const ledger = new PositionLedger();
    const log: { partition: number; next: bigint; atBytes: number }[] = [];
    const nexts = new Map<number, bigint>();
    const committed = new Map<number, bigint>();
    let sent = 0;
    let taken = 0;
    for (const { partition, records, bytes, taken: more, commit } of steps) {
      sent += bytes;
      const next = (nexts.get(partition) ?? 0n) + BigInt(records);
      nexts.set(partition, next);
      log.push({ partition, next, atBytes: sent });
      ledger.reached(partition, next, sent);
      taken = Math.min(taken + more, sent);
      ledger.took(taken);
      const wanted = new Map(
        log.filter(({ atBytes }) => atBytes <= taken)
          .map(({ partition, next }) => [partition, next]),
      );
      assert.deepEqual(new Map(ledger.taken), wanted);
      for (const [partition, next] of committed) {
        if (wanted.get(partition) === next) wanted.delete(partition);
      }
      assert.deepEqual(ledger.due(), wanted);
      if (!commit) continue;
      for (const [partition, next] of ledger.due()) committed.set(partition, next);
      ledger.committed(ledger.due());
    }
  }));
});
