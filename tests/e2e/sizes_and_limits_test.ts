import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { HeaderBase64, NewRecord } from "../kafka/helper_requests.ts";
import { segmentBatches } from "../kafka/segment_batches.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { History } from "../support/history.ts";
import { newTopic } from "../support/new_topic.ts";
import { type ClientRecord, parseFrame } from "../support/record_client.ts";
import { startProxy, type V1Query } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

for (const compression of ["none", "lz4", "zstd"] as const) {
  Deno.test(`a batch of 500,000 tiny records, ${compression}`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `tiny-${compression}`;
    const count = 500_000;
    await newTopic(helper, topic, { configs: { "max.message.bytes": "100000000" } });
    await helper.bigBatch({ topic, count, valueBytes: 6, compression });
    await helper.send([{ topic, partition: 0, value: btoa("after") }]);
    const [batch] = await segmentBatches(kafka.nodes[0].dataFolder, topic, 0);
    assert.deepEqual([batch.recordCount, batch.compression], [count, compression]);
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    const checkNumber = ({ message, offset }: ClientRecord) => {
      const wanted = offset === BigInt(count) ? "after" : `${offset}`.padEnd(6, "x");
      if (message !== wanted) throw new Error(`Offset ${offset} holds ${message}`);
    };
    const options = { keep: false, onRecord: checkNumber };
    await using late = await proxy.read({ topic, offset: count - 5 }, options);
    await late.until(6);
    const history = new History({ from: 0n });
    await using client = await proxy.read({ topic }, { ...options, history });
    await client.until(count + 1, { timeoutMs: 60_000 });
    client.verify();
    assert.equal(client.next, BigInt(count + 1));
  });
}

for (const isolated of [true, false]) {
  const where = isolated ? "a batch of its own" : "a batch with small ones";
  Deno.test(`a 5 MB record with maxBytes 100,000, in ${where}`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = isolated ? "large-alone" : "large-among";
    await newTopic(helper, topic, { configs: { "max.message.bytes": "40000000" } });
    const large = `${"large ".repeat(5_000_000 / 6)}end`;
    const texts = ["0", "1", "2", large, "4", "5", large, large, "8"];
    const records = texts.map((text) => ({ topic, partition: 0, value: btoa(text) }));
    if (isolated) { for (const record of records) await helper.send([record]); }
    else await helper.send(records, { batchBytes: 40_000_000, lingerMs: 1_000 });
    const batches = await segmentBatches(kafka.nodes[0].dataFolder, topic, 0);
    assert.equal(batches.length, isolated ? texts.length : 1);
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    await using client = await proxy.read({ topic, maxBytes: 100_000 }, {
      history: new History({ from: 0n }),
    });
    await client.until(texts.length);
    assert.ok(client.messages.every((message, i) => message === texts[i]));
    for (const frame of client.frames) {
      const { length } = parseFrame(frame);
      assert.ok(frame.length < 100_000 || length === 1, `${length} records in ${frame.length}`);
    }
    assert.equal(proxy.events.count("oversize_record"), 3);
    // No stall: what comes afterwards arrives.
    await helper.send([{ topic, partition: 0, value: btoa("9") }]);
    await client.until(texts.length + 1);
    client.verify();
  });
}

Deno.test("a first batch larger than a fetch asks for, and small frames out of it", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "three-megabytes";
  await newTopic(helper, topic, { configs: { "max.message.bytes": "3100000" } });
  const count = 2_900;
  for (const startNumber of [0, count]) {
    await helper.produce({
      topic,
      count,
      startNumber,
      valueBytes: 1_000,
      batchBytes: 3_000_000,
      lingerMs: 1_000,
    });
  }
  const batches = await segmentBatches(kafka.nodes[0].dataFolder, topic, 0);
  assert.deepEqual(batches.map(({ recordCount }) => recordCount), [count, count]);
  assert.ok(batches.every(({ bytes }) => bytes > 2_900_000));
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  // In the middle of the second batch, then all.
  await using late = await proxy.read({ topic, offset: count + 100, maxBytes: 10_000 });
  await late.until(count - 100);
  assert.equal(late.records[0].message, `${count + 100}`.padEnd(1_000, "x"));
  late.verify();
  await using client = await proxy.read({ topic, maxBytes: 10_000 }, {
    history: new History({ from: 0n }),
  });
  await client.until(2 * count);
  assert.ok(
    client.records.every(({ message, offset }) => message === `${offset}`.padEnd(1_000, "x")),
  );
  assert.ok(client.frames.every((frame) => parseFrame(frame).length <= 10));
  assert.equal(proxy.events.count("oversize_record"), 0);
  client.verify();
});

/** What maxBytes counts: bytes of key, value and headers. */
function payloadBytes({ message, key, headers }: ClientRecord): number {
  const texts = [message, key, ...(headers ?? []).flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), 0);
}

Deno.test("maxBytes bounds keys, values and headers of a frame, shown or not", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "bounded";
  await newTopic(helper, topic);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const records = Array.from({ length: 500 }, (_, i): NewRecord => ({
    topic,
    partition: 0,
    key: i % 3 === 0 ? null : base64(`Schlüssel ${i}`),
    value: i % 7 === 0 ? null : base64("ä€😀\n".repeat(i % 29)),
    headers: Array.from(
      { length: i % 4 },
      (_, j): HeaderBase64 => [`größe ${j}`, base64("é".repeat(i % 11))],
    ),
  }));
  await helper.send(records, { batchBytes: 1_000_000, lingerMs: 1_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const maxBytes = 1_000;
  const frames: ClientRecord[][] = [];
  await using client = await proxy.read({ topic, maxBytes, fields: "key,headers" }, {
    onFrame: (_text, frame) => frames.push([...frame]),
  });
  await client.until(records.length);
  const sizes = frames.map((records) => records.reduce((sum, it) => sum + payloadBytes(it), 0));
  assert.ok(Math.max(...sizes) <= maxBytes, `frames of ${sizes}`);
  // Each is as full as it can be: the next record would have been too much. All are in one batch.
  frames.slice(1).forEach(([first], i) => {
    assert.ok(sizes[i] + payloadBytes(first) > maxBytes, `frame ${i} of ${sizes[i]} had room`);
  });
  // The same cuts when only the messages are shown.
  await using plain = await proxy.read({ topic, maxBytes });
  await plain.until(records.length);
  assert.deepEqual(
    plain.frames.map((frame) => parseFrame(frame).length),
    frames.map(({ length }) => length),
  );
  // The server's own bound holds for those who ask for none.
  await using narrow = await startProxy({ kafka: kafka.bootstrap, maxBytes });
  await using bounded = await narrow.read({ topic });
  await bounded.until(records.length);
  assert.deepEqual(bounded.frames, plain.frames);
});

Deno.test("rate bounds the records a second", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "rated";
  await newTopic(helper, topic);
  await helper.produce({ topic, count: 2_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const rate = 400;
  const startMs = performance.now();
  await using client = await proxy.read({ topic, rate });
  await client.until(1_000);
  const seconds = (performance.now() - startMs) / 1_000;
  // A second's worth may come at once.
  assert.ok(client.count <= rate * (seconds + 1.1), `${client.count} in ${seconds} s`);
  assert.ok(seconds < 10, `1,000 records took ${seconds} s`);
  const largest = Math.max(...client.frames.map((frame) => parseFrame(frame).length));
  assert.ok(largest <= rate / 10, `a frame of ${largest}`);
  client.verify();
});

Deno.test("idleTimeout is a pause between frames", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "paused";
  await newTopic(helper, topic);
  await helper.produce({ topic, count: 8 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const arrivals: number[] = [];
  const onFrame = () => arrivals.push(performance.now());
  await using client = await proxy.read({ topic, idleTimeout: 150, maxBytes: 100 }, { onFrame });
  await client.until(8);
  assert.equal(arrivals.length, 8);
  const totalMs = arrivals[7] - arrivals[0];
  assert.ok(totalMs > 7 * 150 - 100, `8 frames in ${totalMs} ms`);
  assert.ok(totalMs < 10_000, `8 frames in ${totalMs} ms`);
});

Deno.test("a client may only narrow what the server allows", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "narrow";
  await newTopic(helper, topic);
  const limits = { maxBytes: 1_000, rate: 100, idleTimeout: 50 };
  await using proxy = await startProxy({ kafka: kafka.bootstrap, ...limits });
  const widened: V1Query[] = [{ maxBytes: 1_001 }, { rate: 101 }, { idleTimeout: 49 }];
  for (const wider of widened) {
    using refused = await proxy.upgrade({ topic, ...wider });
    assert.equal(refused.status, 400);
    assert.equal(refused.error?.code, "bad_parameter");
    assert.match(refused.error!.message, new RegExp(`"${Object.keys(wider)[0]}"`));
  }
  await using client = await proxy.read({ topic, maxBytes: 999, rate: 99, idleTimeout: 51 });
  await helper.send([{ topic, partition: 0, value: btoa("narrow") }]);
  await client.until(1);
});
