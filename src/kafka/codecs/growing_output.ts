import { trimmed } from "./trimmed.ts";

/**
 * Output of unknown size, in one array that doubles up to a limit.
 *
 * Memory: at most twice the limit, while it grows for the last time.
 */
export class GrowingOutput {
  readonly #maxBytes: number;
  #array: Uint8Array;
  #bytes = 0;

  /** `expectedBytes` is what to start with. */
  constructor(maxBytes: number, expectedBytes: number) {
    this.#maxBytes = maxBytes;
    this.#array = new Uint8Array(Math.min(expectedBytes, maxBytes));
  }

  /** Bytes appended so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies `part` to the end; `false`, and nothing, when that would be over the limit. */
  append(part: Uint8Array): boolean {
    const bytes = this.#bytes + part.length;
    if (bytes > this.#maxBytes) return false;
    if (bytes > this.#array.length) {
      const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(bytes, this.#bytes * 2)));
      grown.set(this.#array.subarray(0, this.#bytes));
      this.#array = grown;
    }
    this.#array.set(part, this.#bytes);
    this.#bytes = bytes;
    return true;
  }

  /** Everything appended. The output must not be used afterwards. */
  finish(): Uint8Array {
    return trimmed(this.#array, this.#bytes);
  }
}
