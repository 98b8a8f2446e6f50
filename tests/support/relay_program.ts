/**
 * Program: a {@linkcode TcpRelay} in a process of its own, so that whoever counts its bytes has none
 * of its work.
 *
 * Usage: `relay_program.ts URL`. Prints the port it listens on and, after a blank, the port where it
 * answers HTTP with the bytes moved so far.
 *
 * @module
 */
import { TcpRelay } from "./tcp_relay.ts";

const relay = new TcpRelay(Deno.args[0]);
const { port } = new URL(relay.through("http://127.0.0.1:1"));
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: (addr) => console.log(`${port} ${addr.port}`),
}, () => new Response(`${relay.movedBytes}`, { headers: { connection: "close" } }));
