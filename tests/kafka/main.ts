/**
 * `deno task kafka`: one Apache Kafka of the current folder's tests, until Ctrl-C. Progress goes to
 * standard error, the address alone to standard output.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { KafkaCluster } from "./kafka_cluster.ts";
import { KafkaHelper } from "./kafka_helper.ts";

const USAGE = `Usage: deno task kafka [--nodes 1|3] [--port PORT] [--topic NAME[:PARTITIONS]]...

  --nodes 1|3                brokers in the cluster, each a controller too (default 1)
  --port PORT                port of the first broker (default: a free one)
  --topic NAME[:PARTITIONS]  topic to create (default 1 partition); may be repeated
  --help                     this text`;

interface Arguments {
  readonly nodes: number;
  readonly port: number | undefined;
  readonly topics: readonly { readonly name: string; readonly partitions: number }[];
}

if (import.meta.main) {
  const parsed = readArguments(Deno.args);
  if (typeof parsed === "string") {
    const isHelp = parsed === USAGE;
    (isHelp ? console.log : console.error)(parsed);
    Deno.exit(isHelp ? 0 : 2);
  }
  try {
    await run(parsed);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}

async function run({ nodes, port, topics }: Arguments): Promise<void> {
  await using kafka = await KafkaCluster.start({ nodes, port, onProgress: console.error });
  if (topics.length > 0) {
    await using helper = await KafkaHelper.start(kafka.bootstrap);
    for (const { name, partitions } of topics) {
      console.error(`Creating topic ${name}`);
      await helper.createTopic(name, { partitions });
    }
  }
  const ended = endSignal();
  console.log(kafka.bootstrap);
  await ended;
  console.error("Stopping Apache Kafka");
}

/** The arguments, or what to tell the user instead. */
function readArguments(args: string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args,
      options: {
        nodes: { type: "string", default: "1" },
        port: { type: "string" },
        topic: { type: "string", multiple: true, default: [] },
        help: { type: "boolean" },
      },
    });
    if (values.help) return USAGE;
    if (values.nodes !== "1" && values.nodes !== "3") {
      return `Cannot start ${values.nodes} nodes: --nodes takes 1 or 3`;
    }
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
      return `Cannot listen on ${values.port}: --port takes a number from 1 to 65535`;
    }
    const topics = values.topic.map((text) => {
      const [, name, partitions = "1"] = /^([\w.-]+)(?::([1-9]\d*))?$/.exec(text) ?? [];
      if (name === undefined) {
        throw new TypeError(`Cannot create topic ${text}: --topic takes NAME or NAME:PARTITIONS`);
      }
      return { name, partitions: Number(partitions) };
    });
    return { nodes: Number(values.nodes), port, topics };
  } catch (error) {
    if (error instanceof TypeError) return `${error.message}\n\n${USAGE}`;
    throw error;
  }
}

function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => resolve());
    }
  });
}
