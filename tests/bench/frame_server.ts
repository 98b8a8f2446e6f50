/**
 * Program: the least a WebSocket server in this runtime can do, as a control: frames that are in
 * memory before the clock starts go to every client, under the proxy's water marks.
 *
 * Usage: `frame_server.ts FRAMES_FILE [SOCKETS]`. Prints its port when it is ready, and sends when
 * so many are open, if a number is named.
 *
 * @module
 */
import { readFrames } from "./frame_file.ts";

const HIGH_WATER_BYTES = 1 << 20;
const LOW_WATER_BYTES = HIGH_WATER_BYTES / 4;
const IMMEDIATE_TURNS = 8;
const MOST_PAUSE_MS = 25;

const frames = await readFrames(Deno.args[0]);
const wanted = Number(Deno.args[1] ?? 1);
const complete = Promise.withResolvers<void>();
let open = 0;
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(port),
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onopen = () => {
    if (++open >= wanted) complete.resolve();
    void send(socket);
  };
  return response;
});

async function send(socket: WebSocket): Promise<void> {
  await complete.promise;
  for (const frame of frames) {
    if (socket.bufferedAmount >= HIGH_WATER_BYTES) await drained(socket);
    socket.send(frame);
    if (wanted > 1) await new Promise<void>((turn) => setImmediate(turn));
  }
}

async function drained(socket: WebSocket): Promise<void> {
  for (let turn = 0; socket.bufferedAmount > LOW_WATER_BYTES; turn++) {
    const pauseMs = Math.min(2 ** (turn - IMMEDIATE_TURNS), MOST_PAUSE_MS);
    await new Promise<void>((resolve) => {
      if (turn < IMMEDIATE_TURNS) setImmediate(resolve);
      else setTimeout(resolve, pauseMs);
    });
  }
}
