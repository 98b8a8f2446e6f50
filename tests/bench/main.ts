/**
 * `deno task bench`: all benchmarks, one after the other on an otherwise idle machine, with their
 * reports as JSON in the folder that is named, or `bench-results`.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BENCHMARKS = [
  "drain",
  "fanout",
  "latency",
  "memory",
  "first_record",
  "idle_cpu",
  "codecs",
] as const;

if (import.meta.main) {
  const [folder = "bench-results"] = Deno.args;
  await Deno.mkdir(folder, { recursive: true });
  const failed: string[] = [];
  for (const name of BENCHMARKS) {
    console.log(`\n=== ${name}`);
    const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", file, `--json=${join(folder, `${name}.json`)}`],
    });
    if (!(await child.spawn().status).success) failed.push(name);
  }
  for (const name of failed) console.error(`failed: ${name}`);
  Deno.exit(failed.length === 0 ? 0 : 1);
}
