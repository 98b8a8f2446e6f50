import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { FetchTarget } from "../../src/core/ports.ts";
import type { ProxyError } from "../../src/core/proxy_error.ts";
import type { ClusterClient } from "../../src/kafka/cluster_client.ts";
import { KafkaReader } from "../../src/kafka/kafka_reader.ts";
import { buildBatch, buildMarker, buildOldMessage } from "../support/batch_builder.ts";
import { eventually } from "../support/eventually.ts";
import { buildFetchResponse, type PartitionInput } from "../support/fetch_response_builder.ts";

/** A request as it went to a broker. */
interface Request {
  readonly nodeId: number;
  readonly lane: string;
  /** Connection of a Fetch, 1 for long polls. */
  readonly connection?: number;
  readonly args: Record<string, unknown>;
}

/** Two brokers that answer what a test tells them; partition p is led by broker p % 2 + 1. */
class FakeCluster {
  readonly requests: Request[] = [];
  readonly closing = new AbortController().signal;
  /** Parts of the next Fetch answers; asked at the time. */
  fetched: readonly PartitionInput[] = [];
  errorCode = 0;
  payload: Buffer | undefined;
  /** Offsets that ListOffsets gives, by the timestamp that was asked for. */
  offsets: (timestamp: string, partition: number) => { offset: string; errorCode?: number } =
    () => ({
      offset: "0",
    });
  held: Promise<void> | undefined;

  node(nodeId: number, lane = "") {
    return Promise.resolve({
      fetch: async (connection: number, args: Record<string, unknown>) => {
        this.requests.push({ nodeId, lane, connection, args });
        await this.held;
        const { errorCode, fetched } = this;
        this.payload = buildFetchResponse({
          version: 11,
          errorCode,
          topics: [["orders", fetched]],
        });
        return { version: 11, payload: this.payload };
      },
      send: (_api: string, args: Record<string, unknown>) => {
        this.requests.push({ nodeId, lane, args });
        const [{ topic, partitions }] = args.topics as {
          topic: string;
          partitions: { partition: number; timestamp: string }[];
        }[];
        const found = partitions.map(({ partition, timestamp }) => ({
          partition,
          errorCode: 0,
          ...this.offsets(timestamp, partition),
        }));
        return Promise.resolve({ responses: [{ topic, partitions: found }] });
      },
    });
  }

  metadata() {
    return Promise.resolve([{
      topic: "orders",
      topicErrorCode: 0,
      partitionMetadata: [0, 1, 2, 3].map((partitionId) => ({
        partitionId,
        leader: partitionId % 2 + 1,
      })),
    }]);
  }
}

function readerOf(cluster: FakeCluster, maxBatchBytes = 1 << 20): KafkaReader {
  return new KafkaReader(cluster as unknown as ClusterClient, { maxBatchBytes });
}

function target(partition: number, offset = 0n): FetchTarget {
  return { topic: "orders", partition, offset, maxBytes: 1000 };
}

const COMMITTED = { isolation: "committed", waitMs: 0 } as const;
const UNCOMMITTED = { isolation: "uncommitted", waitMs: 0 } as const;
const POLL = { isolation: "committed", waitMs: 100 } as const;

const values = (count: number, length = 10) =>
  Array.from({ length: count }, () => ({ value: "v".repeat(length) }));

Deno.test("KafkaReader.fetch() asks for the targets as Kafka wants it", async () => {
  const cluster = new FakeCluster();
  await readerOf(cluster).fetch(1, [target(0, 2n ** 53n + 1n), target(2)], POLL);
  await readerOf(cluster).fetch(1, [target(0)], UNCOMMITTED);
  const [poll, immediate] = cluster.requests;
  assert.deepEqual([poll.nodeId, poll.lane, poll.connection], [1, "", 1]);
  assert.deepEqual(
    [poll.args.isolationLevel, poll.args.maxWaitTime, poll.args.minBytes],
    [1, 100, 1],
  );
  assert.deepEqual(poll.args.topics, [{
    topic: "orders",
    partitions: [
      { partition: 0, fetchOffset: "9007199254740993", maxBytes: 1000 },
      { partition: 2, fetchOffset: "0", maxBytes: 1000 },
    ],
  }]);
  assert.deepEqual([immediate.connection, immediate.args.isolationLevel], [0, 0]);
});

Deno.test("KafkaReader.fetch() polls on connections of their own, both isolation levels", async () => {
  const cluster = new FakeCluster();
  const reader = readerOf(cluster);
  await reader.fetch(1, [target(0)], POLL);
  await reader.fetch(1, [target(0)], { ...POLL, isolation: "uncommitted" });
  assert.deepEqual(cluster.requests.map(({ lane }) => lane), ["", "uncommitted"]);
});

Deno.test("KafkaReader.fetch() gives a chunk, its batches and where it ends", async () => {
  const cluster = new FakeCluster();
  cluster.fetched = [{
    partition: 0,
    highWatermark: 50n,
    lastStableOffset: 40n,
    records: buildBatch({ baseOffset: 10n, records: values(3) }),
  }];
  const reader = readerOf(cluster);
  for (const [options, end] of [[COMMITTED, 40n], [UNCOMMITTED, 50n]] as const) {
    const [answer] = await reader.fetch(1, [target(0, 11n)], options);
    assert.ok(answer.kind === "chunk");
    const { batches, bytes, ...rest } = answer.chunk;
    assert.deepEqual(rest, { topic: "orders", partition: 0, from: 11n, next: 13n, end });
    assert.equal(batches.length, 1);
    assert.ok(bytes > cluster.fetched[0].records!.length, "the objects count too");
  }
});

Deno.test("KafkaReader.fetch() takes the high watermark, no last stable offset", async () => {
  const cluster = new FakeCluster();
  cluster.fetched = [{ partition: 0, highWatermark: 50n, lastStableOffset: -1n }];
  const [answer] = await readerOf(cluster).fetch(1, [target(0, 50n)], COMMITTED);
  assert.ok(answer.kind === "chunk");
  assert.deepEqual([answer.chunk.from, answer.chunk.next, answer.chunk.end], [50n, 50n, 50n]);
});

Deno.test("KafkaReader.fetch() hides aborted transactions, committed only", async () => {
  const cluster = new FakeCluster();
  cluster.fetched = [{
    partition: 0,
    highWatermark: 3n,
    aborted: [{ producerId: 7n, firstOffset: 0n }],
    records: Buffer.concat([
      buildBatch({ baseOffset: 0n, records: values(2), transactionOf: 7n }),
      buildMarker("abort", 2n, 7n),
    ]),
  }];
  const reader = readerOf(cluster);
  for (const [options, count] of [[COMMITTED, 0], [UNCOMMITTED, 1]] as const) {
    const [answer] = await reader.fetch(1, [target(0)], options);
    assert.ok(answer.kind === "chunk");
    assert.equal(answer.chunk.batches.length, count);
    assert.equal(answer.chunk.next, 3n);
  }
});

Deno.test("KafkaReader.fetch() never goes back, a batch that ends before the offset", async () => {
  const cluster = new FakeCluster();
  const records = buildBatch({ baseOffset: 0n, records: values(3) });
  cluster.fetched = [{ partition: 0, highWatermark: 9n, records }];
  const [answer] = await readerOf(cluster).fetch(1, [target(0, 5n)], COMMITTED);
  assert.ok(answer.kind === "chunk");
  assert.equal(answer.chunk.next, 5n);
});

for (
  const [errorCode, kind, name] of [
    [1, "out_of_range", "OFFSET_OUT_OF_RANGE"],
    [3, "gone", "UNKNOWN_TOPIC_OR_PARTITION"],
    [5, "moved", "LEADER_NOT_AVAILABLE"],
    [6, "moved", "NOT_LEADER_FOR_PARTITION"],
    [9, "moved", "REPLICA_NOT_AVAILABLE"],
    [56, "moved", "KAFKA_STORAGE_ERROR"],
    [74, "moved", "FENCED_LEADER_EPOCH"],
    [75, "moved", "UNKNOWN_LEADER_EPOCH"],
    [78, "moved", "OFFSET_NOT_AVAILABLE"],
    [100, "gone", "UNKNOWN_TOPIC_ID"],
    [103, "gone", "INCONSISTENT_TOPIC_ID"],
  ] as const
) {
  Deno.test(`KafkaReader.fetch() says ${kind}, ${name}`, async () => {
    const cluster = new FakeCluster();
    cluster.fetched = [{ partition: 0, errorCode }];
    const [answer] = await readerOf(cluster).fetch(1, [target(0)], COMMITTED);
    assert.equal(answer.kind, kind);
  });
}

for (const [errorCode, code] of [[29, "forbidden"], [-1, "kafka_unavailable"]] as const) {
  Deno.test(`KafkaReader.fetch() says failed with ${code}, error ${errorCode}`, async () => {
    const cluster = new FakeCluster();
    cluster.fetched = [{ partition: 0, errorCode }];
    const [answer] = await readerOf(cluster).fetch(1, [target(0)], COMMITTED);
    assert.ok(answer.kind === "failed");
    assert.equal(answer.error.code, code);
  });
}

Deno.test("KafkaReader.fetch() gives what is readable first, an old message after it", async () => {
  const cluster = new FakeCluster();
  const batch = buildBatch({ baseOffset: 0n, records: values(2) });
  const reader = readerOf(cluster);
  cluster.fetched = [{
    partition: 0,
    highWatermark: 9n,
    records: Buffer.concat([batch, buildOldMessage(2n, 1)]),
  }];
  const [first] = await reader.fetch(1, [target(0)], COMMITTED);
  assert.ok(first.kind === "chunk");
  assert.equal(first.chunk.next, 2n);
  cluster.fetched = [{ partition: 0, highWatermark: 9n, records: buildOldMessage(2n, 1) }];
  const [second] = await reader.fetch(1, [target(0, 2n)], COMMITTED);
  assert.ok(second.kind === "failed");
  assert.equal(second.error.code, "old_format");
});

Deno.test("KafkaReader.fetch() says what is wrong, after a batch that ends before the offset", async () => {
  const cluster = new FakeCluster();
  const records = Buffer.concat([
    buildBatch({ baseOffset: 0n, records: values(3) }),
    buildOldMessage(3n, 1),
  ]);
  cluster.fetched = [{ partition: 0, highWatermark: 9n, records }];
  const [answer] = await readerOf(cluster).fetch(1, [target(0, 3n)], COMMITTED);
  assert.ok(answer.kind === "failed");
  assert.equal(answer.error.code, "old_format");
});

// Taken for the end of the partition it sent the cursor to the long poll, which was answered at
// once with the same half batch, again and again.
Deno.test("KafkaReader.fetch() says corrupt_batch, half a batch and nothing else", async () => {
  const cluster = new FakeCluster();
  const records = buildBatch({ baseOffset: 5n, records: values(3) }).subarray(0, -1);
  cluster.fetched = [{ partition: 0, highWatermark: 9n, records }];
  const [answer] = await readerOf(cluster).fetch(1, [target(0, 5n)], COMMITTED);
  assert.ok(answer.kind === "failed");
  assert.equal(answer.error.code, "corrupt_batch");
  assert.match(answer.error.message, /only part of the record batch at offset 5 came/);
});

Deno.test("KafkaReader.fetch() says moved, so that it is asked for alone, half a batch among others", async () => {
  const cluster = new FakeCluster();
  const whole = buildBatch({ baseOffset: 0n, records: values(3) });
  cluster.fetched = [
    { partition: 0, highWatermark: 3n, records: whole },
    { partition: 2, highWatermark: 3n, records: whole.subarray(0, 70) },
  ];
  const answers = await readerOf(cluster).fetch(1, [target(0), target(2)], POLL);
  assert.deepEqual(answers.map(({ kind }) => kind), ["chunk", "moved"]);
});

Deno.test("KafkaReader.fetch() gives no answer for what was not asked", async () => {
  const cluster = new FakeCluster();
  cluster.fetched = [{ partition: 5 }, { partition: 0 }];
  const answers = await readerOf(cluster).fetch(1, [target(0)], COMMITTED);
  assert.deepEqual(answers.map(({ partition }) => partition), [0]);
});

Deno.test("KafkaReader.fetch() throws kafka_unavailable, an error of the whole answer", async () => {
  const cluster = new FakeCluster();
  cluster.errorCode = 70;
  await assert.rejects(() => readerOf(cluster).fetch(1, [target(0)], COMMITTED), {
    name: "ProxyError",
    code: "kafka_unavailable",
    message: /FETCH_SESSION_ID_NOT_FOUND/,
  });
});

Deno.test("KafkaReader.fetch() throws kafka_unavailable, the connection lost", async () => {
  const cluster = new FakeCluster();
  cluster.node = () => Promise.reject(new Error("connection reset"));
  await assert.rejects(() => readerOf(cluster).fetch(1, [target(0)], COMMITTED), {
    name: "ProxyError",
    code: "kafka_unavailable",
    message: "Cannot fetch from broker 1: connection reset",
  });
});

// A view would keep the whole response alive for as long as the chunk is cached.
Deno.test("KafkaReader.fetch() copies a small part out of a large response, and only then", async () => {
  const cluster = new FakeCluster();
  const small = buildBatch({ baseOffset: 0n, records: values(1) });
  const large = buildBatch({ baseOffset: 0n, records: values(50, 100) });
  cluster.fetched = [
    { partition: 0, highWatermark: 9n, records: small },
    { partition: 2, highWatermark: 99n, records: large },
  ];
  const answers = await readerOf(cluster).fetch(1, [target(0), target(2)], COMMITTED);
  const isView = await Promise.all(answers.map(async (answer) => {
    assert.ok(answer.kind === "chunk");
    return (await answer.chunk.batches[0].open()).buffer === cluster.payload!.buffer;
  }));
  assert.deepEqual(isView, [false, true]);
});

Deno.test("KafkaReader.fetch() has two immediate fetches at a broker at a time, polls apart", async () => {
  const cluster = new FakeCluster();
  const held = Promise.withResolvers<void>();
  cluster.held = held.promise;
  const reader = readerOf(cluster);
  const fetching = [
    ...Array.from({ length: 5 }, () => reader.fetch(1, [target(0)], COMMITTED)),
    reader.fetch(2, [target(1)], COMMITTED),
    reader.fetch(1, [target(0)], POLL),
  ];
  await eventually("four requests", () => cluster.requests.length === 4, { everyMs: 1 });
  const count = (nodeId: number, connection: number) =>
    cluster.requests.filter((one) => one.nodeId === nodeId && one.connection === connection).length;
  assert.deepEqual([count(1, 0), count(2, 0), count(1, 1)], [2, 1, 1]);
  held.resolve();
  await Promise.all(fetching);
  assert.equal(count(1, 0), 5);
});

Deno.test("KafkaReader.offsets() asks each leader for its own partitions", async () => {
  const cluster = new FakeCluster();
  cluster.offsets = (timestamp, partition) => ({ offset: `${timestamp}${partition}`.slice(1) });
  const found = await readerOf(cluster).offsets("orders", [0, 1, 2], "earliest", "committed");
  assert.deepEqual(found, new Map([[0, 20n], [2, 22n], [1, 21n]]));
  assert.deepEqual(cluster.requests.map(({ nodeId }) => nodeId).sort(), [1, 2]);
});

for (
  const [at, timestamp] of [
    ["earliest", "-2"],
    ["latest", "-1"],
    [{ timestampMs: 1_790_000_000_000n }, "1790000000000"],
  ] as const
) {
  Deno.test(`KafkaReader.offsets() asks for timestamp ${timestamp}, ${JSON.stringify(at, (_, value) => typeof value === "bigint" ? `${value}` : value)}`, async () => {
    const cluster = new FakeCluster();
    const asked: string[] = [];
    cluster.offsets = (timestamp) => (asked.push(timestamp), { offset: "5" });
    await readerOf(cluster).offsets("orders", [0], at, "committed");
    assert.deepEqual(asked, [timestamp]);
  });
}

Deno.test("KafkaReader.offsets() gives the end, a time after the last record", async () => {
  const cluster = new FakeCluster();
  cluster.offsets = (timestamp, partition) =>
    timestamp === "-1" ? { offset: "99" } : { offset: partition === 0 ? "-1" : "7" };
  const found = await readerOf(cluster).offsets("orders", [0, 2], { timestampMs: 5n }, "committed");
  assert.deepEqual(found, new Map([[0, 99n], [2, 7n]]));
});

Deno.test("KafkaReader.offsets() asks again with new metadata, a leader that moved", async () => {
  const cluster = new FakeCluster();
  let tries = 0;
  cluster.offsets = () => ++tries === 1 ? { offset: "-1", errorCode: 6 } : { offset: "5" };
  const found = await readerOf(cluster).offsets("orders", [0], "latest", "committed");
  assert.deepEqual(found, new Map([[0, 5n]]));
});

Deno.test("KafkaReader.offsets() throws at once what cannot be mended, forbidden", async () => {
  const cluster = new FakeCluster();
  let tries = 0;
  cluster.offsets = () => (tries++, { offset: "-1", errorCode: 29 });
  await assert.rejects(
    () => readerOf(cluster).offsets("orders", [0], "latest", "committed"),
    (error: ProxyError) => error.code === "forbidden",
  );
  assert.equal(tries, 1);
});
