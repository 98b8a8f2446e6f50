import assert from "node:assert/strict";
import fc from "fast-check";
import { AckLedger } from "../../src/session/ack_ledger.ts";
import { isSettled } from "../support/event_loop.ts";
import { ManualSink } from "../support/manual_sink.ts";

const TOPIC = "orders";

/** A ledger whose partition 0 was assigned at 10, and sent records 10 to 19 in frames of five. */
function sentTen(): AckLedger {
  const ledger = new AckLedger();
  ledger.assigned(0, 10n);
  ledger.reached(0, 15n, 0, 5);
  ledger.reached(0, 20n, 0, 5);
  return ledger;
}

Deno.test("AckLedger.due() has nothing, sent and not acknowledged", () => {
  const ledger = sentTen();
  ledger.took();
  assert.deepEqual([...ledger.due()], []);
  assert.equal(ledger.unacked, 10);
});

Deno.test("AckLedger.ack() makes the next offset due, cumulatively", () => {
  const ledger = sentTen();
  assert.equal(ledger.ack(TOPIC, 0, 11n), 12n);
  assert.deepEqual([...ledger.due()], [[0, 12n]]);
  assert.equal(ledger.unacked, 8);
  ledger.ack(TOPIC, 0, 16n);
  assert.deepEqual([...ledger.due()], [[0, 17n]]);
  assert.equal(ledger.unacked, 3);
});

Deno.test("AckLedger.ack() never goes backwards, an older acknowledgement after a newer", () => {
  const ledger = sentTen();
  ledger.ack(TOPIC, 0, 16n);
  ledger.committed(ledger.due());
  assert.equal(ledger.ack(TOPIC, 0, 12n), 13n);
  assert.deepEqual([...ledger.due()], []);
  assert.equal(ledger.isCommitted(0, 13n), true);
});

Deno.test("AckLedger.ack() goes past what has no record, the last that was sent", () => {
  const ledger = sentTen();
  ledger.reached(0, 25n, 0, 0);
  ledger.ack(TOPIC, 0, 19n);
  assert.deepEqual([...ledger.due()], [[0, 25n]]);
});

Deno.test("AckLedger.reached() makes due what has no record, with nothing unacknowledged", () => {
  const ledger = new AckLedger();
  ledger.assigned(0, 10n);
  ledger.reached(0, 14n, 0, 0);
  assert.deepEqual([...ledger.due()], [[0, 14n]]);
});

Deno.test("AckLedger.ack() throws bad_frame, an offset that was not sent", () => {
  assert.throws(() => sentTen().ack(TOPIC, 0, 20n), {
    code: "bad_frame",
    message: 'Cannot acknowledge offset 20 of "orders" partition 0: what was sent ends before 20',
  });
});

Deno.test("AckLedger.ack() throws fenced, a partition that has gone", () => {
  const ledger = sentTen();
  ledger.keep([1]);
  assert.throws(() => ledger.ack(TOPIC, 0, 11n), { code: "fenced" });
  assert.deepEqual([...ledger.due(true)], []);
});

Deno.test("AckLedger.nack() counts as not sent from there on, inside of a frame too", () => {
  const ledger = sentTen();
  ledger.ack(TOPIC, 0, 11n);
  ledger.nack(TOPIC, 0, 13n);
  assert.equal(ledger.unacked, 1);
  assert.throws(() => ledger.ack(TOPIC, 0, 13n), { code: "bad_frame" });
  ledger.reached(0, 20n, 0, 7);
  assert.equal(ledger.unacked, 8);
  ledger.ack(TOPIC, 0, 19n);
  assert.deepEqual([...ledger.due()], [[0, 20n]]);
});

Deno.test("AckLedger.nack() throws bad_frame, an offset that is acknowledged or was not sent", () => {
  const ledger = sentTen();
  ledger.ack(TOPIC, 0, 11n);
  for (const offset of [11n, 20n]) {
    assert.throws(() => ledger.nack(TOPIC, 0, offset), { code: "bad_frame", message: /12 to 19/ });
  }
});

Deno.test("AckLedger.assigned() keeps what is unacknowledged, a partition that goes on", () => {
  const ledger = sentTen();
  ledger.keep([0]);
  ledger.assigned(0, 20n);
  assert.equal(ledger.unacked, 10);
  ledger.ack(TOPIC, 0, 19n);
  assert.deepEqual([...ledger.due()], [[0, 20n]]);
});

Deno.test("AckLedger.assigned() begins anew, a partition that starts elsewhere", () => {
  const ledger = sentTen();
  ledger.assigned(0, 10n);
  assert.equal(ledger.unacked, 0);
  assert.throws(() => ledger.ack(TOPIC, 0, 12n), { code: "bad_frame" });
});

Deno.test("AckLedger.moved() counts acknowledgements from there, and commits none by itself", () => {
  const ledger = sentTen();
  ledger.moved(0, 3n);
  assert.deepEqual([...ledger.due()], []);
  ledger.reached(0, 5n, 0, 2);
  ledger.ack(TOPIC, 0, 4n);
  assert.deepEqual([...ledger.due()], [[0, 5n]]);
});

Deno.test("AckLedger.settled() resolves at the last acknowledgement, or when time is up", async () => {
  const ledger = sentTen();
  const sink = new ManualSink();
  const settled = ledger.settled(sink, 60_000);
  assert.equal(await isSettled(settled), false);
  ledger.ack(TOPIC, 0, 19n);
  await settled;
  const other = sentTen();
  await other.settled(sink, 5);
  assert.equal(other.unacked, 10);
  sink.closeByPeer();
});

// What may be committed is decided by this class alone: whatever happens, it is never beyond what was
// acknowledged (or has no record), and it never goes backwards.
Deno.test("AckLedger.due() is never beyond what was acknowledged, and never goes back", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("send" as const), records: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ kind: fc.constant("skip" as const), records: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant("ack" as const), records: fc.integer({ min: -3, max: 12 }) }),
    fc.record({ kind: fc.constant("nack" as const), records: fc.integer({ min: -3, max: 12 }) }),
    fc.record({ kind: fc.constant("commit" as const), records: fc.constant(0) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const ledger = new AckLedger();
    ledger.assigned(0, 0n);
    let sent = 0n;
    let acked = 0n;
    let committed = 0n;
    /** Offsets that hold a record and were sent. */
    let open: bigint[] = [];
    for (const { kind, records } of steps) {
      if (kind === "send") {
        for (let i = 0; i < records; i++) open.push(sent++);
        ledger.reached(0, sent, 0, records);
      } else if (kind === "skip") {
        sent += BigInt(records);
        ledger.reached(0, sent, 0, 0);
      } else if (kind === "commit") {
        const due = ledger.due().get(0);
        if (due !== undefined) {
          assert.ok(due > committed, `${due} after ${committed}`);
          committed = due;
        }
        ledger.committed(ledger.due());
      } else {
        const offset = acked + BigInt(records);
        try {
          if (offset < 0n) continue;
          if (kind === "ack") {
            ledger.ack(TOPIC, 0, offset);
            if (offset + 1n > acked) acked = offset + 1n;
            open = open.filter((one) => one > offset);
          } else {
            ledger.nack(TOPIC, 0, offset);
            open = open.filter((one) => one < offset);
            sent = offset;
          }
        } catch (error) {
          assert.equal((error as { code?: string }).code, "bad_frame");
        }
      }
      const due = ledger.due(true).get(0)!;
      const first = open[0];
      if (first !== undefined) assert.ok(due <= first, `${due} is beyond ${first}`);
      if (open.length === 0) acked = acked > sent ? acked : sent;
      assert.ok(ledger.unacked >= (open.length === 0 ? 0 : 1));
    }
  }));
});

// A client that comes back starts where it has acknowledged; what the server before had not written
// was answered "committed" because it was the start, and came again to the next client.
Deno.test("AckLedger.ack() has the start written, acknowledged again, before it is committed", () => {
  const ledger = new AckLedger();
  ledger.assigned(0, 86n);
  assert.deepEqual([...ledger.due()], [], "nobody wants the start written");
  assert.equal(ledger.isCommitted(0, 86n), false);
  assert.equal(ledger.ack("orders", 0, 85n), 86n);
  assert.equal(ledger.isCommitted(0, 86n), false);
  assert.deepEqual([...ledger.due()], [[0, 86n]]);
  ledger.committed(ledger.due());
  assert.equal(ledger.isCommitted(0, 86n), true);
  assert.deepEqual([...ledger.due()], []);
});

Deno.test("AckLedger.ack() never commits less than the start, an older offset acknowledged", () => {
  const ledger = new AckLedger();
  ledger.assigned(0, 86n);
  ledger.ack("orders", 0, 10n);
  assert.deepEqual([...ledger.due()], [[0, 86n]]);
});

Deno.test("AckLedger.ack() commits what was acknowledged, and no seek", () => {
  const ledger = new AckLedger();
  ledger.assigned(0, 10n);
  ledger.moved(0, 500n);
  assert.deepEqual([...ledger.due(true)], [[0, 10n]]);
  ledger.ack("orders", 0, 84n);
  assert.deepEqual([...ledger.due()], [[0, 85n]]);
});
