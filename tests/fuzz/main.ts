/**
 * `deno task test:fuzz`: changed inputs for everything that parses what a stranger sends, for so many
 * minutes in all, and what came of it as a table.
 *
 * An input that is taken wrongly is kept in `tests/fuzz/corpus`. Ends with code 1 when there was one,
 * or when memory grew, with 2 when misused.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { shortHash } from "../kafka/kafka_jars.ts";
import { markdownTable } from "../support/markdown_table.ts";
import { folderOf, fuzz, type FuzzResult } from "./fuzz.ts";
import { TARGETS } from "./targets.ts";

const USAGE = `Usage: deno task test:fuzz [--minutes N] [--seed S] [--target NAME]

  --minutes N    for all targets together (default 10)
  --seed S       which changes (default 1)
  --target NAME  only this one`;

/** What the process may grow by while a target runs. */
const MOST_GROWTH_BYTES = 256 << 20;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      seed: { type: "string", default: "1" },
      target: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  const targets = TARGETS.filter(({ name }) =>
    values.target === undefined || name === values.target
  );
  if (values.help || !(minutes > 0 && Number.isInteger(seed)) || targets.length === 0) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  const results: (FuzzResult & { grownBytes: number })[] = [];
  for (const target of targets) {
    const endMs = performance.now() + minutes * 60_000 / targets.length;
    const beforeBytes = Deno.memoryUsage().rss;
    const result = await fuzz(target, seed, () => performance.now() > endMs);
    results.push({ ...result, grownBytes: Deno.memoryUsage().rss - beforeBytes });
    console.error(`${target.name}: ${result.executions}, ${result.findings.length} findings`);
    for (const { input, why } of result.findings.slice(0, 5)) {
      await Deno.mkdir(folderOf(target.name), { recursive: true });
      const file = `${folderOf(target.name)}/${await shortHash([input.toString()])}`;
      await Deno.writeFile(file, input);
      console.error(`  WRONG: ${why.slice(0, 300)} (${file})`);
    }
  }
  console.log(markdownTable([
    ["target", "executions", "of them taken", "seconds", "findings", "slowest, ms", "grown by, MB"],
    ...results.map((result) => [
      result.name,
      `${result.executions}`,
      `${result.accepted}`,
      result.seconds.toFixed(0),
      `${result.findings.length}`,
      result.slowestMs.toFixed(0),
      `${Math.max(Math.round(result.grownBytes / 1e6), 0)}`,
    ]),
  ]));
  const isFlat = results.every(({ grownBytes }) => grownBytes < MOST_GROWTH_BYTES);
  return isFlat && results.every(({ findings }) => findings.length === 0) ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
