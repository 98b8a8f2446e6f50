import type { Isolation, LogReader } from "../core/ports.ts";
import { sleep } from "../stream/sleep.ts";
import type { PartitionLog } from "./partition_log.ts";

/** How long a broker may hold a poll back when it has nothing new; who joins waits for its end. */
const WAIT_MS = 100;

/** Pause after a poll that failed, so that a broker that refuses is not asked in a loop. */
const FAILED_MS = 50;

/**
 * The long poll to one broker: one Fetch that asks for every live partition it leads, again and
 * again, while there is any. A partition that nobody is ready to read is left out.
 */
export class LivePoll {
  readonly #nodeId: number;
  readonly #isolation: Isolation;
  readonly #reader: LogReader;
  readonly #signal: AbortSignal;
  readonly #logs = new Set<PartitionLog>();
  #isRunning = false;
  #rounds = 0;

  constructor(nodeId: number, isolation: Isolation, reader: LogReader, signal: AbortSignal) {
    this.#nodeId = nodeId;
    this.#isolation = isolation;
    this.#reader = reader;
    this.#signal = signal;
  }

  /** Takes a partition into the next poll. */
  add(log: PartitionLog): void {
    this.#logs.add(log);
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const polled = this.#polled();
      if (polled.size === 0 || this.#signal.aborted) {
        // In the same turn as the look at the partitions: who comes after it starts a new run.
        this.#isRunning = false;
        return;
      }
      try {
        const answers = await this.#reader.fetch(
          this.#nodeId,
          [...polled.values()].map(({ target }) => target),
          { isolation: this.#isolation, waitMs: WAIT_MS },
        );
        for (const answer of answers) {
          const log = polled.get(`${answer.topic}/${answer.partition}`)?.log;
          if (log !== undefined && !log.accept(answer)) this.#drop(log);
        }
      } catch {
        // The partitions' readers fetch by themselves now, and say what is wrong if it stays so.
        await sleep(FAILED_MS, this.#signal);
        for (const log of [...this.#logs]) this.#drop(log);
      }
    }
  }

  /** This round's partitions, begun with another one each time: a full answer cuts off the last. */
  #polled() {
    const entries = [];
    for (const log of this.#logs) {
      const target = log.liveTarget();
      if (target === undefined) this.#drop(log);
      else entries.push({ log, target });
    }
    const first = entries.length === 0 ? 0 : this.#rounds++ % entries.length;
    const rotated = [...entries.slice(first), ...entries.slice(0, first)];
    return new Map(rotated.map((entry) => [`${entry.log.topic}/${entry.log.partition}`, entry]));
  }

  #drop(log: PartitionLog): void {
    this.#logs.delete(log);
    log.endLive();
  }
}
