/**
 * Program: the control row, what the records' bytes cost without a broker: encoded into batches of
 * one call each, numbered and signed, in a process of its own.
 *
 * Usage: `produce_encoder.ts HOST:PORT TOPIC RECORDS CALLERS RECORDS_IN_CALL`, of which the first
 * two do not count. Prints {@linkcode ProduceResult} as JSON.
 *
 * @module
 */
import { BatchEncoder, stampBatch } from "../../src/kafka/batch_encoder.ts";
import { BATCH_BYTES } from "../../src/kafka/partition_queue.ts";
import { loadFromArgs, measure, type ProduceResult, VALUE_BYTES } from "./produce_load.ts";

const TIME_MS = 1_790_000_000_000;

const value = new Uint8Array(VALUE_BYTES).fill(120);
const result: ProduceResult = await measure(loadFromArgs(Deno.args), (count) => {
  const records = Array.from({ length: count }, () => ({ key: null, value, headers: [] }));
  const encoder = new BatchEncoder();
  for (const record of records) encoder.append(record, TIME_MS, BATCH_BYTES);
  stampBatch(encoder.finish(0, undefined), { producerId: 1n, epoch: 0, sequence: 0 });
  return Promise.resolve();
});
console.log(JSON.stringify(result));
