/**
 * A worker of a queue: takes records of a topic together with other workers, does its work, and
 * acknowledges. What a worker had not acknowledged when it died, another one gets. See `HELP`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type RecordsFrame, V2Socket } from "./v2_socket.ts";

const HELP = `Usage: deno run -P=duplex samples/work_queue.ts -t TOPIC [flags]

  -t, --topic TOPIC   topic whose records are the work
  -g, --group GROUP   the workers (default workers)
  -m, --ms MS         how long a piece of work takes (default 10)
  -n, --num N         end after so many records (default: never)
  -u, --url URL       the proxy (default ws://127.0.0.1:9999/)
  -h, --help          this text

Start as many as you like: Kafka shares the partitions between them. Nothing is lost; done twice is
only what was not answered "committed", or was under way when its partition moved. It comes back
after a close code that allows it.`;

/** Close codes not to come back after, of the table in docs/PROTOCOL.md. */
const FINAL_CODES = new Set([1003, 1007, 1008, 1009, 4400, 4401, 4403, 4404, 4409, 4416]);

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

interface Work {
  readonly topic: string;
  readonly group: string;
  readonly ms: number;
  readonly most: number;
}

/** Works on one connection; returns how many records it has done, and whether that is all. */
async function work(url: string, { topic, group, ms, most }: Work): Promise<[number, boolean]> {
  let done = 0;
  const queue: RecordsFrame[] = [];
  let wake = () => {};
  const socket = await V2Socket.open(url, (frame) => {
    if (frame.type === "records") queue.push(frame);
    if (frame.type === "ended") console.error(`ended: ${frame.code} ${frame.message}`);
    wake();
  });
  let end: CloseEvent | undefined;
  void socket.closed.then((event) => {
    end = event;
    wake();
  });
  // At most so many records lie here unacknowledged; the server sends more as they are done.
  await socket.ask({ type: "subscribe", topics: [topic], group, ack: "client", maxUnacked: 100 });
  while (end === undefined) {
    const frame = queue.shift();
    if (frame === undefined) {
      await new Promise<void>((resolve) => wake = resolve);
      continue;
    }
    const { subscription, partition } = frame;
    for (const { offset, value } of frame.records) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      console.log(`done ${partition}:${offset} ${value}`);
      socket.send({ type: "ack", subscription, topic, partition, offset });
      if (++done < most) continue;
      // Commits, and gives the partitions back.
      await socket.ask({ type: "unsubscribe", subscription });
      socket.close();
      return [done, true];
    }
  }
  console.error(`closed with ${end.code} ${end.reason}`);
  return [done, FINAL_CODES.has(end.code)];
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      topic: { type: "string", short: "t" },
      group: { type: "string", short: "g", default: "workers" },
      ms: { type: "string", short: "m", default: "10" },
      num: { type: "string", short: "n", default: "Infinity" },
      url: { type: "string", short: "u", default: "ws://127.0.0.1:9999/" },
      help: { type: "boolean", short: "h" },
    },
  });
  const { topic, group, url } = values;
  if (values.help || topic === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  const ms = Number(values.ms);
  let left = Number(values.num);
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      const [done, isOver] = await work(url, { topic, group, ms, most: left });
      left -= done;
      if (isOver) return left > 0 && Number.isFinite(left) ? 1 : 0;
      if (done > 0) pauseMs = FIRST_PAUSE_MS;
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random())));
  }
}

if (import.meta.main) Deno.exit(await main());
