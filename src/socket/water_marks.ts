/** All sockets together may hold about so much that the operating system has not taken, in bytes. */
const BUDGET_BYTES = 32 << 20;

const LEAST_HIGH_BYTES = 64 << 10;
const MOST_HIGH_BYTES = 1 << 20;
const LEAST_FRAME_BYTES = 64 << 10;
const MOST_FRAME_BYTES = 256 << 10;

/**
 * How much one socket may hold, which follows the number of sockets so that the sum stays inside
 * the budget.
 */
export class WaterMarks {
  #sockets = 0;

  /** Sockets that count. */
  get sockets(): number {
    return this.#sockets;
  }

  /** Above it nothing is sent to a socket until it is under {@linkcode lowBytes}. */
  get highBytes(): number {
    const share = Math.floor(BUDGET_BYTES / Math.max(this.#sockets, 1));
    return Math.min(Math.max(share, LEAST_HIGH_BYTES), MOST_HIGH_BYTES);
  }

  get lowBytes(): number {
    return this.highBytes / 4;
  }

  /**
   * Largest frame, unless a single record is larger: Deno keeps a buffer as large as the largest
   * frame a socket ever sent. A power of two, so that frames stay shareable while sockets come and
   * go.
   */
  get frameBytes(): number {
    const quarter = Math.min(Math.max(this.highBytes / 4, LEAST_FRAME_BYTES), MOST_FRAME_BYTES);
    return 2 ** Math.floor(Math.log2(quarter));
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
}
