/**
 * Program: a {@linkcode TcpRelay} in a process of its own, so that whoever counts its bytes has none
 * of its work.
 *
 * Usage: `relay_program.ts URL`. Prints the port it listens on, then the bytes moved so far for each
 * line on standard input.
 *
 * @module
 */
import { TcpRelay } from "./tcp_relay.ts";

await using relay = new TcpRelay(Deno.args[0]);
console.log(new URL(relay.through("http://127.0.0.1:1")).port);
for await (const _ask of Deno.stdin.readable) console.log(relay.movedBytes);
