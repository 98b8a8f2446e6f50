import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { Written } from "../../src/core/ports.ts";
import { KafkaRecordWriter } from "../../src/kafka/record_writer.ts";
import {
  type BatchFate,
  FakeProducerCluster,
  type RequestFate,
} from "../support/fake_producer_cluster.ts";

const PARTITIONS = 3;

/** What the brokers do, and how many records each call writes. */
interface Scenario {
  readonly batchFates: readonly BatchFate[];
  readonly requestFates: readonly (RequestFate | undefined)[];
  readonly moves: readonly number[];
  readonly calls: readonly number[];
}

const batchFate = fc.constantFrom<BatchFate>(
  "store",
  "forget",
  "doubt",
  { errorCode: 3 },
  { errorCode: 6 },
  { errorCode: 7 },
  { errorCode: 10 },
  { errorCode: 19 },
  { errorCode: 45 },
  { errorCode: 47 },
  { errorCode: 87, recordErrors: [{ index: 0, message: "no" }] },
);

const scenario: fc.Arbitrary<Scenario> = fc.record({
  batchFates: fc.array(batchFate, { maxLength: 12 }),
  requestFates: fc.array(
    fc.constantFrom<RequestFate | undefined>(undefined, "cut", "cut before the answer"),
    { maxLength: 6 },
  ),
  moves: fc.array(fc.nat({ max: 1 }), { minLength: PARTITIONS, maxLength: PARTITIONS }),
  calls: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 }),
});

Deno.test("write() stores once and in order what it says, and nothing that failed, for any faults", async () => {
  // Many at a time, since most of their time is pauses between tries.
  const many = fc.array(scenario, { minLength: 10, maxLength: 25 });
  await fc.assert(fc.asyncProperty(many, (all) => Promise.all(all.map(run)).then(() => {})), {
    numRuns: 5,
    interruptAfterTimeLimit: 20_000,
  });
});

async function run({ batchFates, requestFates, moves, calls }: Scenario): Promise<void> {
  const cluster = new FakeProducerCluster(PARTITIONS);
  const writer = new KafkaRecordWriter(cluster.asCluster, cluster, { deliveryTimeoutMs: 400 });
  cluster.batchFates.push(...batchFates);
  cluster.requestFates.push(...requestFates);
  let number = 0;
  const said: { value: string; partition: number; written: Written }[] = [];
  await Promise.all(calls.map(async (count, call) => {
    if (call % 3 === 2) await Promise.resolve();
    if (call === 4) moves.forEach((move, partition) => cluster.leaders[partition] = 1 + move);
    const records = Array.from({ length: count }, () => ({
      key: null,
      value: Buffer.from(`${number++}`),
      headers: [],
      partition: number % PARTITIONS,
    }));
    const results = await writer.write("t", records);
    for (const [i, written] of results.entries()) {
      said.push({
        value: records[i].value.toString(),
        partition: records[i].partition,
        written,
      });
    }
  }));
  writer.close();
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const log = cluster.log(partition);
    assert.equal(new Set(log).size, log.length, `twice: ${log}`);
    const numbers = log.map(Number);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), "in order");
  }
  for (const { value, partition, written } of said) {
    const at = cluster.log(partition).indexOf(value);
    if ("offset" in written) assert.equal(`${written.offset}`, `${at}`, `${value} is stored`);
    else if (written.outcome === "failed") assert.equal(at, -1, `${value} failed`);
  }
  assert.equal(writer.inFlightBytes, 0);
}
