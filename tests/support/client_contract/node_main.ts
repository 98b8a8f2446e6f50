/**
 * Runs one scenario in Node: name and input are arguments, orders to the test are lines on standard
 * output, each answered by a line on standard input, and the last line is what it found.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import type { SocketConstructor } from "../../../src/client/mod.ts";
import { SCENARIOS } from "./scenarios.ts";

const [name, input] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const write = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);
const output = await SCENARIOS[name](JSON.parse(input), async (order) => {
  write({ order });
  await lines.next();
}, WebSocket as unknown as SocketConstructor);
// What a pipe has no room for yet would be lost with the process.
process.stdout.write(`${JSON.stringify({ output })}\n`, () => process.exit(0));
