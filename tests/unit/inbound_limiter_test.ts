import assert from "node:assert/strict";
import { InboundLimiter } from "../../src/stream/inbound_limiter.ts";

const WIDE = { maxMessageBytes: 1_000, messagesPerSecond: undefined, bytesPerSecond: undefined };

Deno.test("InboundLimiter.take() closes with 1009, a message over maxMessageBytes", () => {
  const limiter = new InboundLimiter(WIDE, 0);
  assert.equal(limiter.take(1_000, 0), undefined);
  const over = limiter.take(1_001, 0);
  assert.equal(over?.code, "message_too_large");
  assert.equal(over.row.closeCode, 1009);
  assert.deepEqual(over.details, { limit: "maxMessageBytes" });
  assert.match(over.message, /1001 bytes, the limit is 1000/);
});

Deno.test("InboundLimiter.take() closes with 4429, more messages than a second allows", () => {
  const limiter = new InboundLimiter({ ...WIDE, messagesPerSecond: 3 }, 0);
  for (let i = 0; i < 3; i++) assert.equal(limiter.take(1, 0), undefined);
  const over = limiter.take(1, 0);
  assert.equal(over?.code, "too_many_requests");
  assert.equal(over.row.closeCode, 4429);
  assert.deepEqual(over.details, { limit: "messagesPerSecond" });
  assert.equal(limiter.take(1, 334), undefined);
});

Deno.test("InboundLimiter.take() closes with 4429, more bytes than a second allows", () => {
  const limiter = new InboundLimiter({ ...WIDE, bytesPerSecond: 1_500 }, 0);
  assert.equal(limiter.take(1_000, 0), undefined);
  assert.deepEqual(limiter.take(501, 0)?.details, { limit: "inboundBytesPerSecond" });
  assert.equal(limiter.take(500, 0), undefined);
});

Deno.test("InboundLimiter.take() lets one message through that is larger than a second's bytes", () => {
  const limiter = new InboundLimiter({ ...WIDE, bytesPerSecond: 10 }, 0);
  assert.equal(limiter.take(1_000, 0), undefined);
  assert.equal(limiter.take(1, 0)?.code, "too_many_requests");
});

Deno.test("InboundLimiter.take() never closes a client within its limits, over ten seconds", () => {
  const limiter = new InboundLimiter({ ...WIDE, messagesPerSecond: 100, bytesPerSecond: 5_000 }, 0);
  for (let i = 0; i < 1_000; i++) assert.equal(limiter.take(50, i * 10), undefined);
});
