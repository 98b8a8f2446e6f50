import type { DrainTopic } from "./drain_topic.ts";
import type { Row } from "./row.ts";

/** librdkafka through kcat, which writes to nowhere; undefined where it is not installed. */
export async function kcatRow(topic: DrainTopic): Promise<Row | undefined> {
  const version = await kcatVersion();
  if (version === undefined) return undefined;
  return {
    name: "kcat",
    settings: {
      version,
      arguments: "-C -e -q -o beginning -p 0",
      clock: "the whole process",
      order: "not checked",
      output: "values as lines to /dev/null",
    },
    async run() {
      const args = ["-C", "-e", "-q", "-o", "beginning", "-p", "0"];
      const startMs = performance.now();
      const { success, stderr } = await new Deno.Command("kcat", {
        args: [...args, "-t", topic.name, "-b", topic.bootstrap],
        stdin: "null",
        stdout: "null",
      }).output();
      const seconds = (performance.now() - startMs) / 1e3;
      if (!success) throw new Error(`kcat: ${new TextDecoder().decode(stderr)}`);
      return { recordsPerSecond: { "kcat to /dev/null": topic.records / seconds } };
    },
  };
}

async function kcatVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command("kcat", { args: ["-V"] }).output();
    return /^Version .*$/m.exec(new TextDecoder().decode(stdout))?.[0] ?? "unknown version";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
