import { Buffer } from "node:buffer";
import type { RecordWriter, Written } from "../../src/core/ports.ts";
import { sleep } from "../../src/stream/sleep.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";

/** Who writes how much. */
export interface WritingLoadOptions {
  readonly topic: string;
  readonly partitions: number;
  /** Each waits for a call's results before the next call. */
  readonly writers: number;
  readonly recordsEach: number;
  readonly recordsInCall: number;
  /** Between two calls of a writer; none. */
  readonly pauseMs?: number;
}

/** One record and what was said of it; its value is `writer-number`. */
interface Said {
  readonly value: string;
  readonly partition: number;
  readonly written: Written;
}

/** What became of all records together. */
export interface WritingSum {
  readonly stored: number;
  readonly failed: number;
  readonly unknown: number;
}

/**
 * Many writers that write numbered records to a topic of their own, and a check of what was said of
 * these against what stands there.
 */
export class WritingLoad {
  readonly #said: Said[] = [];
  readonly #options: WritingLoadOptions;

  constructor(options: WritingLoadOptions) {
    this.#options = options;
  }

  /** Records that have been reported. */
  get reported(): number {
    return this.#said.length;
  }

  /** Resolves when every record has been reported. */
  async run(write: RecordWriter["write"]): Promise<void> {
    const { writers } = this.#options;
    await Promise.all(Array.from({ length: writers }, (_, writer) => this.#runOne(writer, write)));
  }

  /**
   * Reads the topic with Kafka's own consumer and compares.
   *
   * @throws {Error} for a record that was said to be stored and is not there at that offset, one
   * that is there twice, one that failed and is there, and records of one writer in another order
   */
  async check(helper: KafkaHelper): Promise<WritingSum> {
    const { topic, partitions } = this.#options;
    const places = new Map<string, string>();
    for (let partition = 0; partition < partitions; partition++) {
      const newest = new Map<string, number>();
      for (const { value, offset } of await helper.read({ topic, partition })) {
        const text = atob(value ?? "");
        if (places.has(text)) throw new Error(`Record ${text} is there twice`);
        places.set(text, `${partition}:${offset}`);
        const [writer, number] = text.split("-");
        const before = newest.get(writer) ?? -1;
        if (Number(number) <= before) throw new Error(`${text} comes after ${writer}-${before}`);
        newest.set(writer, Number(number));
      }
    }
    const sum = { stored: 0, failed: 0, unknown: 0 };
    for (const { value, written } of this.#said) {
      const place = places.get(value);
      if ("offset" in written) {
        sum.stored++;
        const claimed = `${written.partition}:${written.offset}`;
        if (place !== claimed) throw new Error(`${value} is at ${place}, not at ${claimed}`);
      } else {
        sum[written.outcome]++;
        if (written.outcome === "failed" && place !== undefined) {
          throw new Error(`${value} failed (${written.error.message}) and is at ${place}`);
        }
      }
    }
    return sum;
  }

  async #runOne(writer: number, write: RecordWriter["write"]): Promise<void> {
    const { topic, partitions, recordsEach, recordsInCall, pauseMs = 0 } = this.#options;
    for (let first = 0; first < recordsEach; first += recordsInCall) {
      const count = Math.min(recordsInCall, recordsEach - first);
      const records = Array.from({ length: count }, (_, i) => ({
        key: null,
        value: Buffer.from(`${writer}-${first + i}`),
        headers: [],
        partition: (writer + first + i) % partitions,
      }));
      const written = await write(topic, records);
      for (const [i, one] of written.entries()) {
        const { value, partition } = records[i];
        this.#said.push({ value: value.toString(), partition, written: one });
      }
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }
}
