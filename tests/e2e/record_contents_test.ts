import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { HeaderBase64, NewRecord } from "../kafka/helper_requests.ts";
import { segmentBatches } from "../kafka/segment_batches.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { newTopic } from "../support/new_topic.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

/** Bytes that are hard to say in JSON or in UTF-8, and a few that are not. */
const HARD_BYTES: readonly Uint8Array[] = [
  "",
  "plain",
  'quotes " and \\ backslashes \\" and / slashes',
  "\x00\x01\x07\b\t\n\v\f\r\x1b\x1f\x7f\x80\x9f",
  "line ends \u2028 and \u2029",
  "äöü ß € 日本語 עברית",
  "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈",
  "\ufeffa byte order mark",
  "already \ufffd replaced \uffff",
  '{"looks":"like JSON"}',
  '","offset":12345678901234567890}]',
].map((text) => new TextEncoder().encode(text)).concat([
  [0xff],
  [0xc3],
  [0xc3, 0x28],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x98],
  [0xed, 0xa0, 0x80],
  [0xc0, 0xaf],
  [0xf4, 0x90, 0x80, 0x80],
  [0x41, 0x80, 0x42, 0xe2, 0x82, 0x43],
  Array.from({ length: 256 }, (_, i) => i),
  Array.from({ length: 256 }, (_, i) => 255 - i),
].map((bytes) => new Uint8Array(bytes)));

function randomBytes(): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(Math.floor(Math.random() * 300)));
  // Every other one is text for the most part, so that runs of ASCII and of not meet.
  return Math.random() < 0.5 ? bytes : bytes.map((byte) => byte < 0xf0 ? 32 + byte % 90 : byte);
}

/** What each byte sequence is as text: every maximal part that is not UTF-8 becomes U+FFFD. */
function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

Deno.test("encoding=base64 gives exact bytes, text gives U+FFFD for what is not UTF-8", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "bytes";
  await newTopic(helper, topic);
  const values = [...HARD_BYTES, ...Array.from({ length: 300 }, randomBytes)];
  await helper.send(values.map((bytes) => ({ topic, partition: 0, value: bytes.toBase64() })));
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using exact = await proxy.read({ topic, encoding: "base64" });
  await using text = await proxy.read({ topic });
  await exact.until(values.length);
  await text.until(values.length);
  assert.deepEqual(exact.messages, values.map((bytes) => bytes.toBase64()));
  assert.deepEqual(text.messages, values.map(textOf));
  exact.verify();
  text.verify();
});

Deno.test("keys, header names and header values are text, whatever they hold", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "hard-keys";
  await newTopic(helper, topic);
  const parts = [...HARD_BYTES, ...Array.from({ length: 50 }, randomBytes)];
  const names = parts.map(textOf);
  await helper.send(
    parts.map((bytes, i): NewRecord => ({
      topic,
      partition: 0,
      key: bytes.toBase64(),
      value: null,
      headers: [[names[i], bytes.toBase64()], ["", null]],
    })),
  );
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  // base64 is the encoding of `message` only.
  for (const encoding of ["text", "base64"]) {
    await using client = await proxy.read({ topic, fields: "key,headers", encoding });
    await client.until(parts.length);
    assert.deepEqual(client.records.map(({ key }) => key), names);
    assert.deepEqual(
      client.records.map(({ headers }) => headers),
      names.map((name) => [[name, name], ["", null]]),
    );
    assert.ok(client.messages.every((message) => message === null));
  }
});

Deno.test("null and empty are told apart, in keys and values", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "nulls";
  await newTopic(helper, topic);
  const sides = [null, "", btoa("x")];
  const pairs = sides.flatMap((key) => sides.map((value) => ({ key, value })));
  await helper.send(pairs.map((pair) => ({ topic, partition: 0, ...pair })));
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  for (const encoding of ["text", "base64"]) {
    await using client = await proxy.read({ topic, fields: "key", encoding });
    await client.until(pairs.length);
    const said = (base64: string | null) => base64 === null ? null : atob(base64);
    assert.deepEqual(
      client.records,
      pairs.map(({ key, value }, i) => ({
        message: encoding === "text" ? said(value) : value,
        offset: BigInt(i),
        key: said(key),
      })),
    );
  }
});

Deno.test("headers keep their order, their duplicates and their nulls", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "headers";
  await newTopic(helper, topic);
  const lists: (readonly HeaderBase64[])[] = [
    [],
    [["a", btoa("1")]],
    [["a", btoa("1")], ["a", btoa("2")], ["b", null], ["a", btoa("1")]],
    [["empty", ""], ["null", null]],
    Array.from({ length: 200 }, (_, i): HeaderBase64 => [`name-${i % 7}`, btoa(`${i}`)]),
  ];
  await helper.send(
    lists.map((headers) => ({ topic, partition: 0, value: btoa("v"), headers })),
  );
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await proxy.read({ topic, fields: "headers" });
  await client.until(lists.length);
  assert.deepEqual(
    client.records.map(({ headers }) => headers),
    lists.map((list) => list.map(([name, value]) => [name, value === null ? null : atob(value)])),
  );
});

Deno.test("fields adds what it names and nothing else", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "fields";
  await newTopic(helper, topic, { partitions: 2 });
  const timestamp = Date.now() - 1_234;
  await helper.send([{
    topic,
    partition: 1,
    key: btoa("k"),
    value: btoa("v"),
    headers: [["h", btoa("1")]],
    timestampMs: timestamp,
  }]);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const entry = { message: "v", offset: 0, key: "k", partition: 1, timestamp };
  const { message, offset, key, partition } = entry;
  const headers = [["h", "1"]];
  const wanted: [query: Record<string, string | number>, entry: object][] = [
    [{ partition: 1 }, { message, offset }],
    [{ partition: 1, fields: "message,offset" }, { message, offset }],
    [{ partition: 1, fields: "key" }, { message, offset, key }],
    [{ partition: 1, fields: "partition" }, { message, offset, partition }],
    [{ partition: 1, fields: "timestamp,key" }, { message, offset, key, timestamp }],
    [{ partition: 1, fields: "headers" }, { message, offset, headers }],
    [{ partition: 1, fields: "headers,timestamp,partition,key" }, { ...entry, headers }],
    [{ partition: "all" }, { message, offset, partition }],
    [{ partition: "0,1", fields: "key" }, { message, offset, key, partition }],
  ];
  for (const [query, expected] of wanted) {
    await using client = await proxy.read({ topic, ...query });
    await client.until(1);
    assert.deepEqual(JSON.parse(client.frames[0]), [expected], JSON.stringify(query));
  }
});

for (const compression of ["none", "zstd"] as const) {
  Deno.test(`timestamps are the producer's with create time, ${compression}`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `create-time-${compression}`;
    await newTopic(helper, topic);
    // Retention goes by the newest time, so old ones may be among them.
    const times = [Date.now(), 0, 1, Date.now() - 86_400_000, 1_000_000_000_000, 2, Date.now()];
    await helper.send(
      times.map((timestampMs) => ({ topic, partition: 0, value: btoa("v"), timestampMs })),
      { compression, lingerMs: 1_000 },
    );
    const [batch] = await segmentBatches(kafka.nodes[0].dataFolder, topic, 0);
    assert.deepEqual([batch.recordCount, batch.timestampType], [times.length, "create"]);
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    await using client = await proxy.read({ topic, fields: "timestamp" });
    await client.until(times.length);
    assert.deepEqual(client.records.map(({ timestamp }) => timestamp), times);
  });

  Deno.test(`timestamps are the broker's with log-append time, ${compression}`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `append-time-${compression}`;
    await newTopic(helper, topic, { configs: { "message.timestamp.type": "LogAppendTime" } });
    const before = Date.now();
    await helper.send(
      [1, 5, 3].map((timestampMs) => ({ topic, partition: 0, value: btoa("v"), timestampMs })),
      { compression, lingerMs: 1_000 },
    );
    const [batch] = await segmentBatches(kafka.nodes[0].dataFolder, topic, 0);
    assert.equal(batch.timestampType, "log-append");
    const theirs = await helper.read({ topic, partition: 0 });
    await using proxy = await startProxy({ kafka: kafka.bootstrap });
    await using client = await proxy.read({ topic, fields: "timestamp" });
    await client.until(3);
    const stamps = client.records.map(({ timestamp }) => timestamp!);
    assert.deepEqual(stamps, theirs.map(({ timestampMs }) => timestampMs));
    assert.ok(stamps.every((stamp) => stamp >= before && stamp <= Date.now()), `${stamps}`);
  });
}

Deno.test("binary messages of a size that compresses and does not come whole, base64", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "binary";
  await newTopic(helper, topic);
  const values = Array.from(
    { length: 20 },
    () => crypto.getRandomValues(new Uint8Array(Math.floor(Math.random() * 65_536))),
  );
  const records = values.map((bytes) => ({ topic, partition: 0, value: bytes.toBase64() }));
  await helper.send(records, { compression: "lz4" });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await proxy.read({ topic, encoding: "base64", maxBytes: 50_000 });
  await client.until(values.length);
  client.records.forEach(({ message }, i) => {
    assert.ok(Buffer.from(message!, "base64").equals(values[i]), `record ${i}`);
  });
});
