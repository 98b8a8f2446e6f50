import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { median } from "./statistics.ts";

/** One line of a table: measured anew, in fresh processes, each round. */
export interface CampaignRow {
  readonly name: string;
  /** Whatever differs between rows. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Figures by their column; the same columns each round. */
  run(round: number): Promise<Readonly<Record<string, number>>>;
}

/** What a benchmark is. */
export interface Campaign {
  readonly name: string;
  /** What it measures, in one sentence for `--help`. */
  readonly about: string;
  readonly rounds: number;
  /** Makes the rows, at full size or only to see that it runs; what they need is disposed in the end. */
  rows(isSmall: boolean, resources: AsyncDisposableStack): Promise<readonly CampaignRow[]>;
}

/** One run of one row. */
export interface CampaignRun {
  readonly row: string;
  readonly round: number;
  /** Of the machine in the minute before. */
  readonly load: number;
  readonly figures: Readonly<Record<string, number>>;
}

/**
 * Runs a benchmark from its command line: rounds in alternating order, medians as a table on standard
 * output, everything as JSON in a file; progress on standard error.
 *
 * @returns the exit code: 1 when a run failed, 2 when misused
 */
export async function runCampaign(campaign: Campaign, args: string[]): Promise<number> {
  const options = readOptions(campaign, args);
  if (typeof options === "string") {
    const isHelp = args.includes("--help");
    (isHelp ? console.log : console.error)(options);
    return isHelp ? 0 : 2;
  }
  const { rounds, isSmall, jsonFile, only } = options;
  try {
    await using resources = new AsyncDisposableStack();
    const all = await campaign.rows(isSmall, resources);
    const rows = all.filter(({ name }) => only.length === 0 || only.includes(name));
    const runs: CampaignRun[] = [];
    for (let round = 1; round <= rounds; round++) {
      for (const row of round % 2 === 1 ? rows : rows.toReversed()) {
        const load = loadavg()[0];
        const figures = await row.run(round);
        runs.push({ row: row.name, round, load, figures });
        console.error(`${round}/${rounds} ${row.name}: ${JSON.stringify(figures)}`);
      }
    }
    console.log(campaignTable(rows.map(({ name }) => name), runs));
    if (jsonFile === undefined) return 0;
    const report = {
      benchmark: campaign.name,
      rounds,
      machine: { cpus: availableParallelism(), model: cpus()[0]?.model, os: Deno.build.target },
      versions: { ...Deno.version },
      rows: Object.fromEntries(rows.map(({ name, settings = {} }) => [name, settings])),
      runs,
    };
    await Deno.writeTextFile(jsonFile, JSON.stringify(report, null, 2) + "\n");
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

/** Medians, with the least and the most where there are several runs. */
export function campaignTable(rows: readonly string[], runs: readonly CampaignRun[]): string {
  const columns = [...new Set(runs.flatMap(({ figures }) => Object.keys(figures)))];
  const lines = rows.map((name) => {
    const own = runs.filter(({ row }) => row === name);
    const cells = columns.map((column) => {
      const values = own.map(({ figures }) => figures[column]).filter((it) => it !== undefined);
      if (values.length === 0) return "-";
      const middle = plain(median(values));
      if (values.length === 1) return middle;
      return `${middle} (${plain(Math.min(...values))} to ${plain(Math.max(...values))})`;
    });
    return `| ${[name, ...cells].join(" | ")} |`;
  });
  const head = `| ${["row", ...columns].join(" | ")} |`;
  return [head, `| --- |${" ---: |".repeat(columns.length)}`, ...lines].join("\n");
}

function plain(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function readOptions({ name, about, rounds }: Campaign, args: string[]) {
  const usage = `Usage: deno task bench:${name.replace("_", "-")} [options]

${about}

  --rounds N   runs of each row, order reversed each time (default ${rounds})
  --row NAME   only this row; may be repeated
  --json FILE  all runs and settings as JSON
  --small      a tiny size, only to see that it runs
  --help       this text`;
  try {
    const { values } = parseArgs({
      args,
      options: {
        rounds: { type: "string", default: `${rounds}` },
        row: { type: "string", multiple: true, default: [] },
        json: { type: "string" },
        small: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const count = Number(values.rounds);
    if (values.help) return usage;
    if (!Number.isInteger(count) || count < 1) return `Cannot use --rounds ${count}\n\n${usage}`;
    return { rounds: count, isSmall: values.small, jsonFile: values.json, only: values.row };
  } catch (error) {
    return `${error instanceof Error ? error.message : error}\n\n${usage}`;
  }
}
