import type { FrameSink } from "../core/ports.ts";
import type { Ledger } from "./ledger.ts";

/** A position that counts once the operating system has taken so many bytes of the socket. */
interface Entry {
  readonly partition: number;
  readonly next: bigint;
  readonly atBytes: number;
}

/** The ledger of `auto`: a position may be committed when the operating system has its bytes. */
export class PositionLedger implements Ledger {
  #sent: Entry[] = [];
  readonly #taken = new Map<number, bigint>();
  readonly #committed = new Map<number, bigint>();

  assigned(): void {}

  reached(partition: number, next: bigint, atBytes: number): void {
    const last = this.#sent.at(-1);
    if (last?.partition === partition && last.atBytes === atBytes) this.#sent.pop();
    this.#sent.push({ partition, next, atBytes });
  }

  took(bytes: number): void {
    let count = 0;
    for (const { partition, next, atBytes } of this.#sent) {
      if (atBytes > bytes) break;
      this.#taken.set(partition, next);
      count++;
    }
    if (count > 0) this.#sent = this.#sent.slice(count);
  }

  due(again = false): Map<number, bigint> {
    if (again) return new Map(this.#taken);
    return new Map(
      [...this.#taken].filter(([partition, next]) => this.#committed.get(partition) !== next),
    );
  }

  committed(positions: ReadonlyMap<number, bigint>): void {
    for (const [partition, next] of positions) this.#committed.set(partition, next);
  }

  settled(sink: FrameSink, timeoutMs: number): Promise<void> {
    return sink.drained(timeoutMs);
  }

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
