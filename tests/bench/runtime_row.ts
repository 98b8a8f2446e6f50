import type { DrainTopic } from "./drain_topic.ts";
import { runProgram, ServerProgram } from "./program.ts";
import { type Row, withCpu } from "./row.ts";
import type { ClientResult } from "./websocket_client.ts";

/** The control: what the runtime does with the proxy's frames, without the proxy. */
export function runtimeRow(topic: DrainTopic, framesFile: string): Row {
  return {
    name: "runtime",
    settings: {
      environment: "DENO_USE_WRITEV=1, as deno task start",
      "water marks": "the proxy's: 1048576 and 262144 bytes",
      frames: "the proxy's own, in memory before the clock starts",
      clock: "from the constructor of the client's WebSocket to its last record",
      order: "every offset and value checked",
    },
    async run() {
      await using server = await ServerProgram.start("frame_server.ts", [framesFile]);
      const url = `ws://127.0.0.1:${server.firstLine}/`;
      const { result: client, cpuSeconds } = await withCpu(
        server.pid,
        () => runProgram<ClientResult>("websocket_client.ts", [url, `${topic.records}`]),
      );
      return {
        recordsPerSecond: { "the runtime alone, same frames": topic.records / client.seconds },
        serverCpuSeconds: cpuSeconds,
        readerCpuSeconds: client.cpuSeconds,
        details: { seconds: client.seconds, frames: client.frames, frameBytes: client.frameBytes },
      };
    },
  };
}
