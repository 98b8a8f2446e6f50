import { Counter, Gauge, Histogram, Registry } from "prom-client";
import {
  type LabelsOf,
  METRIC_TABLE,
  type MetricName,
  type MetricOf,
  type MetricRow,
} from "./metric_table.ts";

/** Media type of {@linkcode Metrics.text}, Prometheus' text format. */
export const METRICS_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * The metrics of one proxy, in a registry of their own.
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
  readonly #registry = new Registry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #collectors: (() => void | Promise<void>)[] = [];
  #scraping: Promise<string> | undefined;

  /** With every metric of the table; those without labels are 0. */
  constructor() {
    const registers = [this.#registry];
    for (const name of Object.keys(METRIC_TABLE) as MetricName[]) {
      const { type, help, labels, buckets }: MetricRow = METRIC_TABLE[name];
      const options = { name, help, labelNames: [...labels], registers };
      if (type === "counter") this.#counters.set(name, new Counter(options));
      else if (type === "gauge") this.#gauges.set(name, new Gauge(options));
      else {
        const bounds = buckets === undefined ? {} : { buckets: [...buckets] };
        this.#histograms.set(name, new Histogram({ ...options, ...bounds }));
      }
    }
  }

  /** Has `collect` called before each answer; what it throws or rejects with leaves values as they were. */
  collector(collect: () => void | Promise<void>): void {
    this.#collectors.push(collect);
  }

  /** Counts up. */
  add<Name extends MetricOf<"counter">>(name: Name, labels: LabelsOf<Name>, count = 1): void {
    this.#counters.get(name)?.inc(labels, count);
  }

  /** Puts one value into a histogram, in seconds. */
  observe(name: MetricOf<"histogram">, seconds: number): void {
    this.#histograms.get(name)?.observe(seconds);
  }

  /** Sets a gauge. */
  set<Name extends MetricOf<"gauge">>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  /** Sets a counter that somebody else counts; it must not go back. */
  total<Name extends MetricOf<"counter">>(name: Name, labels: LabelsOf<Name>, count: number): void {
    const counter = this.#counters.get(name);
    counter?.remove(labels);
    counter?.inc(labels, count);
  }

  /** Forgets all series of these gauges, so that what is not set again is absent. */
  clear(...names: readonly MetricOf<"gauge">[]): void {
    for (const name of names) this.#gauges.get(name)?.reset();
  }

  /** What `/metrics` answers; those who ask at the same time get the same. */
  text(): Promise<string> {
    return this.#scraping ??= this.#text().finally(() => this.#scraping = undefined);
  }

  async #text(): Promise<string> {
    await Promise.allSettled(this.#collectors.map(async (collect) => await collect()));
    return await this.#registry.metrics();
  }
}
