/**
 * Program: a plain KafkaJS consumer that counts what `eachBatch` brings, in a process of its own.
 *
 * Usage: `kafkajs_loop.ts HOST:PORT TOPIC GROUP RECORDS`. Prints {@linkcode KafkaJsResult} as JSON,
 * and ends with code 1 when offsets are not contiguous.
 *
 * @module
 */
import process from "node:process";
import { Kafka, logLevel } from "kafkajs";

/** What the loop took. */
export interface KafkaJsResult {
  /** From `run()` to the last batch. */
  readonly secondsWithJoin: number;
  /** From the end of the join to the last batch. */
  readonly seconds: number;
  /** User and system time from `run()` to the last batch. */
  readonly cpuSeconds: number;
}

const [bootstrap, topic, groupId, count] = Deno.args;
const records = Number(count);
const kafka = new Kafka({ brokers: bootstrap.split(","), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });

const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<number>();
let joinedMs = 0;
let seen = 0;
consumer.on(consumer.events.GROUP_JOIN, () => {
  joinedMs ||= performance.now();
});
consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
const cpu = process.cpuUsage();
const startMs = performance.now();
await consumer.run({
  eachBatchAutoResolve: true,
  eachBatch: ({ batch: { messages } }) => {
    if (Number(messages[0].offset) !== seen) {
      fail(new Error(`Wanted offset ${seen}, got ${messages[0].offset}`));
    }
    seen += messages.length;
    if (seen === records) end(performance.now());
    return Promise.resolve();
  },
});
const endMs = await ended;
const { user, system } = process.cpuUsage(cpu);
const result: KafkaJsResult = {
  secondsWithJoin: (endMs - startMs) / 1e3,
  seconds: (endMs - joinedMs) / 1e3,
  cpuSeconds: (user + system) / 1e6,
};
console.log(JSON.stringify(result));
await consumer.disconnect();
