import type { Gap, SubscribeFrom, SubscribeOptions } from "../client/subscribe_options.ts";
import type { ConsumedRecord } from "../client/consumed_record.ts";
import { KafkaProxyClient } from "../client/kafka_proxy_client.ts";
import { quoted } from "../core/quoted.ts";
import { clientSocket } from "../socket/client_socket.ts";
import type { Command } from "./command.ts";
import { connected } from "./connected.ts";
import { type Flag, flagsText, type Given, readFlags } from "./flags.ts";
import { ProgressLine } from "./progress_line.ts";
import { PROXY_FLAGS, proxyAddress } from "./proxy_address.ts";
import { delimiter, joined, jsonLine, parseFormat, type RecordFormat } from "./record_format.ts";
import { EXIT, misused, type Shell } from "./shell.ts";

const FLAGS: readonly Flag[] = [
  { name: "--topic", short: "t", value: "TOPIC", many: true, doc: "Topic; may be repeated" },
  {
    name: "--group",
    short: "G",
    value: "GROUP",
    doc: "Consumer group; what was written is committed",
  },
  { name: "--partition", short: "p", value: "N", many: true, doc: "Partition; all" },
  {
    name: "--offset",
    short: "o",
    value: "WHERE",
    doc: "beginning, end, stored, N, -N (the last N), s@MS; in a group stored, else end",
  },
  { name: "--exit", short: "e", doc: "Ends when everything is read that was there at the start" },
  { name: "--count", short: "c", value: "N", doc: "Ends after so many records" },
  { name: "--json", short: "J", doc: "A JSON object a line, as kcat has it" },
  { name: "--format", short: "f", value: "FORMAT", doc: "%s value, %k key, %o offset and so on" },
  { name: "--delimiter", short: "D", value: "TEXT", doc: "Behind each record; \\n" },
  { name: "--key-delimiter", short: "K", value: "TEXT", doc: "Writes keys, and this behind them" },
  { name: "--null", short: "Z", doc: "Writes NULL for null keys and values" },
  { name: "--quiet", short: "q", doc: "No line about progress" },
  ...PROXY_FLAGS,
];

const KCAT_PLACES: Readonly<Record<string, SubscribeFrom>> = {
  beginning: "earliest",
  earliest: "earliest",
  end: "latest",
  latest: "latest",
  stored: "committed",
  committed: "committed",
};

/** `kafka-proxy consume`: reads topics through a running proxy. */
export const CONSUME: Command = {
  name: "consume",
  summary: "Reads topics through a running proxy to standard output",
  usage: `Usage: kafka-proxy consume -t TOPIC [flags]

  kafka-proxy consume -t orders -o beginning -e
  kafka-proxy consume -t orders -G billing -J | jq .payload
  kafka-proxy consume -t orders -o -10 -f '%p %o %T %k: %s\\n'

${flagsText(FLAGS)}
Formats: %s value, %S its length (-1 for null), %R the same as 4 bytes, %k key, %K its length, %T time
in ms, %h headers, %t topic, %p partition, %o offset, %%; \\n \\r \\t \\xHH.

In a group a record is acknowledged when standard output has taken it, and -e takes -p. Ctrl-C ends
with 0, as does the other end of a pipe that closes.
`,
  async run(shell) {
    const given = readFlags(FLAGS, shell.args);
    if (typeof given === "string") return misused(shell, [given], "consume --help");
    const wanted = readWanted(given);
    const address = await proxyAddress(given, shell);
    const problems = [wanted, address].filter((one) => typeof one === "string");
    if (typeof wanted === "string" || typeof address === "string") {
      return misused(shell, problems, "consume --help");
    }
    const client = new KafkaProxyClient(address.wsUrl, clientSocket(address.headers));
    try {
      await connected(client, address.wsUrl);
      return await consume(shell, client, wanted, given.has("quiet"));
    } catch (error) {
      shell.complain((error as Error).message);
      return EXIT.failed;
    } finally {
      await client.close();
    }
  },
};

interface Wanted {
  readonly options: SubscribeOptions<Uint8Array, Uint8Array>;
  readonly format: RecordFormat;
  readonly count: number;
}

function readWanted(given: Given): Wanted | string {
  const topics = [...given.texts("topic"), ...given.rest];
  if (topics.length === 0) return "-t TOPIC is missing";
  const partitions = given.texts("partition").map(Number);
  if (partitions.some((one) => !(Number.isInteger(one) && one >= 0))) return "-p is no partition";
  const place = given.text("offset");
  const from = place === undefined ? undefined : readPlace(place);
  if (place !== undefined && from === undefined) {
    return `-o ${quoted(place)} is none of beginning, end, stored, N, -N, s@MS`;
  }
  const count = given.has("count") ? Number(given.text("count")) : Infinity;
  if (!(count > 0)) return `-c ${given.text("count")} is no number of records`;
  const format = readFormat(given);
  if (typeof format === "string") return format;
  const group = given.text("group");
  if (group !== undefined && given.has("exit") && partitions.length === 0) {
    return "-e in a group takes -p: what is left of partitions that move nobody can tell";
  }
  return {
    count,
    format,
    options: {
      topics,
      ...(group === undefined ? {} : { group }),
      ...(partitions.length === 0 ? {} : { partitions }),
      ...(from === undefined ? {} : { from }),
      ...(given.has("exit") ? { until: "end" as const } : {}),
      credit: Math.min(10_000, count),
      decode: (bytes) => bytes,
      decodeKey: (bytes) => bytes,
    },
  };
}

/** A place as kcat's `-o` has it; undefined when it is none. */
function readPlace(text: string): SubscribeFrom | undefined {
  const named = KCAT_PLACES[text];
  if (named !== undefined) return named;
  if (/^\d+$/.test(text)) return BigInt(text);
  if (/^-[1-9]\d*$/.test(text)) return text as `-${number}`;
  const [, time] = /^(?:s@|ts:)(.+)$/.exec(text) ?? [];
  return time === undefined ? undefined : `ts:${time}`;
}

function readFormat(given: Given): RecordFormat | string {
  if (given.has("json")) return jsonLine;
  const text = given.text("format");
  if (text !== undefined) {
    try {
      return parseFormat(text);
    } catch (error) {
      return `-f: ${(error as Error).message}`;
    }
  }
  const end = delimiter(given.text("delimiter") ?? "\\n");
  const keyEnd = given.text("key-delimiter");
  const nothing = new TextEncoder().encode(given.has("null") ? "NULL" : "");
  if (keyEnd === undefined) return ({ value }) => joined([value ?? nothing, end]);
  const between = delimiter(keyEnd);
  return ({ key, value }) => joined([key ?? nothing, between, value ?? nothing, end]);
}

/** What waits to be written at once, in bytes. */
const WRITE_BYTES = 64 << 10;

async function consume(
  shell: Shell,
  client: KafkaProxyClient,
  { options, format, count }: Wanted,
  isQuiet: boolean,
): Promise<number> {
  const gaps: Gap[] = [];
  const subscription = client.subscribe({ ...options, onGap: (gap) => void gaps.push(gap) });
  shell.onSignal("SIGINT", () => void subscription.close());
  shell.onSignal("SIGTERM", () => void subscription.close());
  const progress = new ProgressLine(shell, "read");
  if (!isQuiet && !shell.stdout.isTerminal) progress.start();
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let last: ConsumedRecord<Uint8Array, Uint8Array>[] = [];
  let read = 0;
  const flush = async () => {
    if (waiting.length === 0) return true;
    const isTaken = await shell.stdout.write(joined(waiting));
    if (isTaken) { for (const record of last) record.ack(); }
    waiting = [];
    waitingBytes = 0;
    last = [];
    return isTaken;
  };
  try {
    for await (const record of subscription) {
      for (const gap of gaps.splice(0)) {
        const { topic, partition, from, to, reason } = gap;
        shell.complain(`${topic} ${partition}: ${from} to ${to} did not come (${reason})`);
      }
      const bytes = format(record);
      waiting.push(bytes);
      waitingBytes += bytes.length;
      last.push(record);
      read++;
      progress.add(1, bytes.length, `${record.topic} ${record.partition} at ${record.offset}`);
      const isFull = waitingBytes >= WRITE_BYTES || subscription.heldRecords === 0;
      if ((isFull || read >= count) && !await flush()) break;
      if (read >= count) break;
    }
    if (await flush() && options.group !== undefined) await subscription.flush().catch(() => {});
  } finally {
    // Closed first: a terminal that is gone fails the line, and must not keep the socket open.
    await subscription.close();
    await progress.end();
  }
  return EXIT.done;
}
