import { HistogramFamily, MetricFamily } from "./metric_family.ts";
import {
  type LabelsOf,
  METRIC_TABLE,
  type MetricName,
  type MetricOf,
  type MetricRow,
} from "./metric_table.ts";

/** Media type of {@linkcode Metrics.text}, Prometheus' text format. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * The metrics of one proxy, in Prometheus' text format.
 *
 * What happens seldom is counted as it happens ({@linkcode add}, {@linkcode observe}). What somebody
 * else counts already, or is a state, is read when somebody asks: collectors do that.
 *
 * @example
 * ```ts
 * import { Metrics } from "./metrics.ts";
 *
 * const metrics = new Metrics();
 * metrics.collector(() => metrics.set("kafka_proxy_ready", {}, 1));
 * const text = await metrics.text();
 * console.assert(text.includes("kafka_proxy_ready 1"));
 * ```
 */
export class Metrics {
  readonly #families = new Map<MetricName, MetricFamily>();
  readonly #histograms = new Map<MetricName, HistogramFamily>();
  readonly #collectors: (() => void | Promise<void>)[] = [];
  #scraping: Promise<string> | undefined;

  /** With every metric of the table; those without labels are 0. */
  constructor() {
    for (const name of Object.keys(METRIC_TABLE) as MetricName[]) {
      const row: MetricRow = METRIC_TABLE[name];
      if (row.type === "histogram") this.#histograms.set(name, new HistogramFamily(name, row));
      else this.#families.set(name, new MetricFamily(name, row));
    }
  }

  /** Has `collect` called before each answer; what it throws or rejects with leaves values as they were. */
  collector(collect: () => void | Promise<void>): void {
    this.#collectors.push(collect);
  }

  /** Counts up. */
  add<Name extends MetricOf<"counter">>(name: Name, labels: LabelsOf<Name>, count = 1): void {
    this.#families.get(name)?.add(labels, count);
  }

  /** Puts one value into a histogram, in seconds. */
  observe(name: MetricOf<"histogram">, seconds: number): void {
    this.#histograms.get(name)?.observe(seconds);
  }

  /** Sets a gauge. */
  set<Name extends MetricOf<"gauge">>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.#families.get(name)?.set(labels, value);
  }

  /** Sets a counter that somebody else counts; it must not go back. */
  total<Name extends MetricOf<"counter">>(name: Name, labels: LabelsOf<Name>, count: number): void {
    this.#families.get(name)?.set(labels, count);
  }

  /** Forgets all series of these gauges, so that what is not set again is absent. */
  clear(...names: readonly MetricOf<"gauge">[]): void {
    for (const name of names) this.#families.get(name)?.clear();
  }

  /** What `/metrics` answers; those who ask at the same time get the same. */
  text(): Promise<string> {
    return this.#scraping ??= this.#text().finally(() => this.#scraping = undefined);
  }

  async #text(): Promise<string> {
    await Promise.allSettled(this.#collectors.map(async (collect) => await collect()));
    const names = Object.keys(METRIC_TABLE) as MetricName[];
    return names.map((name) => (this.#families.get(name) ?? this.#histograms.get(name))?.text())
      .join("");
  }
}
