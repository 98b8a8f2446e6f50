import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { hasKcat, kcatRead } from "../support/kcat.ts";
import { newTopic } from "../support/new_topic.ts";
import { note } from "../support/note.ts";
import { produceStorm } from "../support/produce_storm.ts";
import { startProxy } from "../support/test_proxy.ts";
import { base64, V2Client } from "../support/v2_client.ts";

const sharedKafka = shareKafka({ properties: { "broker.session.timeout.ms": 2_000 } });

Deno.test("v2 produces: keys, headers, tombstones, bytes and times arrive exactly", async () => {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "written", { partitions: 3 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await V2Client.open(proxy.url);
  const bytes = Uint8Array.from([0, 255, 128, 10]);
  const text = await client.ask<"produced">({
    type: "produce",
    topic: "written",
    records: [
      { value: "plain 🍏", partition: 1, timestamp: 1_700_000_000_000 },
      { value: null, key: "gone", partition: 1 },
      { value: "", key: "", partition: 1, headers: [["a", "1"], ["a", null], ["b", "ü"]] },
      { value: "x", key: { base64: base64(bytes) }, partition: 1 },
    ],
  });
  assert.deepEqual(
    text.results.map((result) => "offset" in result && [result.partition, result.offset]),
    [[1, "0"], [1, "1"], [1, "2"], [1, "3"]],
  );
  await client.ask({
    type: "produce",
    topic: "written",
    encoding: "base64",
    records: [{ value: base64(bytes), partition: 1 }],
  });
  await client.ask({
    type: "produce",
    topic: "written",
    encoding: "json",
    records: [{ value: { big: 1 }, partition: 1 }],
  });
  client.sendRaw(
    '{"type":"produce","id":900,"topic":"written","encoding":"json",' +
      '"records":[{"partition":1,"value":{"n":12345678901234567890, "x" : 1.0}}]}',
  );
  await client.frame("produced", ({ id }) => id === 900);

  const found = await helper.read({ topic: "written", partition: 1 });
  const decode = (value: string | null) =>
    value === null ? null : new TextDecoder().decode(Uint8Array.fromBase64(value));
  assert.equal(decode(found[0].value), "plain 🍏");
  assert.equal(found[0].timestampMs, 1_700_000_000_000);
  assert.equal(found[0].key, null);
  assert.deepEqual([found[1].value, decode(found[1].key)], [null, "gone"]);
  assert.deepEqual([decode(found[2].value), decode(found[2].key)], ["", ""]);
  assert.deepEqual(
    found[2].headers.map(([name, value]) => [name, decode(value)]),
    [["a", "1"], ["a", null], ["b", "ü"]],
  );
  assert.equal(found[3].key, base64(bytes));
  assert.equal(found[4].value, base64(bytes));
  assert.equal(decode(found[5].value), '{"big":1}');
  assert.equal(decode(found[6].value), '{"n":12345678901234567890, "x" : 1.0}');
});

Deno.test("v2 produces to the partition that other clients choose for a key", async () => {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "keyed", { partitions: 7 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await V2Client.open(proxy.url);
  const keys = Array.from({ length: 50 }, (_, i) => `key-${i}-${"é".repeat(i % 4)}`);
  const { results } = await client.ask<"produced">({
    type: "produce",
    topic: "keyed",
    records: keys.map((key) => ({ key, value: "ours" })),
  });
  const places = await helper.send(
    keys.map((key) => ({ topic: "keyed", key: base64(new TextEncoder().encode(key)), value: "" })),
  );
  assert.deepEqual(
    results.map((result) => "partition" in result && result.partition),
    places.map(({ partition }) => partition),
  );
});

Deno.test("v2 produces in the order of its requests, and answers each with its offsets", async () => {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "ordered");
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await V2Client.open(proxy.url);
  const asked = Array.from({ length: 30 }, (_, i) =>
    client.ask<"produced">({
      type: "produce",
      topic: "ordered",
      records: [{ value: `${2 * i}` }, { value: `${2 * i + 1}` }],
    }));
  const answers = await Promise.all(asked);
  const offsets = answers.flatMap(({ results }) =>
    results.map((result) => "offset" in result ? Number(result.offset) : -1)
  );
  assert.deepEqual(offsets, Array.from({ length: 60 }, (_, i) => i));
  const found = await helper.read({ topic: "ordered", partition: 0 });
  assert.deepEqual(
    found.map(({ value }) => new TextDecoder().decode(Uint8Array.fromBase64(value!))),
    offsets.map(String),
  );
});

Deno.test("v2 produces no more than it may, refuses what cannot be, and stores the rest", async () => {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "limits");
  await helper.alterTopicConfig("limits", { "max.message.bytes": "2000" });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await V2Client.open(proxy.url);
  await assert.rejects(
    client.ask({ type: "produce", topic: "__consumer_offsets", records: [{ value: "x" }] }),
    { code: "forbidden" },
  );
  const missing = await client.ask<"produced">({
    type: "produce",
    topic: "nowhere",
    records: [{ value: "x" }],
  });
  assert.deepEqual(
    missing.results.map((result) => "outcome" in result && [result.code, result.outcome]),
    [["unknown_topic", "failed"]],
  );
  const mixed = await client.ask<"produced">({
    type: "produce",
    topic: "limits",
    records: [{ value: "small" }, { value: "x".repeat(5_000) }, { value: "small too" }],
  });
  const [, large] = mixed.results;
  assert.ok("code" in large);
  assert.deepEqual([large.code, large.outcome], ["too_large", "failed"]);
  assert.match(large.message, /2000/);
  assert.deepEqual(mixed.results.map((result) => "offset" in result), [true, false, true]);

  const { records, bytes } = await client.ask<"permitted">({
    type: "permit",
    records: 1_000,
    bytes: 1_000_000,
  });
  assert.deepEqual([records, bytes], [1_064, 1_065_536]);
  const many = await client.ask<"produced">({
    type: "produce",
    topic: "limits",
    records: Array.from({ length: 1_000 }, (_, i) => ({ value: `${i}` })),
  });
  assert.ok(many.results.every((result) => "offset" in result));
  client.send({
    type: "produce",
    id: 7_000,
    topic: "limits",
    records: Array.from({ length: 1_065 }, () => ({ value: "x" })),
  });
  assert.equal((await client.untilClosed()).code, 4429);
});

Deno.test("v2 produces what kcat reads", async () => {
  if (!await hasKcat()) return;
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "for-kcat");
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await V2Client.open(proxy.url);
  await client.ask({
    type: "produce",
    topic: "for-kcat",
    records: [{ key: "k", value: "one" }, { key: "k", value: "zwei" }],
  });
  const { bootstrap } = kafka;
  const read = await kcatRead({ bootstrap, topic: "for-kcat", format: "%k:%s\\n" });
  assert.equal(new TextDecoder().decode(read), "k:one\nk:zwei\n");
});

Deno.test("v2 produces through broker restarts: each answer is true", async () => {
  const { kafka, helper } = await sharedKafka();
  const report = await produceStorm({
    kafka,
    helper,
    topic: "storm",
    records: 20_000,
    sockets: 20,
    restarts: 1,
  });
  note(JSON.stringify(report));
  const { misplaced, twice, disordered, failedStored } = report;
  assert.deepEqual({ misplaced, twice, disordered, failedStored }, {
    misplaced: 0,
    twice: 0,
    disordered: 0,
    failedStored: 0,
  });
  assert.ok(report.stored > 0);
});

Deno.test("v2 gives permits back to others when a socket ends", async () => {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "permits");
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const greedy = await V2Client.open(proxy.url);
  await greedy.ask({ type: "permit", records: 1_000_000, bytes: 64 << 20 });
  await using other = await V2Client.open(proxy.url);
  const none = await other.ask<"permitted">({ type: "permit", records: 10, bytes: 10 });
  assert.deepEqual([none.records, none.bytes], [64, 65_536]);
  await greedy.close();
  await eventually("permits", async () => {
    const { records } = await other.ask<"permitted">({ type: "permit", records: 10, bytes: 10 });
    return records > 64;
  });
});
