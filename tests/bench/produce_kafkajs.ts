/**
 * Program: writes records with a plain KafkaJS producer, idempotent and acknowledged by all
 * replicas, in a process of its own.
 *
 * Usage: `produce_kafkajs.ts HOST:PORT TOPIC RECORDS CALLERS RECORDS_IN_CALL`. Prints
 * {@linkcode ProduceResult} as JSON.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { loadFromArgs, measure, type ProduceResult, VALUE_BYTES } from "./produce_load.ts";

const load = loadFromArgs(Deno.args);
const kafka = new Kafka({ brokers: load.bootstrap.split(","), logLevel: logLevel.ERROR });
const producer = kafka.producer({
  idempotent: true,
  maxInFlightRequests: 1,
  allowAutoTopicCreation: false,
  createPartitioner: Partitioners.DefaultPartitioner,
});
await producer.connect();
const value = Buffer.alloc(VALUE_BYTES, "x");
const result: ProduceResult = await measure(load, async (count) => {
  const messages = Array.from({ length: count }, () => ({ key: null, value }));
  await producer.send({ topic: load.topic, acks: -1, messages });
});
console.log(JSON.stringify(result));
await producer.disconnect();
