import assert from "node:assert/strict";
import { segmentBatches } from "../kafka/segment_batches.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { History } from "../support/history.ts";
import { hasKcat, kcatProduce } from "../support/kcat.ts";
import { newTopic } from "../support/new_topic.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

const CODECS = ["gzip", "snappy", "lz4", "zstd"] as const;

/** What is on the disk: so many batches, all of this codec. */
async function assertCompressed(topic: string, codec: string, fewest: number): Promise<void> {
  const { kafka } = await sharedKafka();
  const batches = await segmentBatches(kafka.nodes[0].dataFolder, topic, 0);
  assert.deepEqual([...new Set(batches.map(({ compression }) => compression))], [codec]);
  assert.ok(batches.length >= fewest, `${batches.length} batches`);
}

for (const codec of CODECS) {
  Deno.test(`every codec: ${codec}, written by Kafka's own producer`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `java-${codec}`;
    await newTopic(helper, topic);
    const small = 3_000;
    const large = 100_000;
    await helper.produce({ topic, count: small, compression: codec });
    // Batches of a megabyte compressed: gzip and zstd are opened in steps, off the event loop.
    await helper.produce({
      topic,
      count: large,
      startNumber: small,
      compression: codec,
      batchBytes: 1_000_000,
      lingerMs: 1_000,
    });
    await assertCompressed(topic, codec, 3);
    const all = small + large;
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    await using client = await proxy.read({ topic }, {
      history: new History({ from: 0n }),
      keep: false,
      onRecord({ message, offset }) {
        if (message !== `${offset}`.padEnd(100, "x")) throw new Error(`${offset}: ${message}`);
      },
    });
    await client.until(all);
    // From the middle of a large batch.
    await using second = await proxy.read({ topic, offset: all - 10 });
    await second.until(10);
    assert.deepEqual(second.messages[0], `${all - 10}`.padEnd(100, "x"));
    client.verify();
    assert.equal(client.count, all);
  });

  Deno.test(`every codec: ${codec}, written by kcat -z`, async () => {
    if (!await hasKcat()) return;
    const { kafka, helper } = await sharedKafka();
    const { bootstrap } = kafka;
    const topic = `kcat-${codec}`;
    await newTopic(helper, topic);
    // Half of it random: more than 128 KiB of a batch are left when it is compressed.
    const lines = Array.from({ length: 8_000 }, (_, i) => `${i} ${randomHex(40)} ${WORDS}`);
    const settings = { "batch.size": 900_000, "batch.num.messages": 4_000, "linger.ms": 500 };
    await kcatProduce({ bootstrap, topic, lines, compression: codec, settings });
    await kcatProduce({ bootstrap, topic, lines: ["one", "ä€😀"], compression: codec });
    const batches = await segmentBatches(kafka.nodes[0].dataFolder, topic, 0);
    const large = batches.filter(({ bytes }) => bytes > 128 * 1024);
    assert.ok(large.length > 0, `batches of ${batches.map(({ bytes }) => bytes)} bytes`);
    assert.ok(large.every(({ compression }) => compression === codec));
    await using proxy = await startProxy({ kafka: bootstrap });
    await using client = await proxy.read({ topic });
    await client.until(lines.length + 2);
    assert.deepEqual(client.messages, [...lines, "one", "ä€😀"]);
    client.verify();
  });
}

const WORDS = "the quick brown fox jumps over the lazy dog and comes back for more";

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

for (const codec of CODECS) {
  Deno.test(`a decompression bomb ends its readers only, ${codec}`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `bomb-${codec}`;
    const quiet = `bystander-${codec}`;
    await newTopic(helper, topic);
    await newTopic(helper, quiet);
    await helper.produce({ topic, count: 3 });
    // 20 MB in a few thousand bytes; lz4 needs a little more.
    await helper.produce({ topic, count: 1, valueBytes: 20_000_000, compression: codec });
    await helper.produce({ topic, count: 2, startNumber: 4 });
    await helper.produce({ topic: quiet, count: 1, compression: codec });
    await using proxy = await startProxy({ kafka: kafka.bootstrap, maxBatchBytes: 1_000_000 });
    await using bystander = await proxy.read({ topic: quiet });
    await bystander.until(1);
    await using client = await proxy.read({ topic });
    const { code, reason } = await client.untilClosed();
    assert.equal(code, 1011);
    assert.match(reason, /offset 3\b.*1000000 bytes/);
    assert.deepEqual(client.records.map(({ offset }) => offset), [0n, 1n, 2n]);
    // Again, now that it is in the cache, and past it.
    await using again = await proxy.read({ topic, offset: 3 });
    assert.equal((await again.untilClosed()).code, 1011);
    assert.equal(again.count, 0);
    await using after = await proxy.read({ topic, offset: 4 });
    await after.until(2);
    await helper.produce({ topic: quiet, count: 1, startNumber: 1, compression: codec });
    await bystander.until(2);
    assert.equal(bystander.closeInfo, undefined);
    assert.equal(proxy.events.count("session_failed"), 0);
  });
}
