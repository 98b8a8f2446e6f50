/**
 * Program: writes stamped records at a steady rate, every millisecond its share.
 *
 * Usage: `latency_producer.ts HOST:PORT TOPIC RATE RECORDS`.
 *
 * @module
 */
import { Kafka, logLevel } from "kafkajs";
import { stampedValue } from "./latency_counter.ts";

const [bootstrap, topic, rateText, recordsText] = Deno.args;
const [rate, records] = [Number(rateText), Number(recordsText)];
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR });
const producer = kafka.producer({ allowAutoTopicCreation: false });
await producer.connect();

const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
const startMs = performance.now();
let sent = 0;
let underWay = 0;
const timer = setInterval(() => {
  const due = Math.min(Math.floor((performance.now() - startMs) / 1_000 * rate), records);
  if (due === sent) return;
  const messages = Array.from({ length: due - sent }, () => ({ value: stampedValue() }));
  sent = due;
  underWay++;
  producer.send({ topic, acks: 1, messages }).then(() => {
    if (--underWay === 0 && sent === records) end();
  }, fail);
  if (sent === records) clearInterval(timer);
}, 1);
await ended;
await producer.disconnect();
console.log(JSON.stringify({ seconds: (performance.now() - startMs) / 1_000 }));
Deno.exit(0);
