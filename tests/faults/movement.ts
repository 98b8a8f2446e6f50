/** Who moves, how far everybody has come, and for how long somebody has stood still. */
export class Movement {
  readonly #next = new Map<string, bigint[]>();
  readonly #movedMs = new Map<string, number>();
  #partitions = 0;
  #longestMs = 0;

  /** @param consumers by their names, each from offset 0 of every partition */
  constructor(writers: readonly string[], consumers: readonly string[], partitions: number) {
    for (const name of writers) this.#movedMs.set(name, -Infinity);
    for (const name of consumers) this.#next.set(name, []);
    while (this.#partitions < partitions) this.addPartition();
  }

  /** How many partitions the topic has. */
  get partitions(): number {
    return this.#partitions;
  }

  /** The topic has one more, which everybody is to read from offset 0. */
  addPartition(): void {
    for (const [name, next] of this.#next) {
      next.push(0n);
      this.#movedMs.set(movingName(name, this.#partitions), -Infinity);
    }
    this.#partitions++;
  }

  /** The longest time so far in which somebody who had moved before did not, in ms. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** A producer was told an offset. */
  wrote(writer: string): void {
    this.#moved(writer);
  }

  /** A consumer got a record. */
  read(consumer: string, partition: number, offset: bigint): void {
    const next = this.#next.get(consumer)!;
    if (offset >= next[partition]) next[partition] = offset + 1n;
    this.#moved(movingName(consumer, partition));
  }

  /** A consumer was told that offsets before this one will not come. */
  missed(consumer: string, partition: number, to: bigint): void {
    const next = this.#next.get(consumer)!;
    if (to > next[partition]) next[partition] = to;
  }

  /** The offset after the highest that a consumer has had of a partition, or was told to miss. */
  next(consumer: string, partition: number): bigint {
    return this.#next.get(consumer)![partition];
  }

  /** Producers, and partitions of consumers, that have not moved since then. */
  still(sinceMs: number): string[] {
    return [...this.#movedMs].filter(([, atMs]) => atMs <= sinceMs).map(([name]) => name);
  }

  /** Consumers that have not come to the ends of all partitions, and where they are. */
  behind(ends: readonly bigint[]): string[] {
    return [...this.#next].filter(([, next]) => ends.some((end, i) => next[i] < end))
      .map(([name, next]) => `${name} at ${next}`);
  }

  #moved(name: string): void {
    const nowMs = performance.now();
    const beforeMs = this.#movedMs.get(name)!;
    if (beforeMs > 0) this.#longestMs = Math.max(this.#longestMs, nowMs - beforeMs);
    this.#movedMs.set(name, nowMs);
  }
}

function movingName(consumer: string, partition: number): string {
  return `${consumer}, partition ${partition}`;
}
