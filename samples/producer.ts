/**
 * Writes records to a topic with KafkaJS: the lines of standard input, or made-up orders.
 *
 * @module
 */
import { Kafka, logLevel, type Message, Partitioners, type Producer } from "kafkajs";
import process from "node:process";
import { parseArgs } from "node:util";
import { sampleOrder } from "./sample_orders.ts";

const HELP = `Usage: deno run -P=producer samples/producer.ts -t TOPIC [flags]

  -t, --topic TOPIC          topic to write to; it must exist
  -k, --kafka HOST:PORT,...  brokers (default localhost:9092)
  -n, --count N              writes N made-up orders; without it, one record for each line of
                             standard input
  -r, --rate N               so many a second (default: as fast as it goes)
  -p, --partition N          partition (default: by key, or any without one)
  -h, --help                 this text`;

/** Records of one request, at most. */
const MOST_AT_ONCE = 500;

/** With a rate, records go out so many times a second. */
const TURNS_PER_SECOND = 10;

interface Options {
  readonly topic: string;
  readonly brokers: string[];
  readonly count: number | undefined;
  readonly rate: number | undefined;
  readonly partition: number | undefined;
}

/** The flags, or what is wrong with them. */
function readFlags(args: string[]): Options | string {
  let values;
  try {
    values = parseArgs({
      args,
      options: {
        topic: { type: "string", short: "t" },
        kafka: { type: "string", short: "k", default: "localhost:9092" },
        count: { type: "string", short: "n" },
        rate: { type: "string", short: "r" },
        partition: { type: "string", short: "p" },
      },
    }).values;
  } catch (error) {
    return (error as Error).message;
  }
  const { topic, kafka } = values;
  if (topic === undefined) return "-t TOPIC is needed";
  for (const name of ["count", "rate", "partition"] as const) {
    const text = values[name];
    if (text !== undefined && !/^\d+$/.test(text)) {
      return `--${name} is ${text}: it must be a number`;
    }
  }
  const number = (text: string | undefined) => text === undefined ? undefined : Number(text);
  return {
    topic,
    brokers: kafka.split(","),
    count: number(values.count),
    rate: number(values.rate) || undefined,
    partition: number(values.partition),
  };
}

/** Batches of orders, in time with the rate. */
async function* orders(count: number, rate: number | undefined): AsyncGenerator<Message[]> {
  const size = rate === undefined ? MOST_AT_ONCE : Math.ceil(rate / TURNS_PER_SECOND);
  const startMs = performance.now();
  for (let from = 0; from < count; from += size) {
    if (rate !== undefined) await until(startMs + from / rate * 1_000);
    const to = Math.min(from + size, count);
    yield Array.from({ length: to - from }, (_, i) => sampleOrder(from + i));
  }
}

/** Batches of the lines that are there, in time with the rate. */
async function* lines(rate: number | undefined): AsyncGenerator<Message[]> {
  const startMs = performance.now();
  let sent = 0;
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    while (parts.length > 0) {
      if (rate !== undefined) await until(startMs + sent / rate * 1_000);
      const batch = parts.splice(0, rate === undefined ? MOST_AT_ONCE : 1);
      sent += batch.length;
      yield batch.map((value) => ({ value }));
    }
  }
  if (rest !== "") yield [{ value: rest }];
}

async function until(timeMs: number): Promise<void> {
  const pauseMs = timeMs - performance.now();
  if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
}

/** Writes everything and says how many records that were. */
async function write(producer: Producer, options: Options): Promise<number> {
  const { topic, count, rate, partition } = options;
  let written = 0;
  for await (const batch of count === undefined ? lines(rate) : orders(count, rate)) {
    const messages = batch.map((message) => ({ ...message, partition }));
    await producer.send({ topic, messages });
    written += messages.length;
  }
  return written;
}

async function main(): Promise<number> {
  if (Deno.args.includes("-h") || Deno.args.includes("--help")) {
    console.log(HELP);
    return 0;
  }
  const options = readFlags(Deno.args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${HELP}`);
    return 2;
  }
  // KafkaJS 2.2.4 sets timers in the past, which does no harm, and Deno says so each time.
  process.removeAllListeners("warning");
  const { topic, brokers } = options;
  const kafka = new Kafka({
    clientId: "kafka-proxy-sample",
    brokers,
    logLevel: logLevel.NOTHING,
    retry: { retries: 3 },
  });
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  try {
    await producer.connect();
    console.log(`${await write(producer, options)} records written to ${topic}`);
    return 0;
  } catch (error) {
    console.error(`Cannot write to ${topic} at ${brokers}: ${(error as Error).message}`);
    return 1;
  } finally {
    await producer.disconnect();
  }
}

if (import.meta.main) Deno.exit(await main());
