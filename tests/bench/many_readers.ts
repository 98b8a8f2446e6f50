/**
 * Program: many clients on bare TCP connections, which count what comes without reading all of
 * it, so that one process keeps up with a server that sends at full speed.
 *
 * Usage: `many_readers.ts OPTIONS`, with {@linkcode ManyReadersOptions} as JSON. Prints one line of
 * JSON when all are open and one each time the goal is reached. Lines on standard input are
 * {@linkcode ReadersCommand}. Ends with code 1 when a record is missing or repeated, or when a
 * connection ends.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { FrameCounter } from "./frame_counter.ts";
import { v1Shape, v2Shape } from "./frame_shape.ts";

/** What the readers are to do. */
export interface ManyReadersOptions {
  readonly url: string;
  readonly sockets: number;
  /** The first offset they get. */
  readonly from: number;
  readonly valueBytes: number;
  /** Most bytes read at a time. */
  readonly readBytes: number;
  /** Connections opened at a time. */
  readonly parallel: number;
  /** Speaks v2 and subscribes to this topic; v1 without. */
  readonly v2Topic?: string;
}

/** `until`: all have every record before that offset. `stop`, `go`: nobody reads meanwhile. */
export type ReadersCommand =
  | { readonly until: number }
  | { readonly reading: boolean }
  | { readonly look: true };

/** What is printed. */
export interface ReadersReport {
  readonly event: "open" | "reached" | "look";
  /** Ms since 1970. */
  readonly atMs: number;
  /** When the first byte of records came, since the last goal. */
  readonly firstMs: number | undefined;
  readonly deliveries: number;
  readonly frames: number;
  readonly bytes: number;
  /** The least and the most that a reader has. */
  readonly leastNext: number;
  readonly mostNext: number;
  readonly cpuSeconds: number;
}

let goal = Infinity;
let missing = 0;
let firstMs: number | undefined;
let reading = Promise.withResolvers<void>();
reading.resolve();
const counters: FrameCounter[] = [];

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}

function report(event: ReadersReport["event"]): void {
  const { user, system } = process.cpuUsage();
  const line: ReadersReport = {
    event,
    atMs: performance.timeOrigin + performance.now(),
    firstMs,
    deliveries: counters.reduce((sum, { records }) => sum + records, 0),
    frames: counters.reduce((sum, { frames }) => sum + frames, 0),
    bytes: counters.reduce((sum, { bytes }) => sum + bytes, 0),
    leastNext: counters.reduce((least, { next }) => Math.min(least, next), Infinity),
    mostNext: counters.reduce((most, { next }) => Math.max(most, next), 0),
    cpuSeconds: (user + system) / 1e6,
  };
  console.log(JSON.stringify(line));
}

async function read(connection: Deno.TcpConn, counter: FrameCounter, bytes: number) {
  const chunk = Buffer.allocUnsafeSlow(bytes);
  for (;;) {
    await reading.promise;
    const count = await connection.read(chunk);
    if (count === null) throw new Error(`The server ended a connection: ${counter.closeCode}`);
    firstMs ??= performance.timeOrigin + performance.now();
    const before = counter.next;
    counter.take(chunk.subarray(0, count));
    if (before < goal && counter.next >= goal && --missing === 0) report("reached");
  }
}

/** Sends a subscribe frame; the mask is 0, which leaves the payload as it is. */
async function subscribe(connection: Deno.TcpConn, topic: string, from: number): Promise<void> {
  const payload = Buffer.from(
    JSON.stringify({ type: "subscribe", topics: [topic], from: `${from}`, fields: [] }),
  );
  const head = Buffer.from([
    0x81,
    0x80 | 126,
    payload.length >> 8,
    payload.length & 255,
    0,
    0,
    0,
    0,
  ]);
  const frame = Buffer.concat([head, payload]);
  for (let at = 0; at < frame.length;) at += await connection.write(frame.subarray(at));
}

function obey(command: ReadersCommand): void {
  if ("look" in command) return report("look");
  if ("reading" in command) {
    if (command.reading) reading.resolve();
    else reading = Promise.withResolvers();
    return;
  }
  goal = command.until;
  missing = counters.filter(({ next }) => next < goal).length;
  if (missing === 0) report("reached");
  firstMs = undefined;
}

if (import.meta.main) {
  const options: ManyReadersOptions = JSON.parse(Deno.args[0]);
  const open = async () => {
    const { v2Topic: topic, from, valueBytes } = options;
    const headers = topic === undefined ? {} : { "sec-websocket-protocol": "kafka-proxy.v2" };
    const request = { timeoutMs: 60_000, headers };
    const { connection, status, body } = await httpUpgrade(options.url, request);
    if (status !== 101) throw new Error(`Not upgraded: ${status} ${body}`);
    if (topic !== undefined) await subscribe(connection, topic, from);
    const shape = topic === undefined ? v1Shape(valueBytes) : v2Shape(topic, valueBytes);
    const counter = new FrameCounter(from, shape);
    counters.push(counter);
    read(connection, counter, options.readBytes).catch(fail);
  };
  try {
    let left = options.sockets;
    const work = async () => {
      while (left-- > 0) await open();
    };
    await Promise.all(Array.from({ length: options.parallel }, work));
    report("open");
    let rest = "";
    for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) obey(JSON.parse(line));
    }
    Deno.exit(0);
  } catch (error) {
    fail(error);
  }
}
