import { MemoryBudget } from "../stream/memory_budget.ts";

/** Without a budget of its own, as the setting's default has it. */
const STANDARD_BYTES = 256 << 20;

/** Of the memory for records, all sockets together should hold no more than this part. */
const SOCKETS_PARTS = 8;

const MOST_HIGH_BYTES = 1 << 20;
const LEAST_FRAME_BYTES = 16 << 10;
const MOST_FRAME_BYTES = 256 << 10;

/** Up to 64 KiB a frame is cheap enough a record not to be made smaller for memory's sake too soon. */
const FAIR_FRAME_BYTES = 64 << 10;

/**
 * How much one socket may hold, which follows the number of sockets so that the sum stays inside
 * the budget; and who counts what they hold.
 */
export class WaterMarks {
  readonly #budget: MemoryBudget;
  readonly #shareBytes: number;
  #sockets = 0;

  constructor(budget: MemoryBudget = new MemoryBudget(STANDARD_BYTES)) {
    this.#budget = budget;
    this.#shareBytes = budget.limitBytes / SOCKETS_PARTS;
  }

  /** Sockets that count. */
  get sockets(): number {
    return this.#sockets;
  }

  /** Whether the memory for records is used up by what cannot be let go of. */
  get isSpent(): boolean {
    return this.#budget.isSpent;
  }

  /**
   * Above it nothing is sent to a socket until it is under {@linkcode lowBytes}. When memory is
   * spent, nothing is sent to who holds anything.
   */
  get highBytes(): number {
    return this.isSpent ? 1 : this.#highBytes;
  }

  get lowBytes(): number {
    return this.isSpent ? 0 : this.#highBytes / 4;
  }

  /**
   * Largest frame, unless a single record is larger: Deno keeps a buffer as large as the largest
   * frame a socket ever sent. A power of two, so that frames stay shareable while sockets come and
   * go.
   */
  get frameBytes(): number {
    const quarter = Math.max(this.#highBytes / 4, this.#leastFrameBytes);
    return 2 ** Math.floor(Math.log2(Math.min(quarter, MOST_FRAME_BYTES)));
  }

  /** Counts a socket in; the returned function counts it out, once. */
  add(): () => void {
    this.#sockets++;
    let isCounted = true;
    return () => {
      if (isCounted) this.#sockets--;
      isCounted = false;
    };
  }

  /** Counts bytes in that a socket holds; negative ones out. */
  hold(bytes: number): void {
    this.#budget.hold(bytes);
  }

  get #highBytes(): number {
    const share = Math.floor(this.#shareBytes / Math.max(this.#sockets, 1));
    return Math.min(Math.max(share, this.#leastFrameBytes), MOST_HIGH_BYTES);
  }

  /** A socket holds at least a frame, and thousands of large frames would be over the budget. */
  get #leastFrameBytes(): number {
    const share = this.#shareBytes * SOCKETS_PARTS / 2 / Math.max(this.#sockets, 1);
    const least = Math.min(Math.max(share, LEAST_FRAME_BYTES), FAIR_FRAME_BYTES);
    return 2 ** Math.floor(Math.log2(least));
  }
}
