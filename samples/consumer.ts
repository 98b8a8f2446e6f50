/**
 * Reads a topic through kafka-proxy and prints its records, one a line, as JSON. It keeps its own
 * place in a file, which is the safest way to read: see `HELP`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { WebSocket } from "ws";

const HELP = `Usage: deno run -P=consumer samples/consumer.ts -t TOPIC -c GROUP [flags]

  -t, --topic TOPIC      topic to read
  -c, --consumer GROUP   consumer group; "" reads outside of any group and takes nobody's place
  -p, --partition N      partition (default 0)
  -o, --offset OFFSET    where to start instead of the place in the file: an offset, earliest,
                         latest, ts:TIME, or --offset=-N for the last N
  -x, --nooffset         rely on the offset the proxy commits for the group, and keep no file;
                         what it has sent then counts as read, also beyond -n
  -n, --num N            end after so many records (default: never)
  -u, --url URL          the proxy (default ws://127.0.0.1:9999/)
  -h, --help             this text

The offset of the record to read next is kept in ./offsets/TOPIC_offset.txt (TOPIC@N_offset.txt for
partition N), written when the records before it have been printed: after a crash at most one frame
is printed again and nothing is left out. Without a file it starts at the earliest record.

KAFKA_AUTH in the environment is sent as the Authorization header, such as "basic thisisapassword".
It comes back after a close code that allows it, and ends with 1 after one that does not.`;

/** What came of one connection. */
interface Ending {
  readonly text: string;
  /** Whether the same request may succeed later. */
  readonly comesBack: boolean;
  /** It was asked for by one of the two sides. */
  readonly isDone?: boolean;
  /** What the server asked us to wait at least, and at most a random part of. */
  readonly leastMs?: number;
  readonly spreadMs?: number;
}

/** Close codes not to come back after, of the table in docs/PROTOCOL.md; an unknown code is none. */
const FINAL_CODES = new Set([1003, 1007, 1008, 1009, 4400, 4401, 4403, 4404, 4409, 4416]);

/** HTTP statuses of a refused upgrade that may pass. */
const PASSING_STATUSES = new Set([408, 429, 500, 502, 503, 504]);

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** After a planned restart (1012) everybody comes back at once, but not in the same moment. */
const RESTART_SPREAD_MS = 5_000;

/** `npx` passes on a Ctrl-C that reached us too: what comes again so soon is the same. */
const SAME_SIGNAL_MS = 100;

/** A connection that answers no ping for so long has died without a word. */
const PING_MS = 30_000;

/** Where reading goes on: the next offset, in a file that is either the old or the new one. */
class OffsetFile {
  readonly path: string;

  constructor(topic: string, partition: number) {
    // "@" cannot be in a topic's name, so that no two topics share a file.
    const name = partition === 0 ? topic : `${topic}@${partition}`;
    this.path = `./offsets/${name}_offset.txt`;
  }

  read(): bigint | undefined {
    let text: string;
    try {
      text = Deno.readTextFileSync(this.path).trim();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    if (/^\d+$/.test(text)) return BigInt(text);
    throw new Error(`Cannot read ${this.path}: it holds ${JSON.stringify(text)}, wanted an offset`);
  }

  write(next: bigint): void {
    Deno.mkdirSync("./offsets", { recursive: true });
    const unfinished = `${this.path}.tmp`;
    using file = Deno.openSync(unfinished, { write: true, create: true, truncate: true });
    file.writeSync(new TextEncoder().encode(`${next}\n`));
    file.syncDataSync();
    Deno.renameSync(unfinished, this.path);
  }
}

/** Takes one frame after the other: prints its records, then remembers the place after them. */
class Records {
  readonly #file: OffsetFile | undefined;
  #left: number;
  /** The offset to ask for next; `undefined` until a record came, unless a file knew it. */
  next: bigint | undefined;

  constructor(file: OffsetFile | undefined, most: number) {
    this.#file = file;
    this.#left = most;
  }

  get isComplete(): boolean {
    return this.#left <= 0;
  }

  take(frame: string): void {
    const records = parseFrame(frame).slice(0, this.#left);
    const last = records.at(-1);
    if (last === undefined) return;
    print(records.map((record) => `${exactJson(record)}\n`).join(""));
    this.#left -= records.length;
    this.next = last.offset + 1n;
    this.#file?.write(this.next);
  }
}

interface Entry {
  readonly message: string | null;
  readonly offset: bigint;
}

// Offsets have 64 bits, more than a number holds. TypeScript does not know these two yet.
type ExactReviver = (key: string, value: unknown, context: { source: string }) => unknown;
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

function parseFrame(frame: string): Entry[] {
  const exact: ExactReviver = (key, value, { source }) => key === "offset" ? BigInt(source) : value;
  return JSON.parse(frame, exact as (key: string, value: unknown) => unknown);
}

function exactJson(record: Entry): string {
  return JSON.stringify(
    record,
    (_key, value) => typeof value === "bigint" ? rawJSON(`${value}`) : value,
  );
}

/** Waits for a slow reader of standard output, and so does the proxy: it is sent no more. */
function print(text: string): void {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0); // Piped into `head`, say.
    throw error;
  }
}

/** One connection, until it is over; never rejects. */
function readOnce(url: URL, records: Records, stopping: AbortSignal): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  const authorization = Deno.env.get("KAFKA_AUTH");
  const socket = new WebSocket(url, {
    headers: authorization === undefined ? {} : { authorization },
    handshakeTimeout: 10_000,
    perMessageDeflate: false,
  });
  let failure: string | undefined;
  let refusal: Promise<Ending> | undefined;
  let isAlive = true;
  let pings: ReturnType<typeof setInterval> | undefined;
  const leave = () => socket.close(1000);
  stopping.addEventListener("abort", leave);

  socket.on("open", () => {
    console.error("Connected");
    pings = setInterval(() => {
      if (!isAlive) socket.terminate();
      isAlive = false;
      socket.ping();
    }, PING_MS);
  });
  socket.on("pong", () => isAlive = true);
  socket.on("message", (data: Uint8Array) => {
    if (stopping.aborted || records.isComplete) return;
    isAlive = true;
    records.take(data.toString());
    if (records.isComplete) leave();
  });
  socket.on("unexpected-response", (_request: unknown, response: RefusedUpgrade) => {
    refusal = refused(response);
    void refusal.finally(() => socket.terminate());
  });
  socket.on("error", (error: Error) => failure = error.message);
  socket.on("close", (code: number, reason: Uint8Array) => {
    clearInterval(pings);
    stopping.removeEventListener("abort", leave);
    resolve(refusal ?? closed(code, failure ?? reason.toString()));
  });
  return promise;
}

function closed(code: number, reason: string): Ending {
  return {
    text: `Closed with ${code}${reason === "" ? "" : `: ${reason}`}`,
    comesBack: code !== 1000 && !FINAL_CODES.has(code),
    isDone: code === 1000,
    ...(code === 1012 ? { spreadMs: RESTART_SPREAD_MS } : {}),
  };
}

/** What `ws` gives of an answer that is no upgrade. */
interface RefusedUpgrade extends AsyncIterable<Uint8Array> {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

async function refused(response: RefusedUpgrade): Promise<Ending> {
  const { statusCode: status, headers } = response;
  let body = "";
  try {
    for await (const part of response) body += part.toString();
  } catch {
    // Cut off: the status alone decides.
  }
  const message = /"message":("(?:[^"\\]|\\.)*")/.exec(body)?.[1];
  return {
    text: `Refused with ${status}${message === undefined ? "" : `: ${JSON.parse(message)}`}`,
    comesBack: PASSING_STATUSES.has(status),
    leastMs: Number(headers["retry-after"] ?? 0) * 1_000 || 0,
  };
}

/** Longer each time and never the same for two clients, so that they do not all come back at once. */
function pauseMs(attempt: number, { leastMs = 0, spreadMs }: Ending): number {
  if (spreadMs !== undefined) return Math.random() * spreadMs;
  const limitMs = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
  return Math.max(leastMs, limitMs * (0.5 + Math.random() / 2));
}

function sleep(ms: number, stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stopping.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

interface Options {
  readonly url: URL;
  readonly topic: string;
  readonly group: string;
  readonly partition: number;
  readonly offset: string | undefined;
  readonly usesFile: boolean;
  readonly most: number;
}

/** The flags, or what is wrong with them. */
function readFlags(args: string[]): Options | string {
  let values;
  try {
    values = parseArgs({
      args,
      options: {
        topic: { type: "string", short: "t" },
        consumer: { type: "string", short: "c" },
        partition: { type: "string", short: "p", default: "0" },
        offset: { type: "string", short: "o" },
        nooffset: { type: "boolean", short: "x", default: false },
        num: { type: "string", short: "n" },
        url: { type: "string", short: "u", default: "ws://127.0.0.1:9999/" },
      },
    }).values;
  } catch (error) {
    return (error as Error).message;
  }
  const { topic, consumer: group, partition, offset, nooffset, num, url } = values;
  const address = /^wss?:\/\//.test(url) ? url : `ws://${url}`;
  if (topic === undefined || group === undefined) return "-t TOPIC and -c GROUP are needed";
  if (!/^\d+$/.test(partition)) return `-p is ${partition}: it must be a partition number`;
  if (num !== undefined && !/^[1-9]\d*$/.test(num)) return `-n is ${num}: it must be 1 or more`;
  if (nooffset && offset !== undefined) return "-o and -x contradict each other: leave one out";
  if (!URL.canParse(address)) {
    return `-u is ${url}: it must be an address like ws://127.0.0.1:9999/`;
  }
  return {
    url: new URL(address),
    topic,
    group,
    partition: Number(partition),
    offset,
    usesFile: !nooffset,
    most: num === undefined ? Infinity : Number(num),
  };
}

/** The URL for the next connection. */
function requestUrl({ url, topic, group, partition }: Options, offset: string | undefined): URL {
  const request = new URL(url);
  request.searchParams.set("topic", topic);
  request.searchParams.set("consumerGroup", group);
  if (partition !== 0) request.searchParams.set("partition", `${partition}`);
  if (offset !== undefined) request.searchParams.set("offset", offset);
  return request;
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
  const { topic, partition, usesFile, offset, most } = options;
  const file = usesFile ? new OffsetFile(topic, partition) : undefined;
  const records = new Records(file, most);
  if (offset === undefined) records.next = file?.read();

  const stopping = new AbortController();
  let stoppedMs = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      if (!stopping.signal.aborted) {
        stoppedMs = performance.now();
        stopping.abort();
      } else if (performance.now() - stoppedMs > SAME_SIGNAL_MS) {
        Deno.exit(1);
      }
    });
  }

  const first = usesFile ? offset ?? "earliest" : undefined;
  for (let attempt = 0;; attempt++) {
    // Relying on the proxy, its group knows the place better than we do.
    const before = records.next;
    const start = usesFile ? before?.toString() ?? first : undefined;
    const url = requestUrl(options, start);
    console.error(`Connecting to ${url}`);
    const ending = await readOnce(url, records, stopping.signal);
    if (stopping.signal.aborted || records.isComplete || ending.isDone) return 0;
    console.error(ending.comesBack ? ending.text : `${ending.text}. This is final.`);
    if (!ending.comesBack) return 1;
    if (records.next !== before) attempt = 0;
    await sleep(pauseMs(attempt, ending), stopping.signal);
    if (stopping.signal.aborted) return 0;
  }
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
