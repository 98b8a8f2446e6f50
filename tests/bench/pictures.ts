/**
 * `deno run -A tests/bench/pictures.ts FOLDER`: draws `docs/fanout.svg` and `docs/latency.svg` from
 * the reports `fanout.json` and `latency.json` in a folder.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CampaignRun } from "./campaign.ts";
import { median } from "./statistics.ts";

const WIDTH = 640;
const LABEL_WIDTH = 190;
const BAR_HEIGHT = 20;
const ROW_HEIGHT = 28;
const TOP = 52;
const VALUE_WIDTH = 90;

/** A report of a benchmark, as far as it is drawn. */
export interface Report {
  readonly runs: readonly CampaignRun[];
}

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  readonly colour: string;
}

const OWN = "#2f6fb3";
const OTHER = "#9aa4b0";

/** Deliveries a second by the number of readers. */
export function fanoutPicture({ runs }: Report): string {
  const bars = medians(runs, "deliveries/s").map(([label, value]): Bar => ({
    label,
    value,
    text: `${(value / 1e6).toFixed(1)} M`,
    colour: label.includes("runtime") ? OTHER : OWN,
  }));
  return picture("Records delivered a second by one process, one topic", bars);
}

/** Produce to receive beside a bare consumer. */
export function latencyPicture({ runs }: Report): string {
  const rows = [...new Set(runs.map(({ row }) => row))];
  const bars = rows.flatMap((row) =>
    ["p50", "p99"].flatMap((part) =>
      ["proxy", "KafkaJS"].map((who): Bar => {
        const own = runs.filter((run) => run.row === row);
        const value = median(own.map(({ figures }) => figures[`${who} ${part}`]));
        return {
          label: `${row}, ${who} ${part}`,
          value,
          text: `${value.toFixed(1)} ms`,
          colour: who === "proxy" ? OWN : OTHER,
        };
      })
    )
  );
  return picture("Milliseconds from produce to receive", bars);
}

function medians(runs: readonly CampaignRun[], column: string): [string, number][] {
  return [...Map.groupBy(runs, ({ row }) => row)].map(([row, own]) => [
    row,
    median(own.map(({ figures }) => figures[column])),
  ]);
}

function picture(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const height = TOP + bars.length * ROW_HEIGHT + 12;
  const lines = bars.map(({ label, value, text, colour }, i) => {
    const y = TOP + i * ROW_HEIGHT;
    const width = Math.max(value / most * (WIDTH - LABEL_WIDTH - VALUE_WIDTH), 1).toFixed(1);
    const middle = y + BAR_HEIGHT / 2 + 4;
    return [
      `<text x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end">${label}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" fill="${colour}"/>`,
      `<text x="${LABEL_WIDTH + Number(width) + 6}" y="${middle}">${text}</text>`,
    ].join("\n  ");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#333">
  <rect width="${WIDTH}" height="${height}" fill="#fff"/>
  <text x="16" y="28" font-size="15">${title}</text>
  ${lines.join("\n  ")}
</svg>
`;
}

if (import.meta.main) {
  const [folder] = Deno.args;
  const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
  const read = async (name: string): Promise<Report> =>
    JSON.parse(await Deno.readTextFile(join(folder, `${name}.json`)));
  await Deno.writeTextFile(join(docs, "fanout.svg"), fanoutPicture(await read("fanout")));
  await Deno.writeTextFile(join(docs, "latency.svg"), latencyPicture(await read("latency")));
}
