/**
 * Loaded into a process before everything else (`--preload`): counts the timers that are pending, and
 * tells their number to whoever asks by HTTP on the port that it names on standard error.
 *
 * What is not counted: `AbortSignal.timeout`, and the timers inside the runtime.
 *
 * @module
 */
import { TimerCount } from "./timer_count.ts";

const count = new TimerCount(globalThis);
const server = Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.error(`timers are counted on port ${port}`),
}, () => new Response(`${count.pending}`));
// The main module is loaded when nothing of this one is waited for.
server.unref();
