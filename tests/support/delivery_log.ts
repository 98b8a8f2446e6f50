/** Records that followed right on another at one client, ends exclusive. */
export interface Run {
  readonly client: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  /** When its first and its last record came, in ms of `performance.now()`. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** A range of offsets, end exclusive. */
export interface OffsetRange {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

type OpenRun = { -readonly [Key in keyof Run]: Run[Key] };

/**
 * What several clients of one topic received together: whether somebody got every record, and which
 * came more than once.
 */
export class DeliveryLog {
  readonly #runs: OpenRun[] = [];
  readonly #open = new Map<string, OpenRun>();
  #count = 0;

  /** Records so far, repeats included. */
  get count(): number {
    return this.#count;
  }

  /** All runs, in the order in which they began. */
  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** A taker of one client's records. */
  client(name: string): (partition: number, offset: bigint) => void {
    return (partition, offset) => this.add(name, partition, offset);
  }

  /** Takes the next record of a client. */
  add(client: string, partition: number, offset: bigint, nowMs = performance.now()): void {
    this.#count++;
    const key = `${client} ${partition}`;
    const run = this.#open.get(key);
    if (run !== undefined && run.to === offset) {
      run.to = offset + 1n;
      run.lastMs = nowMs;
      return;
    }
    const next = {
      client,
      partition,
      from: offset,
      to: offset + 1n,
      firstMs: nowMs,
      lastMs: nowMs,
    };
    this.#open.set(key, next);
    this.#runs.push(next);
  }

  /** The runs of one client, in the order in which they began. */
  of(client: string): Run[] {
    return this.#runs.filter((run) => run.client === client);
  }

  /** The offset after the highest anybody got; undefined before the first. */
  next(partition = 0): bigint | undefined {
    const ends = this.#runs.filter((run) => run.partition === partition).map(({ to }) => to);
    return ends.length === 0 ? undefined : ends.reduce((a, b) => a > b ? a : b);
  }

  /** Ranges up to `end` (exclusive) that nobody got. */
  gaps(partition: number, end: bigint): OffsetRange[] {
    const gaps: OffsetRange[] = [];
    let next = 0n;
    for (const { from, to } of sorted(this.#runs, partition)) {
      if (from > next) gaps.push({ partition, from: next, to: from });
      if (to > next) next = to;
    }
    if (next < end) gaps.push({ partition, from: next, to: end });
    return gaps;
  }

  /** Ranges that came more than once, as often as they came again. */
  repeats(partition: number): OffsetRange[] {
    return repeatsIn(this.#runs, partition);
  }

  /**
   * @throws {Error} when a record of a partition was got by nobody; `ends` are the ends of the
   * partitions, exclusive
   */
  verifyAll(ends: ReadonlyMap<number, bigint>): void {
    const gaps = [...ends].flatMap(([partition, end]) => this.gaps(partition, end));
    if (gaps.length === 0) return;
    throw new Error(`Nobody got: ${gaps.map(rangeText).join(", ")}\n${this.text()}`);
  }

  /** All runs as text, for the message of a failure. */
  text(): string {
    const line = ({ client, firstMs, lastMs, ...range }: Run) =>
      `  ${client}: ${rangeText(range)} at ${Math.round(firstMs)} to ${Math.round(lastMs)} ms`;
    return this.#runs.map(line).join("\n");
  }
}

/** Ranges of a partition that these runs hold more than once, as often as they hold them again. */
export function repeatsIn(runs: readonly Run[], partition: number): OffsetRange[] {
  const repeats: OffsetRange[] = [];
  let next = 0n;
  for (const { from, to } of sorted(runs, partition)) {
    const end = to < next ? to : next;
    if (from < end) repeats.push({ partition, from, to: end });
    if (to > next) next = to;
  }
  return repeats;
}

/**
 * How long two clients had a partition at a time, in ms: from the first record of the one that began
 * later to the last record of the one that began earlier, at most over all pairs of these runs.
 */
export function overlapMs(runs: readonly Run[], partition: number): number {
  const all = runs.filter((run) => run.partition === partition);
  let most = 0;
  for (const one of all) {
    for (const other of all) {
      if (one.client === other.client || other.firstMs < one.firstMs) continue;
      most = Math.max(most, one.lastMs - other.firstMs);
    }
  }
  return Math.round(most);
}

function sorted(runs: readonly Run[], partition: number): Run[] {
  return runs.filter((run) => run.partition === partition)
    .sort((a, b) => a.from < b.from ? -1 : a.from > b.from ? 1 : 0);
}

/** `partition 3: 100 to 200`, the end exclusive. */
export function rangeText({ partition, from, to }: OffsetRange): string {
  return `partition ${partition}: ${from} to ${to}`;
}

/** How many records ranges hold. */
export function recordsIn(ranges: readonly OffsetRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + Number(to - from), 0);
}
