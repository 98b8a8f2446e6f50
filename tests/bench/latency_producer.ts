/**
 * Program: writes stamped records at a steady rate, every millisecond its share; or later and more
 * at a time when the broker has not answered what went before. By the proxy's own writer, since
 * KafkaJS's producer does not reach 50,000 records a second.
 *
 * Usage: `latency_producer.ts HOST:PORT TOPIC RATE RECORDS`.
 *
 * @module
 */
import { KafkaClient } from "../../src/kafka/kafka_client.ts";
import { stampedValue } from "./latency_counter.ts";

/** Requests at a time: more would wait in the client and be old before they are sent. */
const MOST_UNDER_WAY = 4;

const [bootstrap, topic, rateText, recordsText] = Deno.args;
const [rate, records] = [Number(rateText), Number(recordsText)];
const client = new KafkaClient({
  brokers: [bootstrap],
  clientId: "bench",
  maxBatchBytes: 1 << 26,
  onLog: (_level, text) => console.error(text),
});
const utf8 = new TextEncoder();

const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<void>();
const startMs = performance.now();
let sent = 0;
let underWay = 0;
const timer = setInterval(() => {
  const due = Math.min(Math.floor((performance.now() - startMs) / 1_000 * rate), records);
  if (due === sent || underWay === MOST_UNDER_WAY) return;
  const value = utf8.encode(stampedValue());
  const share = Array.from({ length: due - sent }, () => ({ key: null, value, headers: [] }));
  sent = due;
  underWay++;
  client.writer.write(topic, share).then((written) => {
    for (const record of written) if (!("offset" in record)) throw record.error;
    if (--underWay === 0 && sent === records) end();
  }).catch(fail);
  if (sent === records) clearInterval(timer);
}, 1);
await ended;
await client.close();
console.log(JSON.stringify({ seconds: (performance.now() - startMs) / 1_000 }));
Deno.exit(0);
