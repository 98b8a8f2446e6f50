/**
 * Decimal digits of offsets that mostly count upwards: the text of the last one is kept and
 * incremented in place, which is exact at any size and several times cheaper than dividing.
 */
export class OffsetDigits {
  readonly #digits = new Uint8Array(20);
  #start = 20;
  #base = -1n;
  #delta = -1;

  /** Writes `base + delta` to `out` at `at`; returns the position after it. At most 20 bytes. */
  write(base: bigint, delta: number, out: Uint8Array, at: number): number {
    if (base !== this.#base || delta !== this.#delta + 1 || !this.#increment()) {
      this.#set(base + BigInt(delta));
    }
    this.#base = base;
    this.#delta = delta;
    const digits = this.#digits;
    for (let i = this.#start; i < 20; i++) out[at++] = digits[i];
    return at;
  }

  /** False when the number would grow by a digit. */
  #increment(): boolean {
    const digits = this.#digits;
    let i = 19;
    while (i >= this.#start && digits[i] === NINE) digits[i--] = ZERO;
    if (i < this.#start) return false;
    digits[i]++;
    return true;
  }

  #set(offset: bigint): void {
    const text = offset.toString();
    this.#start = 20 - text.length;
    for (let i = 0; i < text.length; i++) this.#digits[this.#start + i] = text.charCodeAt(i);
  }
}

const ZERO = 0x30;
const NINE = 0x39;
