/**
 * Program: writes records with the proxy's own writer, in a process of its own.
 *
 * Usage: `produce_ours.ts HOST:PORT TOPIC RECORDS CALLERS RECORDS_IN_CALL`. Prints
 * {@linkcode ProduceResult} as JSON, and ends with code 1 when a record was not stored.
 *
 * @module
 */
import { KafkaClient } from "../../src/kafka/kafka_client.ts";
import { loadFromArgs, measure, type ProduceResult, VALUE_BYTES } from "./produce_load.ts";

const load = loadFromArgs(Deno.args);
const client = new KafkaClient({
  brokers: load.bootstrap.split(","),
  clientId: "bench",
  maxBatchBytes: 1 << 26,
  onLog: (_level, text) => console.error(text),
});
const value = new Uint8Array(VALUE_BYTES).fill(120);
const result: ProduceResult = await measure(load, async (count) => {
  const records = Array.from({ length: count }, () => ({ key: null, value, headers: [] }));
  for (const written of await client.writer.write(load.topic, records)) {
    if (!("offset" in written)) throw written.error;
  }
});
console.log(JSON.stringify(result));
await client.close();
