import type { Sample } from "./soak_run.ts";

const WIDTH = 720;
const LEFT = 70;
const RIGHT = 16;
const TOP = 44;
const CHART_HEIGHT = 84;
const GAP = 40;

/** What is drawn, one below the other, with the colour of each line. */
const CHARTS = [
  {
    title: "memory, MB: resident, heap, buffers",
    lines: [["residentMb", "#2f6fb3"], ["heapMb", "#c2571a"], ["externalMb", "#6a8f3c"]],
  },
  {
    title: "sockets, file descriptors, timers",
    lines: [["sockets", "#2f6fb3"], ["fileDescriptors", "#9aa4b0"], ["timers", "#c2571a"]],
  },
  { title: "connections to the broker", lines: [["brokerConnections", "#2f6fb3"]] },
  { title: "event-loop delay, p99, ms", lines: [["loopDelayMs", "#2f6fb3"]] },
] as const;

/** The figures of a soak run over its time, as SVG. */
export function soakPicture(samples: readonly Sample[]): string {
  const lastSeconds = samples.at(-1)?.seconds ?? 1;
  const height = TOP + CHARTS.length * (CHART_HEIGHT + GAP);
  const charts = CHARTS.map(({ title, lines }, i) => {
    const top = TOP + i * (CHART_HEIGHT + GAP);
    const most = Math.max(...samples.flatMap((s) => lines.map(([name]) => s[name])), 1);
    const x = (seconds: number) => LEFT + seconds / lastSeconds * (WIDTH - LEFT - RIGHT);
    const y = (value: number) => top + CHART_HEIGHT * (1 - value / most);
    const bottom = top + CHART_HEIGHT;
    return [
      `<text x="${LEFT}" y="${top - 8}">${title}</text>`,
      `<path d="M${LEFT} ${top}V${bottom}H${WIDTH - RIGHT}" fill="none" stroke="#bbb"/>`,
      `<text x="${LEFT - 6}" y="${top + 8}" text-anchor="end">${Math.round(most)}</text>`,
      `<text x="${LEFT - 6}" y="${bottom}" text-anchor="end">0</text>`,
      ...lines.map(([name, colour]) => {
        const points = samples.map((s) => `${x(s.seconds).toFixed(1)},${y(s[name]).toFixed(1)}`);
        return `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}"/>`;
      }),
    ].join("\n  ");
  });
  const minutes = Math.round(lastSeconds / 60);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#333">
  <rect width="${WIDTH}" height="${height}" fill="#fff"/>
  <text x="16" y="22" font-size="15">One process for ${minutes} minutes, clients coming and going</text>
  ${charts.join("\n  ")}
</svg>
`;
}
