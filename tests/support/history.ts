/** What can be wrong with the order of records. */
export interface HistoryProblem {
  /**
   * `gap`: offsets were passed over. `duplicate`: an offset came again. `reorder`: an offset that had
   * been passed over came late. `start`: the first offset was not the expected one.
   */
  readonly kind: "gap" | "duplicate" | "reorder" | "start";
  readonly partition: number;
  readonly text: string;
}

/** How strict a history is. */
export interface HistoryOptions {
  /** The first offset of every partition; the first that comes decides when it is left out. */
  readonly from?: bigint;
  /** Offsets may be missing, as after compaction or in transactions; they must still ascend. */
  readonly holes?: boolean;
}

/** Problems that are kept; the others are counted. */
const MOST_PROBLEMS = 20;

interface Seen {
  next: bigint;
  /** Passed over and not seen since, ascending, ends exclusive. */
  missing: { from: bigint; to: bigint }[];
}

/**
 * Checks, record by record, that each partition's offsets are contiguous: no gap, no duplicate,
 * nothing out of order. Memory grows with the number of gaps, not of records.
 *
 * One history may span several connections of a client that resumes.
 */
export class History {
  readonly problems: HistoryProblem[] = [];
  readonly #from: bigint | undefined;
  readonly #holes: boolean;
  readonly #seen = new Map<number, Seen>();
  #problemCount = 0;
  #count = 0;

  constructor({ from, holes = false }: HistoryOptions = {}) {
    this.#from = from;
    this.#holes = holes;
  }

  /** Records so far, wrong ones included. */
  get count(): number {
    return this.#count;
  }

  /** Partitions that have had a record, ascending. */
  get partitions(): number[] {
    return [...this.#seen.keys()].sort((a, b) => a - b);
  }

  /** The offset after the highest of a partition; undefined before its first record. */
  next(partition = 0): bigint | undefined {
    return this.#seen.get(partition)?.next;
  }

  /** Takes the next record of a partition. */
  add(partition: number, offset: bigint): void {
    this.#count++;
    let seen = this.#seen.get(partition);
    if (seen === undefined) {
      if (this.#from !== undefined && offset !== this.#from) {
        this.#wrong("start", partition, `it begins at ${offset}, not at ${this.#from}`);
      }
      this.#seen.set(partition, seen = { next: offset, missing: [] });
    }
    if (offset > seen.next) {
      if (!this.#holes) this.#wrong("gap", partition, `${offset} came where ${seen.next} was due`);
      seen.missing.push({ from: seen.next, to: offset });
    }
    if (offset >= seen.next) seen.next = offset + 1n;
    else this.#late(partition, offset, seen);
  }

  /** @throws {Error} with the first problems, when there is any */
  verify(): void {
    if (this.#problemCount === 0) return;
    const lines = this.problems.map(({ kind, partition, text }) =>
      `- ${kind} in partition ${partition}: ${text}`
    );
    const more = this.#problemCount - this.problems.length;
    if (more > 0) lines.push(`- and ${more} more`);
    throw new Error(`The history of ${this.#count} records is not whole:\n${lines.join("\n")}`);
  }

  #late(partition: number, offset: bigint, seen: Seen): void {
    const range = seen.missing.find(({ from, to }) => offset >= from && offset < to);
    if (range === undefined) {
      this.#wrong("duplicate", partition, `${offset} came again, ${seen.next} was due`);
      return;
    }
    this.#wrong("reorder", partition, `${offset} came late, ${seen.next} was due`);
    const parts = [{ from: range.from, to: offset }, { from: offset + 1n, to: range.to }];
    seen.missing.splice(
      seen.missing.indexOf(range),
      1,
      ...parts.filter(({ from, to }) => from < to),
    );
  }

  #wrong(kind: HistoryProblem["kind"], partition: number, text: string): void {
    this.#problemCount++;
    if (this.problems.length < MOST_PROBLEMS) this.problems.push({ kind, partition, text });
  }
}
