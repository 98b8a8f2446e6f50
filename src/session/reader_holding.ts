import type { Isolation, LogReader } from "../core/ports.ts";
import type { Holding, HoldingSession } from "./holding.ts";
import type { Gap } from "./start_offsets.ts";
import type { TopicPlan } from "./topic_plan.ts";

/** A reader of all partitions looks for new ones so often, in ms. */
const PARTITION_CHECK_MS = 5_000;

/** A reader without a group: any number of them, nothing to hold, positions its own business. */
export class ReaderHolding implements Holding {
  readonly #plan: TopicPlan;
  readonly #reader: LogReader;
  #growing: ReturnType<typeof setInterval> | undefined;

  constructor(plan: TopicPlan, reader: LogReader) {
    this.#plan = plan;
    this.#reader = reader;
  }

  async begin(session: HoldingSession): Promise<void> {
    const { starts, topicId } = this.#plan;
    await session.assign({ ...starts, topicId });
    if (this.#plan.isAll && !session.signal.aborted) {
      this.#growing = setInterval(() => void this.#addPartitions(session), PARTITION_CHECK_MS);
    }
  }

  mayGo(): true {
    return true;
  }

  commitSoon(): void {}

  finish(): Promise<void> {
    clearInterval(this.#growing);
    return Promise.resolve();
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  /** Partitions the topic has got since: from the first record on, and what is gone of it is said. */
  async #addPartitions(session: HoldingSession): Promise<void> {
    const { topic, isolation } = this.#plan;
    try {
      const added = await newPartitions(this.#reader, topic, isolation, session.partitions);
      const missing = [...added].filter(([partition]) => !session.partitions.has(partition));
      if (session.signal.aborted || missing.length === 0) return;
      const gaps = missing.filter(([, offset]) => offset > 0n).map(([partition, to]): Gap => {
        return { partition, from: 0n, to, reason: "retention" };
      });
      await session.assign({ offsets: new Map(missing), gaps });
    } catch {
      // The next round tries again; a topic that is gone ends the session through its cursor.
    }
  }
}

async function newPartitions(
  reader: LogReader,
  topic: string,
  isolation: Isolation,
  known: { has(partition: number): boolean },
): Promise<Map<number, bigint>> {
  const { leaders } = await reader.topic(topic);
  const added = [...leaders.keys()].filter((partition) => !known.has(partition));
  if (added.length === 0) return new Map();
  return await reader.offsets(topic, added, "earliest", isolation);
}
