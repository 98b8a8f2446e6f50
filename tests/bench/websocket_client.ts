/**
 * Program: one v1 client that drains a WebSocket, in a process of its own.
 *
 * Usage: `websocket_client.ts URL RECORDS [FRAMES_FILE]`. The clock runs from the constructor of
 * the socket to the last record. Meanwhile frames are only kept; afterwards every offset and value
 * is checked, and frames go to the file if one is named. Prints {@linkcode ClientResult} as JSON,
 * and ends with code 1 when a record is missing, repeated, out of order or altered.
 *
 * @module
 */
import process from "node:process";
import { writeFrames } from "./frame_file.ts";
import { checkOrder } from "./order_check.ts";

/** What the client saw. */
export interface ClientResult {
  readonly seconds: number;
  /** From the constructor to the first frame. */
  readonly firstFrameSeconds: number;
  readonly frames: number;
  readonly frameBytes: number;
  /** User and system time between the same two moments as `seconds`. */
  readonly cpuSeconds: number;
}

if (import.meta.main) {
  const [url, records, framesFile] = Deno.args;
  try {
    const { frames, result } = await drain(url, Number(records));
    checkOrder(frames, Number(records));
    if (framesFile !== undefined) await writeFrames(framesFile, frames);
    console.log(JSON.stringify(result));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}

function drain(url: string, records: number): Promise<{ frames: string[]; result: ClientResult }> {
  const { promise, resolve, reject } = Promise.withResolvers<
    { frames: string[]; result: ClientResult }
  >();
  const end = `"offset":${records - 1}}]`;
  const frames: string[] = [];
  let firstMs = 0;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }: MessageEvent<string>) => {
    if (frames.push(data) === 1) firstMs = performance.now();
    if (!data.endsWith(end)) return;
    const seconds = (performance.now() - startMs) / 1e3;
    const { user, system } = process.cpuUsage(cpu);
    socket.close();
    const result = {
      seconds,
      firstFrameSeconds: (firstMs - startMs) / 1e3,
      frames: frames.length,
      frameBytes: frames.reduce((sum, frame) => sum + frame.length, 0),
      cpuSeconds: (user + system) / 1e6,
    };
    resolve({ frames, result });
  };
  socket.onclose = ({ code, reason }) =>
    reject(new Error(`Closed with ${code} ${reason} after ${frames.length} frames`));
  return promise;
}
