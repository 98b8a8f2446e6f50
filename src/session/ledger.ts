import type { FrameSink } from "../core/ports.ts";

/**
 * Which positions of a group may be committed. Positions are next offsets, as Kafka commits them.
 */
export interface Ledger {
  /** A partition is ours from this offset on; one that goes on where it was keeps what it knows. */
  assigned(partition: number, offset: bigint): void;
  /**
   * Everything up to `next` was sent, the last `records` of it just now, when the socket had been
   * given `atBytes` in all.
   */
  reached(partition: number, next: bigint, atBytes: number, records: number): void;
  /** The operating system has taken `bytes` of what the socket was given. */
  took(bytes: number): void;
  /** Positions to commit that have not been; all that may be when `again`. */
  due(again?: boolean): Map<number, bigint>;
  /** Kafka has these now. */
  committed(positions: ReadonlyMap<number, bigint>): void;
  /** Forgets all partitions but these. */
  keep(partitions: readonly number[]): void;
  /** Resolves when everything sent so far may be committed, or after `timeoutMs`. */
  settled(sink: FrameSink, timeoutMs: number): Promise<void>;
}

/** Of those whose positions nobody commits. */
export const NO_LEDGER: Ledger = {
  assigned() {},
  reached() {},
  took() {},
  due: () => new Map(),
  committed() {},
  keep() {},
  settled: () => Promise.resolve(),
};
