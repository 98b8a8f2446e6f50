import type { NewRecord, RecordWriter, Written } from "../core/ports.ts";
import type { BoundedNames } from "./bounded_names.ts";
import type { Metrics } from "./metrics.ts";

/** A writer that counts records, bytes and what became of them. */
export class MeteredWriter implements RecordWriter {
  readonly #writer: RecordWriter;
  readonly #metrics: Metrics;
  readonly #topics: BoundedNames;
  #records = 0;
  #bytes = 0;

  constructor(
    writer: RecordWriter,
    { metrics, topics }: { metrics: Metrics; topics: BoundedNames },
  ) {
    this.#writer = writer;
    this.#metrics = metrics;
    this.#topics = topics;
  }

  /** Records with an offset so far, and bytes of all. */
  get produced(): { readonly records: number; readonly bytes: number } {
    return { records: this.#records, bytes: this.#bytes };
  }

  async write(topic: string, records: readonly NewRecord[]): Promise<Written[]> {
    const startMs = performance.now();
    const written = await this.#writer.write(topic, records);
    const seconds = (performance.now() - startMs) / 1_000;
    this.#metrics.observe("kafka_proxy_produce_duration_seconds", seconds);
    this.#count(topic, records, written);
    return written;
  }

  #count(name: string, records: readonly NewRecord[], written: readonly Written[]): void {
    const counts = { ok: 0, failed: 0, unknown: 0 };
    const codes = new Map<string, number>();
    for (const result of written) {
      counts["outcome" in result ? result.outcome : "ok"]++;
      if (!("outcome" in result)) continue;
      const { code } = result.error;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    this.#records += counts.ok;
    const topic = this.#topics.label(name);
    for (const [outcome, count] of Object.entries(counts)) {
      if (count === 0) continue;
      this.#metrics.add("kafka_proxy_produced_records_total", { topic, outcome }, count);
    }
    for (const [code, count] of codes) {
      this.#metrics.add("kafka_proxy_kafka_errors_total", { operation: "produce", code }, count);
    }
    let bytes = 0;
    for (const { key, value } of records) bytes += (key?.length ?? 0) + (value?.length ?? 0);
    this.#bytes += bytes;
    this.#metrics.add("kafka_proxy_produced_bytes_total", { topic }, bytes);
  }
}
