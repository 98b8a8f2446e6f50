/**
 * Program: a bare KafkaJS consumer that measures how old stamped records are when they come.
 *
 * Usage: `latency_kafkajs.ts HOST:PORT TOPIC WARM RECORDS`. Prints `open` when it has joined, then
 * the result as JSON.
 *
 * @module
 */
import { Kafka, logLevel } from "kafkajs";
import { LatencyCounter, nowMicros } from "./latency_counter.ts";

const [bootstrap, topic, warm, records] = Deno.args;
const counter = new LatencyCounter(Number(warm));
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `latency-${Date.now()}` });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, () => console.log("open"));
await consumer.run({
  eachBatch: ({ batch: { messages } }) => {
    const atMicros = nowMicros();
    for (const { value } of messages) counter.take(value!.toString("latin1", 0, 20), atMicros);
    if (counter.seen >= Number(records)) {
      console.log(JSON.stringify(counter.result));
      Deno.exit(0);
    }
    return Promise.resolve();
  },
});
