/** A partition as a group reads it. */
export interface GroupPartition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** Positions that are remembered; clients choose the names of groups, so there is no end to them. */
const MOST_KNOWN = 100_000;

/** One text for a group's partition; no part can contain a blank. */
export function groupPartitionKey({ group, topic, partition }: GroupPartition): string {
  return `${group} ${topic} ${partition}`;
}

/**
 * The committed positions (next offsets) of groups, as this process last read or wrote them.
 *
 * They are the truth for as long as a partition is read here; {@linkcode keep} forgets the others,
 * which another process may have moved on.
 */
export class CommittedOffsets {
  readonly #offsets = new Map<string, bigint>();

  /** Kafka has these now. */
  put(group: string, topic: string, next: ReadonlyMap<number, bigint>): void {
    if (this.#offsets.size > MOST_KNOWN) this.#offsets.clear();
    for (const [partition, offset] of next) {
      this.#offsets.set(groupPartitionKey({ group, topic, partition }), offset);
    }
  }

  /** The next offset; undefined where nothing is committed, or nothing is known. */
  get(partition: GroupPartition): bigint | undefined {
    return this.#offsets.get(groupPartitionKey(partition));
  }

  /** Forgets all but these keys. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#offsets.keys()) if (!keys.has(key)) this.#offsets.delete(key);
  }
}
