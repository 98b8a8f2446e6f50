import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { rewriteSegment } from "../kafka/rewrite_segment.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { newTopic } from "../support/new_topic.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

const COUNT = 20;

/** First offsets of topics: all 20 records of each lie across a border. */
const FIRSTS: readonly (readonly [name: string, first: bigint])[] = [
  ["31 bits", 2n ** 31n - 10n],
  ["32 bits", 2n ** 32n - 10n],
  ["53 bits", 2n ** 53n - 10n],
  ["62 bits", 2n ** 62n - 10n],
];

const topicOf = (name: string) => `over-${name.replace(" ", "-")}`;

const OLD = "old-format";
const TORN = "torn";
const GARBLED = "garbled";

let written: Promise<void> | undefined;

/** The topics of all tests, changed while the broker is stopped once. */
function writeAll(): Promise<void> {
  return written ??= (async () => {
    const { kafka, helper } = await sharedKafka();
    const [node] = kafka.nodes;
    const plain = FIRSTS.map(([name]) => topicOf(name));
    for (const topic of [...plain, OLD, TORN, GARBLED]) {
      await newTopic(helper, topic);
      for (let startNumber = 0; startNumber < COUNT; startNumber += 5) {
        const compression = topic === GARBLED ? "zstd" : "none";
        // Long enough for the five to be one batch, on a busy machine too.
        const lingerMs = 50;
        const records = { topic, count: 5, startNumber, valueBytes: 10 };
        await helper.produce({ ...records, compression, lingerMs });
      }
    }
    await node.stop();
    const { dataFolder } = node;
    for (const [name, shiftBy] of FIRSTS) {
      await rewriteSegment(dataFolder, { topic: topicOf(name), shiftBy });
    }
    await rewriteSegment(dataFolder, {
      topic: OLD,
      bytes: (bytes) =>
        Buffer.concat([batchesOf(bytes)[0], oldMessage(5, "a"), oldMessage(6, "b")]),
    });
    await rewriteSegment(dataFolder, { topic: TORN, bytes: (bytes) => spoil(bytes, 61, 0x7e) });
    await rewriteSegment(dataFolder, { topic: GARBLED, bytes: (bytes) => spoil(bytes, 70, 0xff) });
    await node.start();
    for (const topic of [...plain, OLD, TORN, GARBLED]) {
      await eventually(`the leader of ${topic}`, async () => {
        const [partition] = await helper.describeTopic(topic);
        return partition.leader === node.id;
      });
    }
  })();
}

function batchesOf(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const view = new DataView(bytes.buffer);
  const batches = [];
  for (let at = 0, end; at < bytes.length; at = end) {
    end = at + 12 + view.getInt32(at + 8);
    batches.push(bytes.subarray(at, end));
  }
  return batches;
}

/** Overwrites one byte of the second batch. */
function spoil(bytes: Uint8Array<ArrayBuffer>, at: number, byte: number): Uint8Array {
  batchesOf(bytes)[1][at] = byte;
  return bytes;
}

/**
 * A message of format 1, as brokers before 0.11 wrote it: offset i64, size i32, crc32, magic i8,
 * attributes i8, timestamp i64, key length i32 (-1), value length i32, value.
 */
function oldMessage(offset: number, value: string): Uint8Array {
  const bytes = Buffer.alloc(34 + value.length);
  bytes.writeBigInt64BE(BigInt(offset), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes[16] = 1;
  bytes.writeBigInt64BE(1_000n, 18);
  bytes.writeInt32BE(-1, 26);
  bytes.writeInt32BE(value.length, 30);
  bytes.write(value, 34);
  bytes.writeUInt32BE(crc32(bytes.subarray(16)), 12);
  return bytes;
}

for (
  const [topic, reason] of [
    [OLD, /^Cannot read offset 5: it is in message format 1\b/],
    [TORN, /record batch at offset 5\b/i],
    [GARBLED, /record batch at offset 5\b.*zstd/i],
  ] as const
) {
  Deno.test(`what cannot be read closes with its offset, after what can: ${topic}`, async () => {
    await writeAll();
    const { kafka } = await sharedKafka();
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    await using client = await proxy.read({ topic });
    const close = await client.untilClosed();
    assert.equal(close.code, 1011);
    assert.match(close.reason, reason);
    assert.deepEqual(client.records.map(({ offset }) => offset), [0n, 1n, 2n, 3n, 4n]);
    // The log need not be asked: it is known what is wrong, and nobody failed.
    assert.equal(proxy.events.count("session_failed"), 0);
    await using again = await proxy.read({ topic, offset: 5 });
    const second = await again.untilClosed();
    assert.deepEqual([second.code, again.count], [1011, 0]);
    assert.match(second.reason, reason);
    if (topic === OLD) return;
    await using after = await proxy.read({ topic, offset: 10 });
    await after.until(10);
    after.verify();
  });
}

for (const [name, first] of FIRSTS) {
  Deno.test(`offsets are exact where they grow over ${name}`, async () => {
    await writeAll();
    const { kafka, helper } = await sharedKafka();
    const topic = topicOf(name);
    const end = first + BigInt(COUNT);
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    await using latest = await proxy.read({ topic, offset: "latest" });
    await using waiting = await proxy.read({ topic, offset: end });
    await using middle = await proxy.read({ topic, offset: first + 9n });
    await using last = await proxy.read({ topic, offset: "-3" });
    await using all = await proxy.read({ topic }, { history: new History({ from: first }) });
    await all.until(COUNT);
    await helper.produce({ topic, count: 1, startNumber: COUNT, valueBytes: 10 });
    const offsets = Array.from({ length: COUNT + 1 }, (_, i) => first + BigInt(i));
    for (
      const [client, skipped] of [
        [all, 0],
        [middle, 9],
        [last, COUNT - 3],
        [waiting, COUNT],
        [latest, COUNT],
      ] as const
    ) {
      await client.until(COUNT + 1 - skipped);
      assert.deepEqual(client.records.map(({ offset }) => offset), offsets.slice(skipped));
      assert.equal(client.records[0].message, `${skipped}`.padEnd(10, "x"));
    }
    assert.match(all.frames[0], new RegExp(`"offset":${first}[,}]`));
    using refused = await proxy.upgrade({ topic, consumerGroup: "", offset: end + 2n });
    assert.deepEqual(
      [refused.status, refused.error?.earliest, refused.error?.end],
      [416, `${first}`, `${end + 1n}`],
    );
  });

  Deno.test(`a group's position is exact over ${name}`, async () => {
    await writeAll();
    const { kafka, helper } = await sharedKafka();
    const topic = topicOf(name);
    const query = { topic, consumerGroup: `group-${topic}` };
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    await using before = await proxy.connect(query);
    await before.until(COUNT);
    const { next } = before;
    await before.close();
    // To Kafka itself and back: another proxy asks for what this one has committed.
    await using second = await startProxy({ kafka: kafka.bootstrap });
    await using after = await second.connect(query);
    await eventually("the position to be committed", async () => {
      return (await helper.groupOffsets(query.consumerGroup)).length === 1;
    });
    await helper.produce({ topic, count: 1, valueBytes: 10 });
    await after.until(1);
    assert.equal(after.records[0].offset, next);
  });
}
