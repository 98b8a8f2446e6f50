import type { Isolation, LogReader } from "../core/ports.ts";
import type { Holding, HoldingSession } from "./holding.ts";
import type { V1Plan } from "./v1_plan.ts";

/** A reader of all partitions looks for new ones so often, in ms. */
const PARTITION_CHECK_MS = 5_000;

/** A reader without a group: any number of them, nothing to hold, positions its own business. */
export class ReaderHolding implements Holding {
  readonly #plan: V1Plan;
  readonly #reader: LogReader;
  #growing: ReturnType<typeof setInterval> | undefined;

  constructor(plan: V1Plan, reader: LogReader) {
    this.#plan = plan;
    this.#reader = reader;
  }

  begin(session: HoldingSession): Promise<void> {
    session.pump.assign(this.#plan.starts ?? new Map());
    if (this.#plan.request.partitions === "all" && !session.signal.aborted) {
      this.#growing = setInterval(() => void this.#addPartitions(session), PARTITION_CHECK_MS);
    }
    return Promise.resolve();
  }

  mayGo(): true {
    return true;
  }

  onReached(): void {}

  finish(): Promise<void> {
    clearInterval(this.#growing);
    return Promise.resolve();
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  /** Partitions the topic has got since; nothing of theirs has been missed, so from the first on. */
  async #addPartitions({ pump, signal }: HoldingSession): Promise<void> {
    const { topic, isolation } = this.#plan.request;
    try {
      const added = await newPartitions(this.#reader, topic, isolation, pump.partitions);
      const missing = [...added].filter(([partition]) => !pump.partitions.has(partition));
      if (!signal.aborted) pump.assign(new Map(missing));
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
