import { HelperTimeoutError } from "../kafka/helper_process.ts";
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

/** Sees what was found committed, and when it was asked (by `performance.now()`). */
export type OnCommitted = (
  place: { readonly topic: string; readonly partition: number; readonly offset: number },
  askedMs: number,
) => void;

/** How long a look may take, in ms; another is had after that. */
const LOOK_TIMEOUT_MS = 5_000;

/** So many looks in a row may have no answer. */
const MOST_UNANSWERED = 6;

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

  /** @param onChange called for what has changed */
  constructor(helper: KafkaHelper, group: string, everyMs = 20, onChange?: OnCommitted) {
    this.#watching = this.#watch(helper, group, everyMs, onChange);
  }

  /** How often it has looked. */
  get looks(): number {
    return this.#looks;
  }

  /** What it saw last; throws what went wrong, after which it sees no more. */
  committed(topic: string, partition: number): number | undefined {
    if (this.#failure !== undefined) throw this.#failure;
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

  async #watch(
    helper: KafkaHelper,
    group: string,
    everyMs: number,
    onChange?: OnCommitted,
  ): Promise<void> {
    const { signal } = this.#stopping;
    try {
      for (;;) {
        const isLast = signal.aborted;
        const { askedMs, places } = await look(helper, group);
        for (const place of places) {
          const { topic, partition, offset } = place;
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
          if (before !== offset) onChange?.(place, askedMs);
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

/**
 * Committed offsets. A question of Kafka's own client that was with a broker of 3.9 when it was
 * killed waits half a minute and longer, while one asked anew is answered at once.
 */
async function look(helper: KafkaHelper, group: string) {
  for (let unanswered = 0;;) {
    const askedMs = performance.now();
    try {
      return { askedMs, places: await helper.groupOffsets(group, LOOK_TIMEOUT_MS) };
    } catch (error) {
      if (!(error instanceof HelperTimeoutError) || ++unanswered === MOST_UNANSWERED) throw error;
    }
  }
}
