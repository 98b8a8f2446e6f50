import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { NewRecord, Written } from "../../src/core/ports.ts";
import { KafkaRecordWriter, type RecordWriterOptions } from "../../src/kafka/record_writer.ts";
import { keyPartition } from "../../src/kafka/murmur2.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { eventually } from "../support/eventually.ts";
import { FakeProducerCluster } from "../support/fake_producer_cluster.ts";

function record(value: string, rest: Partial<NewRecord> = {}): NewRecord {
  return { key: null, value: Buffer.from(value), headers: [], ...rest };
}

function records(...values: string[]): NewRecord[] {
  return values.map((value) => record(value, { partition: 0 }));
}

function open(cluster: FakeProducerCluster, options: RecordWriterOptions = {}) {
  const writer = new KafkaRecordWriter(cluster.asCluster, cluster, options);
  return Object.assign(writer, { [Symbol.dispose]: () => writer.close() });
}

/** `p:o` for what is stored, else outcome and code. */
function said(written: readonly Written[]): string[] {
  return written.map((one) =>
    "offset" in one ? `${one.partition}:${one.offset}` : `${one.outcome} ${one.error.code}`
  );
}

Deno.test("write() reports where records stand, in the order of the call", async () => {
  const cluster = new FakeProducerCluster(2);
  using writer = open(cluster);
  const written = await writer.write("t", [
    record("a", { partition: 1, timestampMs: 5n }),
    record("b", { partition: 0 }),
    record("c", { partition: 1 }),
  ]);
  assert.deepEqual(said(written), ["1:0", "0:0", "1:1"]);
  assert.ok("offset" in written[0] && written[0].timestampMs === 5n);
  assert.deepEqual(cluster.log(1), ["a", "c"]);
  assert.equal(writer.inFlightBytes, 0);
});

Deno.test("write() gives the broker's time, log append time", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  cluster.batchFates.push({ baseOffset: 7n, logAppendTimeMs: 99n });
  const [written] = await writer.write("t", records("a"));
  assert.deepEqual(written, { partition: 0, offset: 7n, timestampMs: 99n });
});

Deno.test("write() gathers calls in few batches, in their order", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  await writer.write("t", records("first"));
  const letGo = cluster.hold();
  const calls = Array.from({ length: 500 }, (_, i) => writer.write("t", records(`${i}`)));
  await eventually("the request", () => cluster.requests.length === 2);
  letGo();
  const written = (await Promise.all(calls)).flat();
  assert.deepEqual(said(written), calls.map((_, i) => `0:${i + 1}`));
  assert.deepEqual(cluster.log(), ["first", ...calls.map((_, i) => `${i}`)]);
  assert.ok(cluster.requests.length <= 3, `${cluster.requests.length} requests`);
});

Deno.test("write() sends one request to a broker for many partitions", async () => {
  const cluster = new FakeProducerCluster(50);
  using writer = open(cluster);
  const all = Array.from({ length: 50 }, (_, partition) => record("x", { partition }));
  await writer.write("t", all);
  assert.deepEqual(cluster.requests, [50]);
});

Deno.test("write() puts keys where Java's client puts them, and spreads what has none", async () => {
  const cluster = new FakeProducerCluster(7);
  using writer = open(cluster);
  const keys = Array.from({ length: 100 }, (_, i) => Buffer.from(`key ${i}`));
  const written = await writer.write("t", keys.map((key) => record("x", { key })));
  assert.deepEqual(
    written.map((one) => "partition" in one && one.partition),
    keys.map((key) => keyPartition(key, 7)),
  );
  const used = new Set<number>();
  for (let i = 0; i < 60; i++) {
    const batch = await writer.write("t", [record("a"), record("b")]);
    const places = batch.map((one) => "partition" in one ? one.partition : -1);
    assert.equal(places[0], places[1], "one batch, one partition");
    used.add(places[0]);
  }
  assert.ok(used.size > 3, `only ${used.size} partitions were used`);
});

Deno.test("write() does not fail a call for one wrong record", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  const written = await writer.write("t", [
    record("a"),
    record("b", { partition: 1 }),
    record("c", { timestampMs: -1n }),
    record("d", { timestampMs: 2n ** 63n }),
    record("e"),
  ]);
  assert.deepEqual(said(written), [
    "0:0",
    "failed unknown_partition",
    "failed bad_parameter",
    "failed bad_parameter",
    "0:1",
  ]);
});

Deno.test("write() finds a partition that was added since somebody looked, in the order of calls", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  await writer.write("t", records("a"));
  cluster.leaders.push(1);
  await sleep(60);
  const [added, after] = await Promise.all([
    writer.write("t", [record("b", { partition: 1 }), record("c", { partition: 0 })]),
    writer.write("t", records("d")),
  ]);
  assert.deepEqual(said([...added, ...after]), ["1:0", "0:1", "0:2"]);
  assert.deepEqual(cluster.log(0), ["a", "c", "d"]);
});

Deno.test("write() does not look at the topic for each wrong partition", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  const startMs = performance.now();
  for (let i = 0; i < 500; i++) {
    const written = await writer.write("t", [record("a", { partition: 1 })]);
    assert.deepEqual(said(written), ["failed unknown_partition"]);
  }
  const most = 2 + Math.ceil((performance.now() - startMs) / 50);
  assert.ok(cluster.looks <= most, `${cluster.looks} looks, not ${most}`);
});

Deno.test("write() says unknown_topic of a topic that is not there", async () => {
  const cluster = new FakeProducerCluster();
  cluster.exists = false;
  using writer = open(cluster);
  assert.deepEqual(said(await writer.write("t", records("a", "b"))), [
    "failed unknown_topic",
    "failed unknown_topic",
  ]);
  assert.equal(cluster.requests.length, 0);
});

Deno.test("write() says unknown_topic of a topic that was deleted meanwhile", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  await writer.write("t", records("a"));
  cluster.exists = false;
  cluster.batchFates.push(...Array.from({ length: 100 }, () => ({ errorCode: 3 })));
  assert.deepEqual(said(await writer.write("t", records("b"))), ["failed unknown_topic"]);
});

// A request was cut off after the broker had stored its batch. Sent again with other numbers it
// would stand there twice; with the next batch's numbers in its place, the next would be lost.
Deno.test("write() sends a batch again unchanged, its answer was lost", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  cluster.requestFates.push(undefined, "cut before the answer");
  await writer.write("t", records("a"));
  const [b, c] = await Promise.all([
    writer.write("t", records("b")),
    writer.write("t", records("c")),
  ]);
  assert.deepEqual([...said(b), ...said(c)], ["0:1", "0:2"]);
  assert.deepEqual(cluster.log(), ["a", "b", "c"]);
  const [, first, second] = cluster.received;
  assert.deepEqual(first.bytes, second.bytes);
});

for (const errorCode of [2, 3, 5, 6, 7, 13, 19, 20, 56, 74, -1, 999]) {
  Deno.test(`write() tries again, error code ${errorCode}`, async () => {
    const cluster = new FakeProducerCluster();
    using writer = open(cluster);
    cluster.batchFates.push({ errorCode }, { errorCode });
    assert.deepEqual(said(await writer.write("t", records("a"))), ["0:0"]);
    assert.deepEqual(cluster.log(), ["a"]);
    const numbers = cluster.received.map(({ epoch, sequence }) => `${epoch}/${sequence}`);
    assert.deepEqual(numbers, ["0/0", "0/0", "0/0"]);
  });
}

Deno.test("write() follows the leader, the order kept", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  await writer.write("t", records("a"));
  cluster.leaders[0] = 2;
  const calls = ["b", "c", "d"].map((value) => writer.write("t", records(value)));
  assert.deepEqual(said((await Promise.all(calls)).flat()), ["0:1", "0:2", "0:3"]);
  assert.equal(cluster.received.at(-1)?.nodeId, 2);
});

Deno.test("write() waits for a leader that is missing", async () => {
  const cluster = new FakeProducerCluster();
  cluster.leaders[0] = undefined;
  using writer = open(cluster);
  const written = writer.write("t", records("a"));
  await eventually("some looks", () => cluster.looks > 2);
  cluster.leaders[0] = 1;
  assert.deepEqual(said(await written), ["0:0"]);
});

Deno.test("write() sends a partition again that the answer does not name", async () => {
  const cluster = new FakeProducerCluster(2);
  using writer = open(cluster);
  cluster.batchFates.push("store", "forget");
  const written = await writer.write("t", [
    record("a", { partition: 0 }),
    record("b", { partition: 1 }),
  ]);
  assert.deepEqual(said(written), ["0:0", "1:0"]);
  assert.deepEqual(cluster.log(1), ["b"]);
});

Deno.test("write() reports failed in time, never sent", async () => {
  const cluster = new FakeProducerCluster();
  cluster.unreachable.add(1);
  using writer = open(cluster, { deliveryTimeoutMs: 200 });
  assert.deepEqual(said(await writer.write("t", records("a"))), ["failed kafka_unavailable"]);
  assert.equal(cluster.requests.length, 0);
  assert.equal(writer.inFlightBytes, 0);
});

Deno.test("write() reports failed in time, refused at every try", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster, { deliveryTimeoutMs: 300 });
  cluster.batchFates.push(...Array.from({ length: 100 }, () => ({ errorCode: 19 })));
  const [written] = await writer.write("t", records("a"));
  assert.ok("error" in written);
  assert.equal(`${written.outcome} ${written.error.code}`, "failed kafka_unavailable");
  assert.match(written.error.message, /NOT_ENOUGH_REPLICAS/);
});

// The batch was given up without an answer, and stored all the same. With the sequence number of
// that batch the next one would be taken for it: acknowledged, and never written.
Deno.test("write() reports unknown in time, and goes on in a later epoch", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster, { deliveryTimeoutMs: 300 });
  await writer.write("t", records("a"));
  const letGo = cluster.hold();
  const given = writer.write("t", records("b"));
  assert.deepEqual(said(await given), ["unknown unknown_outcome"]);
  letGo();
  assert.deepEqual(said(await writer.write("t", records("c"))), ["0:2"]);
  assert.deepEqual(cluster.log(), ["a", "b", "c"]);
  const numbers = cluster.received.map(({ epoch, sequence }) => `${epoch}/${sequence}`);
  assert.deepEqual(numbers, ["0/0", "0/1", "1/0"]);
});

Deno.test("write() keeps a given-up batch out that arrives after the next one", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster, { deliveryTimeoutMs: 300 });
  await writer.write("t", records("a"));
  const letGo = cluster.holdNext();
  assert.deepEqual(said(await writer.write("t", records("b"))), ["unknown unknown_outcome"]);
  assert.deepEqual(said(await writer.write("t", records("c"))), ["0:1"]);
  letGo();
  assert.deepEqual(said(await writer.write("t", records("d"))), ["0:2"]);
  assert.deepEqual(cluster.log(), ["a", "c", "d"]);
});

Deno.test("write() does not touch other partitions' numbers, one was given up", async () => {
  const cluster = new FakeProducerCluster(2);
  using writer = open(cluster, { deliveryTimeoutMs: 300 });
  const at1 = () => writer.write("t", [record("x", { partition: 1 })]);
  await at1();
  cluster.batchFates.push(...Array.from({ length: 100 }, () => ({ errorCode: 7 })));
  assert.deepEqual(said(await writer.write("t", records("a"))), ["unknown unknown_outcome"]);
  cluster.batchFates.length = 0;
  assert.deepEqual(said(await at1()), ["1:1"]);
  const numbers = cluster.received.filter(({ partition }) => partition === 1)
    .map(({ epoch, sequence }) => `${epoch}/${sequence}`);
  assert.deepEqual(numbers, ["0/0", "0/1"]);
});

Deno.test("write() begins a later epoch, the broker has lost what went before", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  await writer.write("t", records("a", "b"));
  cluster.batchFates.push({ errorCode: 45 });
  assert.deepEqual(said(await writer.write("t", records("c"))), ["0:2"]);
  const numbers = cluster.received.map(({ epoch, sequence }) => `${epoch}/${sequence}`);
  assert.deepEqual(numbers, ["0/0", "0/2", "1/0"]);
});

for (const errorCode of [45, 47, 59, 90]) {
  Deno.test(`write() tells apart what error code ${errorCode} means`, async () => {
    const cluster = new FakeProducerCluster();
    using writer = open(cluster);
    cluster.batchFates.push({ errorCode });
    assert.deepEqual(said(await writer.write("t", records("a"))), ["0:0"]);
    cluster.requestFates.push("cut before the answer");
    cluster.batchFates.push("store", { errorCode });
    assert.deepEqual(said(await writer.write("t", records("b"))), ["unknown unknown_outcome"]);
    assert.deepEqual(said(await writer.write("t", records("c"))), ["0:2"]);
  });
}

// An earlier try without an answer was stored; then the right to write was taken away. That the
// last try is refused says nothing of the first.
Deno.test("write() says unknown of a batch that is refused, an earlier try had no answer", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  cluster.requestFates.push("cut before the answer");
  cluster.batchFates.push("store", { errorCode: 29 });
  assert.deepEqual(said(await writer.write("t", records("a"))), ["unknown unknown_outcome"]);
  assert.deepEqual(cluster.log(), ["a"]);
});

Deno.test("write() says failed in time of a batch that was never in doubt, else unknown", async () => {
  for (const [fate, outcome] of [["doubt", "unknown"], [{ errorCode: 6 }, "failed"]] as const) {
    const cluster = new FakeProducerCluster();
    using writer = open(cluster, { deliveryTimeoutMs: 200 });
    cluster.batchFates.push(fate, ...Array.from({ length: 100 }, () => ({ errorCode: 6 })));
    const [written] = await writer.write("t", records("a"));
    assert.ok("error" in written);
    assert.equal(written.outcome, outcome);
  }
});

// A topic was deleted and created again, and everything about it forgotten meanwhile. Batches that
// began with the old numbers again would be taken for the old ones where the broker still has these.
Deno.test("write() begins a forgotten topic in a later epoch", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  await writer.write("t", records("a"));
  cluster.exists = false;
  cluster.batchFates.push(...Array.from({ length: 100 }, () => ({ errorCode: 3 })));
  assert.deepEqual(said(await writer.write("t", records("b"))), ["failed unknown_topic"]);
  cluster.exists = true;
  cluster.batchFates.length = 0;
  assert.deepEqual(said(await writer.write("t", records("c"))), ["0:1"]);
  assert.deepEqual(cluster.log(), ["a", "c"]);
  const epochs = cluster.received.map(({ epoch }) => epoch);
  assert.ok(epochs.at(-1)! > epochs[0]);
});

Deno.test("write() does not claim an offset that the broker does not remember", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  cluster.batchFates.push({ errorCode: 46 });
  assert.deepEqual(said(await writer.write("t", records("a"))), ["unknown unknown_outcome"]);
});

Deno.test("write() says forbidden, and asks no more", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  cluster.batchFates.push({ errorCode: 29 });
  assert.deepEqual(said(await writer.write("t", records("a"))), ["failed forbidden"]);
  assert.equal(cluster.requests.length, 1);
});

Deno.test("write() says forbidden, no right to a producer id", async () => {
  const cluster = new FakeProducerCluster();
  cluster.idErrorCode = 31;
  using writer = open(cluster);
  assert.deepEqual(said(await writer.write("t", records("a"))), ["failed forbidden"]);
  cluster.idErrorCode = 0;
  assert.deepEqual(said(await writer.write("t", records("a"))), ["0:0"]);
});

for (const limitBytes of [undefined, 400]) {
  const known = limitBytes === undefined ? "not known" : "known";
  Deno.test(`write() splits a batch that is too large, the limit ${known}`, async () => {
    const cluster = new FakeProducerCluster();
    using writer = open(cluster);
    await writer.write("t", records("a"));
    cluster.limitBytes = limitBytes;
    if (limitBytes === undefined) cluster.batchFates.push({ errorCode: 10 });
    const values = ["b".repeat(150), "c".repeat(150), "d".repeat(150), "e".repeat(150)];
    const written = await writer.write("t", records(...values));
    assert.deepEqual(said(written), ["0:1", "0:2", "0:3", "0:4"]);
    assert.deepEqual(cluster.log(), ["a", ...values]);
  });
}

Deno.test("write() refuses a record that is too large with the limit, and no other", async () => {
  const cluster = new FakeProducerCluster();
  cluster.limitBytes = 400;
  using writer = open(cluster);
  const written = await writer.write("t", records("a", "b".repeat(500), "c"));
  assert.deepEqual(said(written), ["0:0", "failed too_large", "0:1"]);
  assert.ok("error" in written[1]);
  assert.match(written[1].error.message, /takes 400 /);
  assert.deepEqual(written[1].error.details, { maxBytes: 400 });
  const { length } = cluster.requests;
  assert.deepEqual(said(await writer.write("t", records("b".repeat(500)))), ["failed too_large"]);
  assert.equal(cluster.requests.length, length, "it is known by now, and not sent");
});

Deno.test("write() fails the records that Kafka finds fault with, and no other", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  const letGo = cluster.hold();
  cluster.batchFates.push("store", {
    errorCode: 87,
    recordErrors: [{ index: 1, message: "no key" }],
    errorMessage: "One or more records have been rejected",
  });
  const first = writer.write("t", records("a"));
  await eventually("a request", () => cluster.requests.length === 1);
  const others = writer.write("t", records("b"));
  const faulty = writer.write("t", records("c"));
  const after = writer.write("t", records("d"));
  letGo();
  const written = (await Promise.all([first, others, faulty, after])).flat();
  assert.deepEqual(said(written), ["0:0", "0:1", "failed invalid_record", "0:2"]);
  assert.ok("error" in written[2]);
  assert.match(written[2].error.message, /no key/);
});

Deno.test("write() finds the record at fault where Kafka does not name it", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  const refused = { errorCode: 32 };
  cluster.batchFates.push(refused, refused, "store", refused, "store", "store");
  const written = await writer.write("t", records("a", "b", "c", "d"));
  assert.deepEqual(said(written), ["0:0", "failed invalid_record", "0:1", "0:2"]);
});

Deno.test("write() refuses what is over the bytes on their way", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster, { maxInFlightBytes: 1_000 });
  const letGo = cluster.hold();
  const first = writer.write("t", records("a".repeat(600)));
  assert.deepEqual(said(await writer.write("t", records("b".repeat(600)))), ["failed overloaded"]);
  letGo();
  assert.deepEqual(said(await first), ["0:0"]);
  assert.deepEqual(said(await writer.write("t", records("b".repeat(600)))), ["0:1"]);
  assert.deepEqual(said(await writer.write("t", records("b".repeat(1200)))), ["failed too_large"]);
});

Deno.test("close() reports everything as it stands", async () => {
  const cluster = new FakeProducerCluster();
  using writer = open(cluster);
  await writer.write("t", records("a"));
  const letGo = cluster.hold();
  const sent = writer.write("t", records("b"));
  await eventually("the request", () => cluster.requests.length === 2);
  const waiting = writer.write("t", records("c"));
  writer.close();
  assert.deepEqual(said(await sent), ["unknown unknown_outcome"]);
  assert.deepEqual(said(await waiting), ["failed leaving"]);
  assert.deepEqual(said(await writer.write("t", records("d"))), ["failed leaving"]);
  letGo();
});

Deno.test("write() is done at once, no records", async () => {
  using writer = open(new FakeProducerCluster());
  assert.deepEqual(await writer.write("t", []), []);
});
