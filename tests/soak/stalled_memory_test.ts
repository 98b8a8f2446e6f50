import assert from "node:assert/strict";
import { measureStall, MOST_GROWTH_BYTES } from "../bench/stalled_memory.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";

const sharedKafka = shareKafka({ fast: false });

Deno.test("with a client that stops reading for 15 s on a full-speed topic the process grows by less than 32 MB", async () => {
  const { kafka, helper } = await sharedKafka();
  const { startBytes, mostBytes, produced } = await measureStall({
    kafka: kafka.bootstrap,
    helper,
    topic: "stalled",
    warmMs: 8_000,
    stallMs: 15_000,
  });
  assert.ok(produced > 400_000, `the topic grew by ${produced} records`);
  const grown = mostBytes - startBytes;
  assert.ok(grown < MOST_GROWTH_BYTES, `${startBytes} bytes grew by ${grown}`);
});
