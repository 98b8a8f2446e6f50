/** What is read of a `.cpuprofile` (Chrome DevTools protocol, `Profiler.Profile`). */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      /** Counts from 0; -1 for what is no script. */
      readonly lineNumber: number;
    };
  }[];
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/** A function and the time spent in itself. */
export interface SelfTime {
  /** Its name, or V8's own word in brackets: `(garbage collector)`, `(program)` for native code. */
  readonly name: string;
  /** Script and line, empty for what is no script. */
  readonly place: string;
  readonly selfMs: number;
}

/** Time by function, the hottest first; idle time is left out. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): SelfTime[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map<string, SelfTime>();
  samples.forEach((id, i) => {
    const { functionName, url, lineNumber } = frames.get(id)!;
    if (functionName === "(idle)") return;
    const name = functionName || "(anonymous)";
    const place = url === "" ? "" : `${shortened(url)}:${lineNumber + 1}`;
    const key = `${name} ${place}`;
    const selfMs = (times.get(key)?.selfMs ?? 0) + timeDeltas[i] / 1e3;
    times.set(key, { name, place, selfMs });
  });
  return [...times.values()].sort((a, b) => b.selfMs - a.selfMs);
}

/** A Markdown table of the hottest functions. */
export function selfTimeTable(times: readonly SelfTime[], rows: number): string {
  const busyMs = times.reduce((sum, { selfMs }) => sum + selfMs, 0);
  const lines = times.slice(0, rows).map(({ name, place, selfMs }) => {
    const percent = (100 * selfMs / busyMs).toFixed(1);
    return `| ${selfMs.toFixed(0)} | ${percent} | \`${name}\` | ${place} |`;
  });
  return [
    `Busy for ${busyMs.toFixed(0)} ms.`,
    "",
    "| self ms | % of busy | function | where |",
    "| ---: | ---: | --- | --- |",
    ...lines,
  ].join("\n");
}

/** From the package or the `src` folder on. */
function shortened(url: string): string {
  return url.replace(/^.*\/(?=src\/[a-z_]+\/[a-z_]+\.ts$)/, "").replace(/^.*\/npm\/[^/]+\//, "");
}
