import type { MetricRow } from "./metric_table.ts";

/** Values of a metric's labels by their names. */
export type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly labels: Labels;
  value: number;
}

/**
 * All series of one counter or gauge. One without labels is there from the start, as 0.
 */
export class MetricFamily {
  readonly #name: string;
  readonly #row: MetricRow;
  readonly #series = new Map<string, Series>();

  constructor(name: string, row: MetricRow) {
    this.#name = name;
    this.#row = row;
    if (row.labels.length === 0) this.set({}, 0);
  }

  add(labels: Labels, count: number): void {
    this.#at(labels).value += count;
  }

  set(labels: Labels, value: number): void {
    this.#at(labels).value = value;
  }

  /** Forgets all series that have labels. */
  clear(): void {
    if (this.#row.labels.length > 0) this.#series.clear();
  }

  text(): string {
    const lines = [...this.#series.values()].map(({ labels, value }) =>
      `${this.#name}${labelsText(labels, this.#row.labels)} ${numberText(value)}\n`
    );
    return head(this.#name, this.#row) + lines.join("");
  }

  #at(labels: Labels): Series {
    const key = this.#row.labels.map((label) => labels[label]).join("\0");
    let series = this.#series.get(key);
    if (series === undefined) this.#series.set(key, series = { labels, value: 0 });
    return series;
  }
}

/** A histogram without labels: how many values were up to each bound. */
export class HistogramFamily {
  readonly #name: string;
  readonly #row: MetricRow;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(name: string, row: MetricRow) {
    this.#name = name;
    this.#row = row;
    this.#bounds = row.buckets ?? [];
    this.#counts = this.#bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at >= 0) this.#counts[at]++;
  }

  text(): string {
    const name = this.#name;
    let upTo = 0;
    const buckets = this.#bounds.map((bound, i) =>
      `${name}_bucket{le="${bound}"} ${upTo += this.#counts[i]}\n`
    );
    return head(name, this.#row) + buckets.join("") +
      `${name}_bucket{le="+Inf"} ${this.#count}\n` +
      `${name}_sum ${numberText(this.#sum)}\n${name}_count ${this.#count}\n`;
  }
}

function head(name: string, { help, type }: MetricRow): string {
  const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${name} ${text}\n# TYPE ${name} ${type}\n`;
}

function labelsText(labels: Labels, names: readonly string[]): string {
  if (names.length === 0) return "";
  const escaped = (value: string) =>
    value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${names.map((name) => `${name}="${escaped(labels[name])}"`).join(",")}}`;
}

/** As Go's `ParseFloat` reads it. */
function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : `${value}`;
}
