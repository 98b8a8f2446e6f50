import assert from "node:assert/strict";
import type { NewRecord } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import type { V2Response } from "../../src/protocol/v2_responses.ts";
import { PermitPool } from "../../src/session/permit_pool.ts";
import { Producing } from "../../src/session/producing.ts";
import { FakeWriter } from "../support/fake_writer.ts";

const RECORD: NewRecord = { key: null, value: new Uint8Array([1]), headers: [], timestampMs: 5n };

/** A client's producing over a fake Kafka, with an opening balance of 4 records and 100 bytes. */
function open(pool = new PermitPool({ records: 10, bytes: 1_000 })) {
  const writer = new FakeWriter();
  const sent: V2Response[] = [];
  const producing = new Producing({
    writer,
    pool,
    opening: { records: 4, bytes: 100 },
    send: (frame) => void sent.push(frame),
  });
  const write = (id: number, records: number, bytes = 10, topic = "orders") =>
    producing.write(
      { type: "produce", id, topic, records: Array(records).fill(RECORD) },
      producing.take(records, bytes),
    );
  return { writer, sent, producing, write };
}

Deno.test("Producing.write() answers with a result for each record, in order", async () => {
  const { producing, sent, write } = open();
  write(7, 2);
  await producing.settled();
  assert.deepEqual(sent, [{
    type: "produced",
    id: 7,
    results: [
      { partition: 0, offset: "0", timestamp: 5 },
      { partition: 0, offset: "1", timestamp: 5 },
    ],
  }]);
  assert.equal(producing.written, 2);
});

Deno.test("Producing.write() tells failed and unknown apart", async () => {
  const { producing, writer, sent, write } = open();
  const error = new ProxyError("kafka_unavailable", "Kafka did not answer");
  writer.failures.push({ outcome: "failed", error }, { outcome: "unknown", error });
  write(1, 1);
  write(2, 1);
  await producing.settled();
  assert.deepEqual(
    sent.map((frame) => frame.type === "produced" && frame.results),
    (["failed", "unknown"] as const).map((outcome) => [{
      code: "kafka_unavailable",
      outcome,
      message: "Kafka did not answer",
    }]),
  );
  assert.equal(producing.written, 0);
});

Deno.test("Producing.take() throws overdrawn, more records or bytes than the balance", () => {
  for (const [records, bytes] of [[5, 10], [1, 101]]) {
    const { producing } = open();
    assert.throws(() => producing.take(records, bytes), {
      code: "overdrawn",
      message: /allowed are 4 and 100/,
    });
  }
});

Deno.test("Producing.take() counts what has no answer yet, and no more what has", async () => {
  const { producing, writer, write } = open();
  const release = writer.hold();
  write(1, 3);
  assert.throws(() => producing.take(2, 1), { code: "overdrawn" });
  release();
  await producing.settled();
  producing.take(4, 100);
});

Deno.test("Producing.permit() enlarges the balance by what the pool has, and says so", () => {
  const pool = new PermitPool({ records: 10, bytes: 1_000 });
  const { producing, sent } = open(pool);
  producing.permit({ type: "permit", id: 1, records: 6, bytes: 2_000 });
  producing.permit({ type: "permit", id: undefined, records: 6, bytes: 1 });
  assert.deepEqual(sent, [
    { type: "permitted", id: 1, records: 10, bytes: 1_100 },
    { type: "permitted", id: undefined, records: 14, bytes: 1_100 },
  ]);
  producing.take(14, 1_100);
  producing.release();
  assert.deepEqual(pool.left, { records: 10, bytes: 1_000 });
});

Deno.test("Producing.take() gives back once, called again", () => {
  const { producing } = open();
  const giveBack = producing.take(4, 100);
  giveBack();
  giveBack();
  producing.take(4, 100);
  assert.throws(() => producing.take(1, 1), { code: "overdrawn" });
});

Deno.test("Producing.tallies tells by topic what was stored, failed and unknown", async () => {
  const { producing, writer, write } = open();
  const error = new ProxyError("kafka_unavailable", "Kafka did not answer");
  writer.failures.push({ outcome: "failed", error }, { outcome: "unknown", error });
  write(1, 1);
  write(2, 1);
  await producing.settled();
  write(3, 2, 10, "payments");
  await producing.settled();
  assert.deepEqual(
    [...producing.tallies],
    [
      ["orders", { records: 0, failed: 1, unknown: 1 }],
      ["payments", { records: 2, failed: 0, unknown: 0 }],
    ],
  );
});

Deno.test("Producing.tallies of a client that writes to topics without end are bounded", async () => {
  const { producing, write } = open();
  for (let i = 0; i < 150; i++) {
    write(i, 1, 1, `topic-${i}`);
    await producing.settled();
  }
  assert.equal(producing.tallies.size, 101);
  assert.deepEqual(producing.tallies.get("(others)"), { records: 50, failed: 0, unknown: 0 });
  assert.equal(producing.written, 150);
});
