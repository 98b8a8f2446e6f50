import type {
  FetchAnswer,
  FetchTarget,
  Isolation,
  LogReader,
  OffsetSpec,
  TopicInfo,
} from "../core/ports.ts";
import type { BoundedNames } from "./bounded_names.ts";
import { metered } from "./metered.ts";
import type { Metrics } from "./metrics.ts";
import type { RecordTimes } from "./record_times.ts";

/** A reader that counts what it is asked and what it answers. */
export class MeteredReader implements LogReader {
  readonly #reader: LogReader;
  readonly #metrics: Metrics;
  readonly #topics: BoundedNames;
  readonly #times: RecordTimes;

  constructor(
    reader: LogReader,
    { metrics, topics, times }: { metrics: Metrics; topics: BoundedNames; times: RecordTimes },
  ) {
    this.#reader = reader;
    this.#metrics = metrics;
    this.#topics = topics;
    this.#times = times;
  }

  topic(name: string, options?: { fresh?: boolean }): Promise<TopicInfo> {
    return metered(this.#metrics, "metadata", () => this.#reader.topic(name, options));
  }

  clusterId(): Promise<string | undefined> {
    return this.#reader.clusterId();
  }

  offsets(
    topic: string,
    partitions: readonly number[],
    at: OffsetSpec,
    isolation: Isolation,
  ): Promise<Map<number, bigint>> {
    return metered(
      this.#metrics,
      "offsets",
      () => this.#reader.offsets(topic, partitions, at, isolation),
    );
  }

  async fetch(
    nodeId: number,
    targets: readonly FetchTarget[],
    options: { isolation: Isolation; waitMs: number },
  ): Promise<FetchAnswer[]> {
    const startMs = performance.now();
    const fetch = () => this.#reader.fetch(nodeId, targets, options);
    const answers = await metered(this.#metrics, "fetch", fetch);
    const isPoll = options.waitMs > 0;
    this.#metrics.add("kafka_proxy_fetches_total", { kind: isPoll ? "poll" : "immediate" });
    if (!isPoll) {
      const seconds = (performance.now() - startMs) / 1_000;
      this.#metrics.observe("kafka_proxy_fetch_duration_seconds", seconds);
    }
    for (const answer of answers) this.#count(answer);
    return answers;
  }

  #count(answer: FetchAnswer): void {
    if (answer.kind !== "chunk") {
      const code = answer.kind === "failed" ? answer.error.code : answer.kind;
      this.#metrics.add("kafka_proxy_kafka_errors_total", { operation: "fetch", code });
      return;
    }
    const { chunk } = answer;
    if (chunk.batches.length === 0) return;
    let records = 0;
    for (const { recordCount } of chunk.batches) records += recordCount;
    const topic = this.#topics.label(chunk.topic);
    this.#metrics.add("kafka_proxy_fetched_records_total", { topic }, records);
    this.#metrics.add("kafka_proxy_fetched_bytes_total", { topic }, chunk.bytes);
    this.#times.saw(chunk);
  }
}
