/**
 * `deno task demo`: Kafka, the proxy, a producer of made-up orders and a WebSocket client that
 * shows them, all at once.
 *
 * @module
 */
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { parseArgs } from "node:util";
import { KafkaProxy } from "../src/mod.ts";
import { KafkaCluster } from "../tests/kafka/kafka_cluster.ts";
import { sampleOrder } from "./sample_orders.ts";

const HELP = `Usage: deno task demo [--kafka HOST:PORT[,HOST:PORT]] [--records N]

Shows records of Apache Kafka arriving over a WebSocket.

  --kafka HOST:PORT,...  a broker of your own (default: one is fetched and started, and gone after)
  --records N            ends after so many records (default: at Ctrl-C)
  --help                 this text`;

/** Not a name anybody has data in: with --kafka the made-up orders go into a broker in use. */
const TOPIC = "kafka-proxy-demo";

const RECORDS_PER_SECOND = 5;

/** `npx` passes on a Ctrl-C that reached us too: what comes again so soon is the same, in ms. */
const SAME_SIGNAL_MS = 100;

/** Where it listens if nobody else does. */
const PORT = 9999;

interface Options {
  readonly kafka: string | undefined;
  readonly records: number;
}

/** The flags, or what is wrong with them. */
function readFlags(args: string[]): Options | string {
  try {
    const { values: { kafka, records } } = parseArgs({
      args,
      options: { kafka: { type: "string" }, records: { type: "string" } },
    });
    if (records !== undefined && !/^[1-9]\d*$/.test(records)) {
      return `--records is ${records}: it must be 1 or more`;
    }
    return { kafka, records: records === undefined ? Infinity : Number(records) };
  } catch (error) {
    return (error as Error).message;
  }
}

/** Kafka's own client of this demo: makes the topic, then writes orders until stopped. */
class Shop implements AsyncDisposable {
  readonly #producer;
  readonly #stopping = new AbortController();
  #writing: Promise<void> | undefined;

  private constructor(kafka: Kafka) {
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
  }

  static async open(brokers: string[]): Promise<Shop> {
    const kafka = new Kafka({
      clientId: "kafka-proxy-demo",
      brokers,
      logLevel: logLevel.NOTHING,
      retry: { retries: 3 },
    });
    const admin = kafka.admin();
    try {
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }] });
    } finally {
      await admin.disconnect();
    }
    const shop = new Shop(kafka);
    await shop.#producer.connect();
    return shop;
  }

  /** Writes orders; a failure goes to `onError`, and is the end of it. */
  start(onError: (error: unknown) => void): void {
    this.#writing = this.#write().catch(onError);
  }

  async #write(): Promise<void> {
    const { signal } = this.#stopping;
    for (let number = 1; !signal.aborted; number++) {
      await this.#producer.send({ topic: TOPIC, messages: [sampleOrder(number)] });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000 / RECORDS_PER_SECOND);
        signal.onabort = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#writing;
    await this.#producer.disconnect();
  }
}

/** The proxy with the sample page at `/sample`; takes another port when its own is in use. */
async function serve(kafka: string): Promise<{ proxy: KafkaProxy; port: number }> {
  const page = await Deno.readTextFile(new URL("browser.html", import.meta.url));
  const fetch = (request: Request) => {
    const url = new URL(request.url);
    if (url.pathname !== "/sample") return undefined;
    if (!url.searchParams.has("topic")) {
      url.search = `?topic=${TOPIC}&consumerGroup=&offset=-20`;
      return new Response(null, { status: 302, headers: { location: url.pathname + url.search } });
    }
    return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
  };
  for (const wsPort of [PORT, 0]) {
    const proxy = new KafkaProxy({ wsPort, kafka }, { fetch });
    try {
      const { port } = await proxy.listen();
      return { proxy, port };
    } catch (error) {
      await proxy.close();
      if (wsPort === 0 || !(error instanceof Deno.errors.AddrInUse)) throw error;
      console.log(`Port ${PORT} is in use: taking another`);
    }
  }
  throw new Error("unreachable");
}

/** Prints records as they come; resolves after so many of them, or when stopped. */
function show(
  url: string,
  { records, stopping, onOpen }: { records: number; stopping: AbortSignal; onOpen: () => void },
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let shown = 0;
  const socket = new WebSocket(url);
  socket.onopen = onOpen;
  const leave = () => socket.close(1000);
  stopping.addEventListener("abort", leave);
  socket.onmessage = ({ data }) => {
    for (const { offset, message } of JSON.parse(data)) {
      if (shown === records || stopping.aborted) return;
      console.log(`${String(offset).padStart(6)}  ${message}`);
      if (++shown === records) leave();
    }
  };
  socket.onclose = ({ code, reason }) => {
    if (shown === records || stopping.aborted) resolve(shown);
    else reject(new Error(`The WebSocket was closed with ${code}: ${reason}`));
  };
  return promise;
}

function instructions(port: number): string {
  return `
Try it in another terminal:
  npx -y wscat@6.1.0 --connect "ws://127.0.0.1:${port}/?topic=${TOPIC}&consumerGroup=group1"
or in a browser:
  http://127.0.0.1:${port}/sample

These are records as a WebSocket client gets them, by offset. Ctrl-C ends everything.
`;
}

async function run({ kafka, records }: Options): Promise<void> {
  const stopping = new AbortController();
  await using stack = new AsyncDisposableStack();
  let isServing = false;
  let stoppedMs = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      if (isServing && !stopping.signal.aborted) {
        stoppedMs = performance.now();
        console.log("\nEnding");
        stopping.abort();
      } else if (performance.now() - stoppedMs > SAME_SIGNAL_MS) {
        // What was started is ended with this process by its guard.
        Deno.exit(130);
      }
    });
  }
  let brokers = kafka;
  if (brokers === undefined) {
    brokers = stack.use(await KafkaCluster.start({ onProgress: console.log })).bootstrap;
  }
  console.log(`Connecting to Kafka at ${brokers}`);
  const { proxy, port } = await serve(brokers);
  stack.use(proxy);
  const shop = stack.use(await Shop.open(brokers.split(",")));
  isServing = true;
  console.log(instructions(port));
  const url = `ws://127.0.0.1:${port}/?topic=${TOPIC}&consumerGroup=&offset=latest`;
  const failed = Promise.withResolvers<never>();
  const shown = show(url, {
    records,
    stopping: stopping.signal,
    onOpen: () => shop.start(failed.reject),
  });
  console.log(`\n${await Promise.race([shown, failed.promise])} records shown`);
}

if (import.meta.main) {
  const isHelp = Deno.args.includes("--help") || Deno.args.includes("-h");
  const options = isHelp ? HELP : readFlags(Deno.args);
  if (typeof options === "string") {
    if (isHelp) console.log(HELP);
    else console.error(`${options}\n\n${HELP}`);
    Deno.exit(isHelp ? 0 : 2);
  }
  try {
    await run(options);
    Deno.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
