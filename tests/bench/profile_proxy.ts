import { join } from "node:path";
import { type CpuProfile, selfTimes, selfTimeTable } from "./cpu_profile.ts";
import type { DrainTopic } from "./drain_topic.ts";
import { runProgram } from "./program.ts";
import { startProxy, v1Url } from "./proxy_row.ts";
import type { ClientResult } from "./websocket_client.ts";

const SAMPLE_EVERY_MICROSECONDS = 200;
const FUNCTIONS_SHOWN = 30;

/**
 * One reader's drain with the proxy under V8's CPU profiler, start and end of the process included;
 * gives a table of the hottest functions. The profile itself goes to `file` if one is named.
 */
export async function profileProxy(topic: DrainTopic, file: string | undefined): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-profile-" });
  try {
    await using proxy = await startProxy(topic, [
      "--cpu-prof",
      `--cpu-prof-dir=${folder}`,
      `--cpu-prof-interval=${SAMPLE_EVERY_MICROSECONDS}`,
    ]);
    const url = v1Url(proxy, topic, "");
    const { seconds } = await runProgram<ClientResult>("websocket_client.ts", [
      url,
      `${topic.records}`,
    ]);
    proxy.signal("SIGTERM");
    await proxy.ended();
    const text = await Deno.readTextFile(await onlyFile(folder));
    if (file !== undefined) await Deno.writeTextFile(file, text);
    const profile: CpuProfile = JSON.parse(text);
    const rate = Math.round(topic.records / seconds);
    const head = `${topic.records} records in ${seconds.toFixed(2)} s (${rate} a second).`;
    return `${head} ${selfTimeTable(selfTimes(profile), FUNCTIONS_SHOWN)}`;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function onlyFile(folder: string): Promise<string> {
  for await (const { name } of Deno.readDir(folder)) return join(folder, name);
  throw new Error(`Cannot find the profile in ${folder}: the proxy wrote none`);
}
