import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { runHostileLoad } from "../support/hostile_load.ts";
import { note } from "../support/note.ts";

const sharedKafka = shareKafka();

const MIB = 1 << 20;

/** What the process may take at its worst: two frames and a message in fragments at a time, twice. */
const MOST_BYTES = 768 * MIB;

// How long a record takes meanwhile, and what memory is left, is measured by tests/long/hostile_load.ts
// on an idle machine: here other work would decide.
Deno.test("hostile peers of eight kinds: no other client is closed or misses a record, memory is bounded", async () => {
  const { kafka, helper } = await sharedKafka();
  const { attacks, isWhole } = await runHostileLoad({
    kafka: kafka.bootstrap,
    helper,
    topic: "hostile",
    quietMs: 500,
    memoryMs: 1_000,
    crowd: 200,
    note,
    attacks: [
      { name: "halfOpenHandshakes", peers: 1_000, forMs: 1_000 },
      { name: "headerFloods", peers: 50, bytes: 1 * MIB },
      { name: "hugeFrames", peers: 2, bytes: 64 * MIB },
      { name: "hugeFrames", peers: 2, bytes: 63 * MIB },
      { name: "fragments", peers: 1, bytes: 100 * MIB },
      { name: "pingFloods", peers: 10, forMs: 1_000 },
      { name: "messageFloods", peers: 10, forMs: 1_000 },
      { name: "connectAndDrop", peers: 1_000 },
      { name: "neverReading", peers: 50, forMs: 3_000 },
    ],
  });
  assert.ok(isWhole, "no other client was closed");
  for (const { name, records, mostBytes } of attacks) {
    assert.ok(records > 0, `${name}: others got records`);
    assert.ok(mostBytes < MOST_BYTES, `${name}: ${mostBytes} bytes`);
  }
});
