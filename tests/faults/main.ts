/**
 * `deno task test:faults`: scenarios drawn by a seed, one after the other for so many minutes, and
 * what came of each fault as a table.
 *
 * Ends with code 1 when a scenario found something wrong, with 2 when misused.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { markdownTable } from "../support/markdown_table.ts";
import { Random } from "../support/random.ts";
import { FaultWorld } from "./fault_world.ts";
import { type EndName, ENDS, type FaultName, FAULTS, obstacle } from "./faults.ts";
import { runScenario, type Scenario, type ScenarioResult } from "./scenario.ts";
import { drawn, SUITE } from "./scenarios.ts";

const USAGE = `Usage: deno task test:faults [--minutes N] [--seed S] [--suite]
                              [--fault NAME]... [--long] [--end NAME]

  --minutes N  how long scenarios are drawn (default 10)
  --seed S     which are drawn (default 1)
  --suite      the fixed dozen of the suite instead
  --fault NAME these, one after the other, again and again
  --long       with these: they last for 20 to 40 s
  --end NAME   with these: what happens to the topic in the end`;

/** A row for each fault: what came of the scenarios it was in. */
function table(results: readonly ScenarioResult[]): string {
  const rows = [...Object.keys(FAULTS), ...Object.keys(ENDS)].map((fault) => {
    const own = results.filter(({ faults }) => faults.some((name) => name === fault));
    return row(fault, own, own.flatMap(({ faults }) => faults.filter((name) => name === fault)));
  });
  const all = row("all scenarios", results, results.flatMap(({ faults }) => faults));
  return markdownTable([
    [
      "fault",
      "scenarios",
      "minutes",
      "records",
      "faults injected",
      "lost",
      "came again, allowed",
      "came again, not allowed",
      "other findings",
      "worst recovery, s",
      "longest still, s",
    ],
    ...rows,
    all,
  ]);
}

function row(name: string, own: readonly ScenarioResult[], faults: readonly string[]): string[] {
  const sum = (of: (result: ScenarioResult) => number) =>
    own.reduce((all, one) => all + of(one), 0);
  const worst = Math.max(0, ...own.map(({ worstRecoveryMs }) => worstRecoveryMs));
  const longest = Math.max(0, ...own.map(({ longestStillMs }) => longestStillMs));
  return [
    name,
    `${own.length}`,
    (sum(({ seconds }) => seconds) / 60).toFixed(1),
    `${sum(({ verdict }) => verdict.received)}`,
    `${faults.length}`,
    `${sum(({ verdict }) => verdict.lost)}`,
    `${sum(({ verdict }) => verdict.repeated)}`,
    `${sum(({ verdict }) => verdict.duplicated)}`,
    `${sum(({ problems }) => problems.length)}`,
    inSeconds(worst),
    inSeconds(longest),
  ];
}

function inSeconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

/** The same scenario without end. */
function* again(scenario: Scenario): Generator<Scenario> {
  for (;;) yield scenario;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      seed: { type: "string", default: "1" },
      fault: { type: "string", multiple: true, default: [] },
      suite: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      end: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  const unknown = values.fault.filter((name) => !Object.hasOwn(FAULTS, name));
  if (values.end !== undefined && !Object.hasOwn(ENDS, values.end)) unknown.push(values.end);
  for (const name of unknown) console.error(`There is no fault and no end "${name}"`);
  if (values.help || !(minutes > 0 && Number.isInteger(seed)) || unknown.length > 0) {
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  const random = new Random(seed);
  const possible = (Object.keys(FAULTS) as FaultName[]).filter((name) => {
    const why = obstacle(name);
    if (why !== undefined) console.error(`Not done: ${name}: ${why}`);
    return why === undefined;
  });
  await using world = await FaultWorld.start({
    names: possible.includes("names resolved slowly"),
    clocks: possible.includes("clock of the proxy jumps"),
    passwords: true,
    onProgress: console.error,
  });
  const results: ScenarioResult[] = [];
  const endMs = performance.now() + minutes * 60_000;
  const chosen: Scenario = {
    faults: values.fault as FaultName[],
    isLong: values.long,
    end: values.end as EndName | undefined,
  };
  const isChosen = chosen.faults.length > 0 || chosen.end !== undefined;
  const scenarios = values.suite ? SUITE : isChosen ? again(chosen) : drawn(random, possible);
  for (const scenario of scenarios) {
    if (!values.suite && performance.now() > endMs) break;
    const { faults, end, isLong } = scenario;
    const name = [...faults, ...end === undefined ? [] : [end]].join(", ") +
      (isLong ? ", long" : "");
    const result = await runScenario(world, scenario, random, `faults-${results.length}`);
    results.push(result);
    const { seconds, verdict, worstRecoveryMs, longestStillMs, problems } = result;
    const { received, lost, repeated, duplicated } = verdict;
    console.error(
      `${results.length}. ${name}: ${seconds.toFixed(1)} s, ${received} records, lost ${lost}, ` +
        `came again ${repeated} and ${duplicated}, recovery ${inSeconds(worstRecoveryMs)} s, ` +
        `longest still ${inSeconds(longestStillMs)} s`,
    );
    for (const problem of problems) console.error(`  WRONG: ${problem}`);
  }
  console.log(table(results));
  return results.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
