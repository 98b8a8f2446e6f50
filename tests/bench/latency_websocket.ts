/**
 * Program: a v1 client that measures how old stamped records are when they come.
 *
 * Usage: `latency_websocket.ts URL WARM RECORDS`. Prints `open`, then the result as JSON when it has
 * seen RECORDS; those before WARM are left out.
 *
 * @module
 */
import { LatencyCounter, nowMicros } from "./latency_counter.ts";

const [url, warm, records] = Deno.args;
const counter = new LatencyCounter(Number(warm));
const socket = new WebSocket(url);
socket.onopen = () => console.log("open");
socket.onmessage = ({ data }: MessageEvent<string>) => {
  const atMicros = nowMicros();
  for (const { message } of JSON.parse(data) as { message: string }[]) {
    counter.take(message, atMicros);
  }
  if (counter.seen < Number(records)) return;
  console.log(JSON.stringify(counter.result));
  Deno.exit(0);
};
socket.onclose = ({ code, reason }) => {
  console.error(`Closed with ${code} ${reason} after ${counter.seen} records`);
  Deno.exit(1);
};
