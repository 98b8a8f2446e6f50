import assert from "node:assert/strict";
import { KafkaProxyClient } from "../../src/client/mod.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { holdsFor } from "../support/holds_for.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

Deno.test("KafkaProxyClient has large records wait at the server, and then reads them all", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "held";
  const count = 150;
  await helper.createTopic(topic);
  await helper.produce({ topic, count, valueBytes: 1_000_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, stallTimeoutMs: 1_000 });
  await using client = new KafkaProxyClient(proxy.url);
  const subscription = client.subscribe({
    topics: [topic],
    from: "earliest",
    credit: count,
    maxHeldBytes: 10_000_000,
    decode: (value) => value,
  });
  await eventually("as much as that to wait", () => subscription.heldRecords >= 10);
  // What was on its way comes: what the socket and the systems on both sides hold of it.
  await holdsFor(2_000, "fewer than 40 wait", () => subscription.heldRecords < 40);
  let next = 0n;
  for await (const { offset, value } of subscription) {
    assert.deepEqual([offset, value?.length], [next++, 1_000_000]);
    if (next === BigInt(count)) break;
  }
  assert.equal(next, BigInt(count));
});
