import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { sleep } from "../../src/stream/sleep.ts";

/** A committed offset that went backwards. */
export interface StepBack {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly atMs: number;
}

/**
 * Looks at a group's committed offsets all the time, through Kafka's own client, and remembers every
 * step backwards.
 *
 * ```ts ignore
 * await using watch = new CommittedWatch(helper, "orders-group");
 * ...
 * assert.deepEqual(watch.stepsBack, []);
 * ```
 */
export class CommittedWatch implements AsyncDisposable {
  readonly stepsBack: StepBack[] = [];
  readonly #last = new Map<string, number>();
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;
  #looks = 0;
  #failure: unknown;

  constructor(helper: KafkaHelper, group: string, everyMs = 20) {
    this.#watching = this.#watch(helper, group, everyMs);
  }

  /** How often it has looked. */
  get looks(): number {
    return this.#looks;
  }

  /** What it saw last. */
  committed(topic: string, partition: number): number | undefined {
    return this.#last.get(`${topic} ${partition}`);
  }

  /** Looks once more and ends; throws what went wrong on the way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
  }

  async #watch(helper: KafkaHelper, group: string, everyMs: number): Promise<void> {
    const { signal } = this.#stopping;
    try {
      for (;;) {
        const isLast = signal.aborted;
        for (const { topic, partition, offset } of await helper.groupOffsets(group)) {
          const key = `${topic} ${partition}`;
          const before = this.#last.get(key);
          if (before !== undefined && offset < before) {
            this.stepsBack.push({
              topic,
              partition,
              from: before,
              to: offset,
              atMs: performance.now(),
            });
          }
          this.#last.set(key, offset);
        }
        this.#looks++;
        if (isLast) return;
        await sleep(everyMs, signal);
      }
    } catch (error) {
      this.#failure = error;
    }
  }
}
