import type { Chunk } from "../core/chunk.ts";

/**
 * The chunks of one partition that are kept: by offset, not overlapping, holes allowed.
 *
 * They begin and end where record batches do, as far as can be, so that cursors that started
 * anywhere come to the same boundaries and share what lies between them.
 */
export class ChunkRow {
  readonly #chunks: Chunk[] = [];
  readonly #joinedBytes: number;

  /** @param joinedBytes neighbours that are together no larger than this may be joined */
  constructor(joinedBytes: number) {
    this.#joinedBytes = joinedBytes;
  }

  /** Chunks there are. */
  get length(): number {
    return this.#chunks.length;
  }

  /** The chunk at a place in the row; negative places count from the end. */
  at(index: number): Chunk | undefined {
    return this.#chunks.at(index);
  }

  /** The chunk that covers an offset. */
  covering(offset: bigint): Chunk | undefined {
    const chunk = this.#chunks[this.indexBelow(offset)];
    return chunk === undefined || offset >= chunk.next ? undefined : chunk;
  }

  /** Index of the last chunk that begins at or before an offset; -1 when there is none. */
  indexBelow(offset: bigint): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#chunks[middle].from <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /**
   * Puts in what the row has not got of a chunk.
   *
   * @returns what was put in; undefined when that is nothing
   */
  insert(chunk: Chunk): Chunk | undefined {
    const whole = fromBatch(chunk);
    const below = this.indexBelow(whole.from);
    const fitting = upTo(after(whole, this.#chunks[below]?.next), this.#chunks[below + 1]?.from);
    if (fitting === undefined) return undefined;
    this.#chunks.splice(this.indexBelow(fitting.from) + 1, 0, fitting);
    return fitting;
  }

  /** Takes a chunk out. */
  remove(chunk: Chunk): void {
    const index = this.indexBelow(chunk.from);
    if (this.#chunks[index] === chunk) this.#chunks.splice(index, 1);
  }

  /** Takes all out. */
  clear(): Chunk[] {
    return this.#chunks.splice(0);
  }

  /**
   * Makes one of the chunk at a place and the next, if they are neighbours and small.
   *
   * @param isBusy whether somebody stands at an offset, and would come into the middle
   * @returns the two, and the one they have become
   */
  join(index: number, isBusy: (offset: bigint) => boolean): Joined | undefined {
    const [left, right] = [this.#chunks[index], this.#chunks[index + 1]];
    if (left === undefined || right === undefined || left.next !== right.from) return undefined;
    if (left.bytes + right.bytes > this.#joinedBytes || isBusy(right.from)) return undefined;
    if ((right.batches[0]?.baseOffset ?? right.from) < right.from) return undefined;
    const joined = {
      ...left,
      next: right.next,
      end: right.end > left.end ? right.end : left.end,
      batches: [...left.batches, ...right.batches],
      bytes: left.bytes + right.bytes,
    };
    this.#chunks.splice(index, 2, joined);
    return { parts: [left, right], joined };
  }
}

/** Chunks that have become one. */
export interface Joined {
  readonly parts: readonly Chunk[];
  readonly joined: Chunk;
}

/** A batch comes whole, so a chunk that was asked for from its middle has its beginning too. */
function fromBatch(chunk: Chunk): Chunk {
  const first = chunk.batches[0]?.baseOffset;
  return first === undefined || first >= chunk.from ? chunk : { ...chunk, from: first };
}

/** Without what lies before an offset. */
function after(chunk: Chunk, from: bigint | undefined): Chunk | undefined {
  if (from === undefined || from <= chunk.from) return chunk;
  if (from >= chunk.next) return undefined;
  return { ...chunk, from, batches: chunk.batches.filter(({ lastOffset }) => lastOffset >= from) };
}

/** Without what lies from an offset on; undefined when a batch reaches over it. */
function upTo(chunk: Chunk | undefined, next: bigint | undefined): Chunk | undefined {
  if (chunk === undefined || next === undefined || next >= chunk.next) return chunk;
  if (next <= chunk.from) return undefined;
  const batches = chunk.batches.filter(({ baseOffset }) => baseOffset < next);
  if (batches.some(({ lastOffset }) => lastOffset >= next)) return undefined;
  return { ...chunk, next, batches };
}
