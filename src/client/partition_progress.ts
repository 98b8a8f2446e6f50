/** How far a subscription is in one partition. */
export interface PartitionProgress {
  readonly topic: string;
  readonly partition: number;
  /** Where the subscription started in it. */
  start: bigint;
  /** Everything before this has been received. */
  next: bigint;
  /** The end when this connection's subscription began; before it the client catches up. */
  end: bigint;
  /** Everything before this was sent over this connection; what lies behind cannot be acknowledged. */
  sentHere: bigint;
  /** Where this connection was last asked to go on, to acknowledge what an earlier one brought. */
  skippedTo: bigint | undefined;
  /** The offset after the last acknowledged record, as the caller wants it. */
  acked: bigint | undefined;
  /** The same as it was last said over this connection. */
  ackSent: bigint | undefined;
  /** The same as the server has committed it. */
  committed: bigint | undefined;
}

/** The partitions of a subscription, by topic and number. */
export class Progress {
  readonly #topics = new Map<string, Map<number, PartitionProgress>>();

  get(topic: string, partition: number): PartitionProgress | undefined {
    return this.#topics.get(topic)?.get(partition);
  }

  /** The partition's progress, begun at `next` when there was none. */
  at(topic: string, partition: number, next: bigint): PartitionProgress {
    const known = this.get(topic, partition);
    if (known !== undefined) return known;
    const begun: PartitionProgress = {
      topic,
      partition,
      start: next,
      next,
      end: next,
      sentHere: next,
      skippedTo: undefined,
      acked: undefined,
      ackSent: undefined,
      committed: undefined,
    };
    let partitions = this.#topics.get(topic);
    if (partitions === undefined) this.#topics.set(topic, partitions = new Map());
    partitions.set(partition, begun);
    return begun;
  }

  delete(topic: string, partition: number): void {
    this.#topics.get(topic)?.delete(partition);
  }

  clear(): void {
    this.#topics.clear();
  }

  *[Symbol.iterator](): Iterator<PartitionProgress> {
    for (const partitions of this.#topics.values()) yield* partitions.values();
  }

  /** Offsets as a `subscribe` frame says them; undefined when there is no partition. */
  offsets(
    of: (progress: PartitionProgress) => bigint,
  ): Record<string, Record<string, string>> | undefined {
    const offsets: Record<string, Record<string, string>> = {};
    let some = false;
    for (const each of this) {
      (offsets[each.topic] ??= {})[each.partition] = `${of(each)}`;
      some = true;
    }
    return some ? offsets : undefined;
  }
}
