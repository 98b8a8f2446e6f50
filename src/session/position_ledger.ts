/** A position that counts once the operating system has taken so many bytes of the socket. */
interface Entry {
  readonly partition: number;
  readonly next: bigint;
  readonly atBytes: number;
}

/**
 * Which positions of a group may be committed: those whose bytes the operating system has taken.
 *
 * Positions are next offsets, as Kafka commits them.
 */
export class PositionLedger {
  #sent: Entry[] = [];
  readonly #taken = new Map<number, bigint>();
  readonly #committed = new Map<number, bigint>();

  /** Everything up to `next` was sent when the socket had been given `atBytes` in all. */
  reached(partition: number, next: bigint, atBytes: number): void {
    const last = this.#sent.at(-1);
    if (last?.partition === partition && last.atBytes === atBytes) this.#sent.pop();
    this.#sent.push({ partition, next, atBytes });
  }

  /** The operating system has taken `bytes` of what the socket was given. */
  took(bytes: number): void {
    let count = 0;
    for (const { partition, next, atBytes } of this.#sent) {
      if (atBytes > bytes) break;
      this.#taken.set(partition, next);
      count++;
    }
    if (count > 0) this.#sent = this.#sent.slice(count);
  }

  /** Positions to commit: taken, and not committed yet; all that were taken when `again`. */
  due(again = false): Map<number, bigint> {
    if (again) return new Map(this.#taken);
    return new Map(
      [...this.#taken].filter(([partition, next]) => this.#committed.get(partition) !== next),
    );
  }

  /** Kafka has these now. */
  committed(positions: ReadonlyMap<number, bigint>): void {
    for (const [partition, next] of positions) this.#committed.set(partition, next);
  }

  /** Forgets all partitions but these. */
  keep(partitions: readonly number[]): void {
    this.#sent = this.#sent.filter(({ partition }) => partitions.includes(partition));
    for (const positions of [this.#taken, this.#committed]) {
      for (const partition of positions.keys()) {
        if (!partitions.includes(partition)) positions.delete(partition);
      }
    }
  }

  /** The last positions the operating system has taken. */
  get taken(): ReadonlyMap<number, bigint> {
    return this.#taken;
  }
}
