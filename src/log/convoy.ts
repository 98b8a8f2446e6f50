import type { Chunk } from "../core/chunk.ts";
import type { ChunkRow } from "./chunk_row.ts";

/** Where a cursor stands in one partition. */
export interface LogPosition {
  readonly offset: bigint;
  /** When it took its last chunk, or started; by `performance.now`. */
  readonly movedMs: number;
}

/** A reader counts as on its way for so long after it moved, and for so much more for each other. */
const MOVING_MS = 1_000;
const MOVING_MS_EACH = 12;

/** About what a process takes to give a MiB of records to one reader, in ms. */
const STEP_MS_EACH = 4;

const MIB = 1 << 20;

/**
 * The cursors of one partition that go through it one behind the other.
 *
 * They share what the first one fetches for as long as it is kept. So that it is kept until the last
 * one has come by, the first waits for the others before it fetches more than the cache has room
 * for: as long as the process would need to serve them all, and no longer. Who is slower than that
 * falls back and reads for itself. A crowd so costs the broker one reader, not as many as it has
 * heads; and a reader waits for a few slow ones only milliseconds.
 */
export class Convoy {
  readonly #row: ChunkRow;
  readonly #positions: ReadonlySet<LogPosition>;
  readonly #bytesOf: (chunk: Chunk) => number;

  constructor(
    row: ChunkRow,
    positions: ReadonlySet<LogPosition>,
    bytesOf: (chunk: Chunk) => number,
  ) {
    this.#row = row;
    this.#positions = positions;
    this.#bytesOf = bytesOf;
  }

  /**
   * How much longer a fetch from an offset should wait, in ms.
   *
   * @param fetchBytes what it may bring
   * @param roomBytes what the cache has for this partition
   * @param waitedMs how long it has waited
   */
  waitMs(offset: bigint, fetchBytes: number, roomBytes: number, waitedMs: number): number {
    const { readers, bytes } = this.#behind(offset);
    // Frames made from the records take about as much again.
    if (readers === 0 || bytes + 2 * fetchBytes <= roomBytes) return 0;
    return Math.max(readers * STEP_MS_EACH * fetchBytes / MIB - waitedMs, 0);
  }

  /** Tells how many readers are on their way to a chunk; good for a moment. */
  demand(): (chunk: Chunk) => number {
    const offsets = Float64Array.from(this.#moving(), ({ offset }) => Number(offset)).sort();
    return ({ next }) => countBelow(offsets, Number(next));
  }

  /** Who comes after through what is kept without a hole, and how many bytes it still has to read. */
  #behind(offset: bigint): { readers: number; bytes: number } {
    let index = this.#row.indexBelow(offset);
    let low = this.#row.at(index);
    if (index < 0 || low === undefined || low.next !== offset) return { readers: 0, bytes: 0 };
    for (let before = this.#row.at(index - 1); index > 0; before = this.#row.at(index - 1)) {
      if (before === undefined || before.next !== low.from) break;
      low = before;
      index--;
    }
    let readers = 0;
    let last = offset;
    for (const position of this.#moving()) {
      if (position.offset < low.from || position.offset >= offset) continue;
      readers++;
      if (position.offset < last) last = position.offset;
    }
    let bytes = 0;
    for (let i = this.#row.indexBelow(offset - 1n); i >= 0; i--) {
      const chunk = this.#row.at(i)!;
      if (chunk.next <= last) break;
      bytes += this.#bytesOf(chunk);
    }
    return { readers, bytes };
  }

  *#moving(): Generator<LogPosition> {
    const sinceMs = performance.now() - MOVING_MS - MOVING_MS_EACH * this.#positions.size;
    for (const position of this.#positions) if (position.movedMs >= sinceMs) yield position;
  }
}

function countBelow(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
