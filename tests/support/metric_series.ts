/** The series of one metric in Prometheus' text format, in its order: labels and value of each. */
export function series(text: string, name: string): [Record<string, string>, number][] {
  return text.split("\n").flatMap((line): [Record<string, string>, number][] => {
    const match = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null || match[1] !== name) return [];
    const labels = (match[2] ?? "").matchAll(/([a-z]+)="((?:[^"\\]|\\.)*)"/g);
    return [[Object.fromEntries([...labels].map(([, key, value]) => [key, value])), +match[3]]];
  });
}

/** The value of the series that has these labels, among others; undefined when there is none. */
export function value(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = series(text, name).find(([own]) =>
    Object.entries(labels).every(([key, wanted]) => own[key] === wanted)
  );
  return found?.[1];
}

/** Sum of all series of a metric. */
export function total(text: string, name: string): number {
  return series(text, name).reduce((sum, [, one]) => sum + one, 0);
}
