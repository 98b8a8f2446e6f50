import assert from "node:assert/strict";
import fc from "fast-check";
import { TOPIC } from "../support/array_reader.ts";
import { V2Client } from "../support/v2_client.ts";
import { TestServer } from "./test_server.ts";

/**
 * Close codes that a client can bring upon itself. Who still sends when it is closed may see the
 * connection reset before the code was read, which is 1006.
 */
const OWN_FAULT = [1003, 1006, 1007, 1008, 1009, 4400, 4429];

/** Frames that begin like ours and then go wrong, and frames that never were. */
const hostile = fc.oneof(
  fc.json(),
  fc.string({ maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }),
  fc.record({
    type: fc.constantFrom(
      "subscribe",
      "ack",
      "nack",
      "credit",
      "seek",
      "produce",
      "permit",
      "auth",
      "unsubscribe",
      "lag",
      "pause",
      "__proto__",
      "constructor",
    ),
    id: fc.oneof(fc.integer(), fc.constant(7), fc.string()),
    topics: fc.oneof(fc.constant([TOPIC]), fc.anything()),
    topic: fc.oneof(fc.constant(TOPIC), fc.anything()),
    records: fc.oneof(fc.constant([{ value: "x" }]), fc.anything()),
    subscription: fc.oneof(fc.constant(1), fc.anything()),
    offset: fc.oneof(fc.constant("0"), fc.anything()),
    partition: fc.oneof(fc.constant(0), fc.anything()),
    from: fc.anything(),
    resume: fc.anything(),
  }, { requiredKeys: ["type"] }).map((frame) => safeJson(frame)),
);

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, one) => typeof one === "bigint" ? `${one}` : one) ?? "";
  } catch {
    return "{";
  }
}

Deno.test("V2Session survives arbitrary frames: an error frame or a close code, and others go on", async () => {
  await using server = new TestServer();
  server.fakes.reader.fill(1, 10);
  await using other = await V2Client.open(server.at(""));
  await other.ask({ type: "subscribe", topics: [TOPIC], from: "earliest" });
  await other.untilRecords(10);
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { minLength: 1, maxLength: 8 }), async (frames) => {
      const client = await V2Client.open(server.at(""));
      try {
        for (const frame of frames) {
          if (client.closeInfo !== undefined) break;
          client.sendRaw(typeof frame === "string" ? frame : frame.slice());
        }
        // Either it is still served, or it was told why not.
        const pong = await client.ask<"pong">({ type: "ping" }).catch(() => undefined);
        if (pong === undefined) {
          const { code } = await client.untilClosed();
          assert.ok(OWN_FAULT.includes(code), `closed with ${code}`);
        }
      } finally {
        await client.close();
      }
      await other.ask<"pong">({ type: "ping" });
    }),
    { numRuns: 100 },
  );
  assert.deepEqual(server.failures, []);
  assert.equal(server.isListening, true);
  assert.deepEqual(server.fakes.events.of("session_failed"), []);
});
