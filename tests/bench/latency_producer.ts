/**
 * Program: writes stamped records at a steady rate, every millisecond its share; or later and more
 * at a time when the broker has not answered what went before.
 *
 * Usage: `latency_producer.ts HOST:PORT TOPIC RATE RECORDS`.
 *
 * @module
 */
import { Kafka, logLevel } from "kafkajs";
import { stampedValue } from "./latency_counter.ts";

/** Requests at a time: more would wait in the client and be old before they are sent. */
const MOST_UNDER_WAY = 4;

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
  if (due === sent || underWay === MOST_UNDER_WAY) return;
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
