import type { ProduceRecord } from "../client/produce_records.ts";
import { KafkaProxyClient } from "../client/kafka_proxy_client.ts";
import { clientSocket } from "../socket/client_socket.ts";
import type { Command } from "./command.ts";
import { connected } from "./connected.ts";
import { type Flag, flagsText, type Given, readFlags } from "./flags.ts";
import { indexOf, pieces } from "./lines.ts";
import { ProgressLine } from "./progress_line.ts";
import { PROXY_FLAGS, proxyAddress } from "./proxy_address.ts";
import { delimiter } from "./record_format.ts";
import { EXIT, misused, type Shell } from "./shell.ts";

const FLAGS: readonly Flag[] = [
  { name: "--topic", short: "t", value: "TOPIC", doc: "Topic" },
  { name: "--partition", short: "p", value: "N", doc: "Partition; by key as other clients do" },
  { name: "--key", short: "k", value: "KEY", doc: "Key of every record" },
  {
    name: "--key-delimiter",
    short: "K",
    value: "TEXT",
    doc: "Keys come before the values, and this between",
  },
  { name: "--delimiter", short: "D", value: "TEXT", doc: "Between records; \\n" },
  { name: "--header", short: "H", value: "NAME=VALUE", many: true, doc: "Header of every record" },
  { name: "--null", short: "Z", doc: "An empty value is null, an empty key too" },
  { name: "--json", short: "J", doc: "A JSON object a line, as consume -J writes" },
  { name: "--count", short: "c", value: "N", doc: "Ends after so many records" },
  { name: "--quiet", short: "q", doc: "No line about progress" },
  ...PROXY_FLAGS,
];

/** `kafka-proxy produce`: writes records through a running proxy. */
export const PRODUCE: Command = {
  name: "produce",
  summary: "Writes the lines of standard input to a topic through a running proxy",
  usage: `Usage: kafka-proxy produce -t TOPIC [flags] [FILE]...

  echo hello | kafka-proxy produce -t orders
  kafka-proxy produce -t orders -K : < keyed.txt
  kafka-proxy consume -t orders -o beginning -e -J | kafka-proxy produce -t copy -J

Each FILE is one record. Without any, every line of standard input is.

${flagsText(FLAGS)}
Ends with 0 when Kafka has everything, on all replicas in sync. Otherwise with 1, and says how many are
not there, and of how many nobody can tell.
`,
  async run(shell) {
    const given = readFlags(FLAGS, shell.args);
    if (typeof given === "string") return misused(shell, [given], "produce --help");
    const address = await proxyAddress(given, shell);
    const problem = given.has("topic") ? problemOf(given) : "-t TOPIC is missing";
    if (typeof address === "string" || problem !== undefined) {
      const problems = [problem, address].filter((one) => typeof one === "string");
      return misused(shell, problems, "produce --help");
    }
    const client = new KafkaProxyClient(address.wsUrl, clientSocket(address.headers));
    try {
      await connected(client, address.wsUrl);
      return await produce(shell, client, given);
    } catch (error) {
      shell.complain((error as Error).message);
      return EXIT.failed;
    } finally {
      await client.close();
    }
  },
};

function problemOf(given: Given): string | undefined {
  const partition = given.text("partition");
  if (partition !== undefined && !/^\d+$/.test(partition)) return `-p ${partition} is no partition`;
  const count = given.text("count");
  if (count !== undefined && !/^[1-9]\d*$/.test(count)) {
    return `-c ${count} is no number of records`;
  }
  const header = given.texts("header").find((one) => !one.includes("="));
  return header === undefined ? undefined : `-H ${header} is not NAME=VALUE`;
}

/** Records of one request. */
const BATCH_RECORDS = 500;

/** Requests that are not answered. */
const MOST_OPEN = 4;

async function produce(shell: Shell, client: KafkaProxyClient, given: Given): Promise<number> {
  const topic = given.text("topic")!;
  const most = Number(given.text("count") ?? Infinity);
  const progress = new ProgressLine(shell, "written");
  if (!given.has("quiet") && !shell.stdin.isTerminal) progress.start();
  const open = new Set<Promise<void>>();
  const lost = { failed: 0, unknown: 0, message: "" };
  let written = 0;
  let taken = 0;
  const send = async (records: readonly ProduceRecord[]) => {
    try {
      await client.produce(topic, records);
      written += records.length;
      progress.add(records.length, records.reduce((sum, one) => sum + sizeOf(one), 0), "");
    } catch (error) {
      count(lost, error, records.length);
    }
  };
  try {
    for await (const records of batches(shell, given)) {
      const some = records.slice(0, most - taken);
      taken += some.length;
      const sending: Promise<void> = send(some).finally(() => open.delete(sending));
      open.add(sending);
      if (open.size >= MOST_OPEN) await Promise.race(open);
      if (lost.message !== "" || taken >= most) break;
    }
    await Promise.all(open);
  } finally {
    await progress.end();
  }
  if (lost.message === "") return EXIT.done;
  shell.complain(
    `${written} written, ${lost.failed} not, of ${lost.unknown} nobody can tell: ${lost.message}`,
  );
  return EXIT.failed;
}

function count(
  lost: { failed: number; unknown: number; message: string },
  error: unknown,
  records: number,
): void {
  const { results, message } = error as {
    results?: readonly { outcome?: "failed" | "unknown" }[];
    message: string;
  };
  lost.message ||= message;
  if (results === undefined) lost.failed += records;
  for (const { outcome } of results ?? []) if (outcome !== undefined) lost[outcome]++;
}

async function* batches(shell: Shell, given: Given): AsyncIterableIterator<ProduceRecord[]> {
  const read = given.has("json") ? jsonRecord : recordReader(given);
  if (given.rest.length > 0) {
    for (const path of given.rest) yield [read(await shell.readBytes(path))];
    return;
  }
  const end = delimiter(given.text("delimiter") ?? "\\n");
  for await (const lines of pieces(shell.stdin.chunks(), end)) {
    for (let at = 0; at < lines.length; at += BATCH_RECORDS) {
      yield lines.slice(at, at + BATCH_RECORDS).map((line) => read(line));
    }
  }
}

function recordReader(given: Given): (line: Uint8Array) => ProduceRecord {
  const partition = given.text("partition");
  const fixedKey = given.text("key") ?? null;
  const keyEnd = given.text("key-delimiter");
  const between = keyEnd === undefined ? undefined : delimiter(keyEnd);
  const headers = given.texts("header").map((text): [string, string] => {
    const at = text.indexOf("=");
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const orNull = (bytes: Uint8Array) => given.has("null") && bytes.length === 0 ? null : bytes;
  const fixed = {
    ...(headers.length === 0 ? {} : { headers }),
    ...(partition === undefined ? {} : { partition: Number(partition) }),
  };
  return (line) => {
    const at = between === undefined ? -1 : indexOf(line, between);
    if (at < 0) return { ...fixed, key: fixedKey, value: orNull(line) };
    const key = orNull(line.subarray(0, at));
    return { ...fixed, key, value: orNull(line.subarray(at + between!.length)) };
  };
}

/** A line of `consume -J`; its topic, partition and offset are those of another place. */
function jsonRecord(line: Uint8Array): ProduceRecord {
  const text = new TextDecoder().decode(line);
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text);
  } catch {
    throw new Error(`Cannot read ${text.slice(0, 60)}: it is no JSON object`);
  }
  const { key = null, payload = null, headers = [], ts } = fields;
  const isContent = (one: unknown) => one === null || typeof one === "string";
  if (!isContent(key) || !isContent(payload) || !Array.isArray(headers)) {
    throw new Error(`Cannot read ${text.slice(0, 60)}: wanted "key", "payload" and "headers"`);
  }
  const pairs = headers.flatMap((name, i): [string, string | null][] =>
    i % 2 === 0 ? [[String(name), headers[i + 1] ?? null]] : []
  );
  return {
    key: key as string | null,
    value: payload as string | null,
    ...(pairs.length === 0 ? {} : { headers: pairs }),
    ...(typeof ts === "number" ? { timestamp: ts } : {}),
  };
}

function sizeOf({ key, value }: ProduceRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0);
}
