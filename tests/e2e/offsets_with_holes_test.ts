import assert from "node:assert/strict";
import type { NewRecord } from "../kafka/helper_requests.ts";
import { segmentBatches } from "../kafka/segment_batches.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { newTopic } from "../support/new_topic.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

function recordOf(topic: string, text: string, rest: Partial<NewRecord> = {}): NewRecord {
  return { topic, partition: 0, value: btoa(text), ...rest };
}

/** Three transactions open at once, plain records between them; A and C aborted, B committed. */
async function overlapping(topic: string): Promise<void> {
  const { helper } = await sharedKafka();
  const inTransaction = (id: string, text: string) =>
    helper.transaction({ id: `${topic}-${id}`, records: [recordOf(topic, text)], end: "open" });
  await newTopic(helper, topic);
  await helper.send([recordOf(topic, "plain 0")]);
  await inTransaction("A", "a 1");
  await inTransaction("B", "b 2");
  await inTransaction("C", "c 3");
  await helper.send([recordOf(topic, "plain 4")]);
  await inTransaction("A", "a 5");
  await inTransaction("B", "b 6");
  await inTransaction("C", "c 7");
  await helper.send([recordOf(topic, "plain 8")]);
  await helper.endTransaction(`${topic}-A`, "abort");
  await helper.endTransaction(`${topic}-B`, "commit");
  await helper.endTransaction(`${topic}-C`, "abort");
  // Offsets 9, 10 and 11 are the markers: the partition ends in control batches.
  await eventually("the markers to be written", async () => {
    return (await helper.listOffsets(topic, 0)).latest === 12;
  });
}

Deno.test("overlapping aborted transactions, from wherever one starts", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "overlapping";
  await overlapping(topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const visible = ["plain 0", "b 2", "plain 4", "b 6", "plain 8"];
  const clients = [];
  await using stack = new AsyncDisposableStack();
  // Descending: what a chunk in the cache covers would not be asked of Kafka again.
  for (let offset = 12; offset >= 0; offset--) {
    const history = new History({ holes: true });
    const client = stack.use(await proxy.read({ topic, offset }, { history }));
    const expected = visible.filter((text) => Number(text.split(" ")[1]) >= offset);
    await client.until(expected.length, { what: `${expected.length} records from ${offset}` });
    clients.push({ client, offset, expected });
  }
  // Those that wait at the end, behind the control batches, go on with what comes.
  await helper.send([recordOf(topic, "plain 12")]);
  for (const { client, offset, expected } of clients) {
    await client.until(expected.length + 1);
    assert.deepEqual(client.messages, [...expected, "plain 12"], `from ${offset}`);
    assert.deepEqual(
      client.records.map((record) => `${record.offset}`),
      client.messages.map((text) => text!.split(" ")[1]),
    );
    client.verify();
  }
});

Deno.test("isolation=uncommitted shows records of aborted transactions, never their markers", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "uncommitted";
  await overlapping(topic);
  await helper.send([recordOf(topic, "plain 12")]);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const history = new History({ holes: true });
  await using client = await proxy.read({ topic, isolation: "uncommitted" }, { history });
  await client.until(10);
  assert.deepEqual(client.messages, [
    ...["plain 0", "a 1", "b 2", "c 3", "plain 4", "a 5", "b 6", "c 7", "plain 8", "plain 12"],
  ]);
  client.verify();
});

Deno.test("the last stable offset holds committed readers back while a transaction is open", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "held-back";
  await newTopic(helper, topic);
  await helper.send([recordOf(topic, "before")]);
  await helper.transaction({ id: topic, records: [recordOf(topic, "inside")], end: "open" });
  await helper.send([recordOf(topic, "after")]);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using committed = await proxy.read({ topic }, { history: new History({ holes: true }) });
  await using uncommitted = await proxy.read({ topic, isolation: "uncommitted" });
  await uncommitted.until(3);
  await committed.until(1);
  await helper.send([recordOf(topic, "live")]);
  await uncommitted.until(4);
  assert.deepEqual(uncommitted.messages, ["before", "inside", "after", "live"]);
  assert.deepEqual(committed.messages, ["before"]);
  // The end is the last stable offset for the one, the high watermark for the other.
  const ends = { committed: "1", uncommitted: "4" };
  for (const [isolation, end] of Object.entries(ends)) {
    using refused = await proxy.upgrade({ topic, consumerGroup: "", offset: 5, isolation });
    assert.deepEqual([refused.status, refused.error?.end], [416, end]);
  }

  await helper.endTransaction(topic, "commit");
  await committed.until(4);
  assert.deepEqual(committed.messages, ["before", "inside", "after", "live"]);
  await helper.transaction({ id: topic, records: [recordOf(topic, "no")], end: "open" });
  await helper.send([recordOf(topic, "last")]);
  await helper.endTransaction(topic, "abort");
  await committed.until(5);
  assert.equal(committed.messages[4], "last");
  committed.verify();
});

Deno.test("a group's position goes past control batches and aborted records", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "positions";
  await overlapping(topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  const history = new History({ holes: true });
  await using client = await proxy.connect({ topic, consumerGroup: "markers" }, { history });
  await client.until(5);
  await eventually("the position after the last marker to be committed", async () => {
    const [position] = await helper.groupOffsets("markers");
    return position?.offset === 12;
  });
});

Deno.test("an aborted transaction longer than several fetches is passed over in silence", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "long-abort";
  await newTopic(helper, topic, { partitions: 2 });
  await helper.send([recordOf(topic, "before")]);
  const records = Array.from({ length: 60 }, () => recordOf(topic, "no".repeat(50_000)));
  await helper.transaction({ id: topic, records, end: "open" });
  await helper.send([recordOf(topic, "after")]);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const history = new History({ holes: true });
  await using all = await proxy.read({ topic, partition: "all" }, { history });
  await all.until(1);
  // What is held back in one partition holds up no other.
  await helper.send([recordOf(topic, "elsewhere", { partition: 1 })]);
  await all.until(2);
  await helper.endTransaction(topic, "abort");
  await all.until(3);
  assert.deepEqual(all.messages, ["before", "elsewhere", "after"]);
  await using inside = await proxy.read({ topic, offset: 30 });
  await inside.until(1);
  assert.deepEqual(inside.messages, ["after"]);
});

Deno.test("transactions of any order look as they do to Kafka's own consumer", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "shuffled";
  await newTopic(helper, topic);
  const open = new Set<string>();
  const text = (i: number) => `${i} `.padEnd(40_000 + i, "-");
  const steps: string[] = [];
  // 70 records of 40 KB: fetches of a megabyte begin inside transactions.
  for (let i = 0; i < 70; i++) {
    const id = ["p", "A", "B", "C", "D"][Math.floor(Math.random() * 5)];
    const end = (["commit", "abort", "open", "open"] as const)[Math.floor(Math.random() * 4)];
    steps.push(`${id}:${end}`);
    if (id === "p") {
      await helper.send([recordOf(topic, text(i))]);
      continue;
    }
    const compression = id === "D" ? "zstd" : undefined;
    const records = [recordOf(topic, text(i))];
    await helper.transaction({ id: `${topic}-${id}`, records, end, compression });
    if (end === "open") open.add(id);
    else open.delete(id);
  }
  for (const id of open) {
    await helper.endTransaction(`${topic}-${id}`, id < "C" ? "abort" : "commit");
  }
  const [{ offset: last }] = await helper.send([recordOf(topic, "the end")]);
  await eventually("all markers to be written", async () => {
    const read = { topic, partition: 0, fromOffset: last, isolation: "committed" } as const;
    return (await helper.read(read)).length > 0;
  });

  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  for (const isolation of ["committed", "uncommitted"] as const) {
    const theirs = await helper.read({ topic, partition: 0, isolation });
    // Descending: what a chunk in the cache covers would not be asked of Kafka again.
    for (const offset of [last - 5, 45, 20, 7, 1, 0]) {
      await using client = await proxy.read({ topic, offset, isolation }, {
        history: new History({ holes: true }),
      });
      await client.until(({ next }) => next === BigInt(last + 1));
      const expected = theirs.filter((record) => record.offset >= offset);
      assert.deepEqual(
        client.records.map((record) => Number(record.offset)),
        expected.map((record) => record.offset),
        `${isolation} from ${offset}: ${steps}`,
      );
      assert.deepEqual(client.messages, expected.map(({ value }) => atob(value!)));
      client.verify();
    }
  }
});

/** First offsets of the segments; base offset, last offset and number of records of the batches. */
async function shapeOnDisk(dataFolder: string, topic: string) {
  try {
    const names = [...Deno.readDirSync(`${dataFolder}/${topic}-0`)].map(({ name }) => name);
    const segments = names.filter((name) => name.endsWith(".log")).sort();
    const batches = await segmentBatches(dataFolder, topic, 0);
    return {
      segments: segments.map((name) => Number.parseInt(name, 10)),
      batches: batches.map((batch) => [batch.baseOffset, batch.lastOffset, batch.recordCount]),
    };
  } catch (error) {
    // Compaction has just put another file into the place of this one.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

Deno.test("a compacted topic shown to have holes and an emptied last batch", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "compacted";
  await newTopic(helper, topic, {
    configs: {
      "cleanup.policy": "compact",
      "min.cleanable.dirty.ratio": "0.01",
      "segment.ms": "600000",
      "segment.bytes": "1048576",
    },
  });
  // One batch for each call. A segment ends where the next record is ten minutes younger.
  const startMs = Date.now() - 86_400_000;
  const minute = (at: number) => startMs + at * 60_000;
  // Compaction joins segments of up to `segment.bytes` in all: what stays of these two is more.
  const bytes: Record<string, number> = { "old only-1": 200_000, "new key-0": 900_000 };
  const text = (prefix: string, key: string) =>
    `${prefix} ${key}`.padEnd(bytes[`${prefix} ${key}`] ?? 0, ".");
  const write = (at: number, keys: string[], prefix: string) =>
    helper.send(
      keys.map((key, i): NewRecord => {
        const record = recordOf(topic, text(prefix, key));
        const rest = { key: btoa(key), timestampMs: minute(at) + i };
        return { ...record, ...rest, ...(key === "gone" ? { value: null } : {}) };
      }),
      { batchBytes: 1_000_000, lingerMs: 1_000 },
    );
  const keys = Array.from({ length: 10 }, (_, i) => `key-${i}`);
  await write(0, [...keys, ...keys, "only-0"], "old"); // 0 to 20
  await write(1, ["only-1", "gone"], "old"); // 21, 22: a tombstone, which stays for a day
  await write(2, keys, "older"); // 23 to 32: the last batch of its producer and of its segment
  await write(60, keys, "new"); // 33 to 42
  await write(120, ["only-3"], "new"); // 43, in a segment of its own, which is not compacted

  // Only one of 21 is left in the first batch, none of 10 in the third: 30 offsets are holes. A Fetch
  // response ends with the segment, so one of them brings a batch that holds nothing and no more.
  const wanted = {
    segments: [0, 33, 43],
    batches: [[0, 20, 1], [21, 22, 2], [23, 32, 0], [33, 42, 10], [43, 43, 1]],
  };
  await eventually(`compaction to leave ${JSON.stringify(wanted)}`, async () => {
    const found = await shapeOnDisk(kafka.nodes[0].dataFolder, topic);
    return JSON.stringify(found) === JSON.stringify(wanted);
  }, { timeoutMs: 30_000, everyMs: 50 });

  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const theirs = await helper.read({ topic, partition: 0 });
  const left = [20, 21, 22, ...Array.from({ length: 11 }, (_, i) => 33 + i)];
  assert.deepEqual(theirs.map(({ offset }) => offset), left);
  const survivors = theirs.map((record) => ({
    message: record.value === null ? null : atob(record.value),
    offset: BigInt(record.offset),
    key: atob(record.key!),
    timestamp: record.timestampMs,
  }));
  await using stack = new AsyncDisposableStack();
  const clients = [];
  // Descending: what a chunk in the cache covers would not be asked of Kafka again.
  const starts = [44, 43, 33, 32, 27, 23, 20, 5, 0, "earliest", -21, `ts:${minute(3)}`];
  for (const offset of starts) {
    const client = stack.use(
      await proxy.read({ topic, offset, fields: "key,timestamp" }, {
        history: new History({ holes: true }),
      }),
    );
    const from = typeof offset === "number" ? (offset < 0 ? 44 + offset : offset) : 0;
    const first = `${offset}`.startsWith("ts:") ? 33 : from;
    const expected = survivors.filter((record) => record.offset >= first);
    await client.until(expected.length, { what: `${expected.length} records from ${offset}` });
    clients.push({ client, offset, expected });
  }
  await write(121, ["live"], "new"); // 44
  for (const { client, offset, expected } of clients) {
    await client.until(({ next }) => next === 45n);
    const live = { message: "new live", offset: 44n, key: "live", timestamp: minute(121) };
    assert.deepEqual(client.records, [...expected, live], `from ${offset}`);
    client.verify();
  }
});
