/**
 * One socket both ways: every line of standard input becomes a record of a topic, and every record
 * of the topic becomes a line of standard output. See `HELP`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { V2Socket } from "./v2_socket.ts";

const HELP = `Usage: deno run -P=duplex samples/duplex.ts -t TOPIC [flags]

  -t, --topic TOPIC   topic to write to and to read from
  -u, --url URL       the proxy (default ws://127.0.0.1:9999/)
  -h, --help          this text

Lines of standard input are written; what anybody writes, this program too, is printed as
PARTITION:OFFSET VALUE. It ends when standard input has ended and its last record has come back.`;

/** Frames that may wait for their answer: less than the opening balance of 64 records. */
const MOST_WAITING = 16;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      topic: { type: "string", short: "t" },
      url: { type: "string", short: "u", default: "ws://127.0.0.1:9999/" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help || values.topic === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  const { topic, url } = values;
  /** The next offset that has not come back, by partition. */
  const next = new Map<number, bigint>();
  const looks = new Set<() => void>();
  const socket = await V2Socket.open(url, (frame) => {
    if (frame.type !== "records") return;
    for (const { offset, value } of frame.records) {
      console.log(`${frame.partition}:${offset} ${value}`);
    }
    next.set(frame.partition, BigInt(frame.next));
    for (const look of looks) look();
  });
  await socket.ask({ type: "subscribe", topics: [topic], from: "latest" });

  const waiting = new Set<Promise<void>>();
  const written = new Map<number, bigint>();
  for await (const line of lines(Deno.stdin.readable)) {
    const answer = socket.produce(topic, [{ value: line }])
      .then(([{ partition, offset }]) => void written.set(partition, BigInt(offset!)))
      .finally(() => waiting.delete(answer));
    waiting.add(answer);
    if (waiting.size >= MOST_WAITING) await Promise.race(waiting);
  }
  await Promise.all(waiting);
  const isBack = () => [...written].every(([partition, offset]) => next.get(partition)! > offset);
  await new Promise<void>((resolve) => {
    const look = () => isBack() && resolve();
    looks.add(look);
    look();
  });
  socket.close();
  return 0;
}

async function* lines(input: ReadableStream<Uint8Array>): AsyncIterable<string> {
  let rest = "";
  for await (const text of input.pipeThrough(new TextDecoderStream())) {
    const found = (rest + text).split("\n");
    rest = found.pop()!;
    yield* found;
  }
  if (rest !== "") yield rest;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
