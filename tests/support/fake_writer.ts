import type { NewRecord, RecordWriter, Written } from "../../src/core/ports.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";

/** A Kafka that takes what it is given, or what a test lets it. */
export class FakeWriter implements RecordWriter {
  /** Every record that was stored, in order. */
  readonly stored: { readonly topic: string; readonly record: NewRecord }[] = [];
  /** What the next calls are answered, one each, instead of being stored. */
  readonly failures: { outcome: "failed" | "unknown"; error: ProxyError }[] = [];
  #held: PromiseWithResolvers<void> | undefined;

  /** Answers wait from now on until the returned function is called. */
  hold(): () => void {
    const held = Promise.withResolvers<void>();
    this.#held = held;
    return () => {
      if (this.#held === held) this.#held = undefined;
      held.resolve();
    };
  }

  async write(topic: string, records: readonly NewRecord[]): Promise<Written[]> {
    const failure = this.failures.shift();
    const results = records.map((record): Written => {
      if (failure !== undefined) return failure;
      this.stored.push({ topic, record });
      return {
        partition: record.partition ?? 0,
        offset: BigInt(this.stored.length - 1),
        timestampMs: record.timestampMs ?? 0n,
      };
    });
    await this.#held?.promise;
    return results;
  }
}

/** A topic that is not there. */
export function unknownTopic(topic: string): ProxyError {
  return new ProxyError("unknown_topic", `Cannot write to "${topic}": no such topic`);
}
