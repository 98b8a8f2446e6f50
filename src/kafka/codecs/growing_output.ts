import { batchTooLarge } from "./codec_error.ts";
import { trimmed } from "./trimmed.ts";

/**
 * Output of unknown size, in one array that doubles up to the limit.
 *
 * Memory: at most twice the limit, while it grows for the last time.
 */
export class GrowingOutput {
  readonly #codec: string;
  readonly #maxBytes: number;
  #array: Uint8Array;
  #bytes = 0;

  /** `expectedBytes` is what to start with. */
  constructor(codec: string, maxBytes: number, expectedBytes: number) {
    this.#codec = codec;
    this.#maxBytes = maxBytes;
    this.#array = new Uint8Array(Math.min(expectedBytes, maxBytes));
  }

  /** Bytes appended so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Copies `part` to the end.
   *
   * @throws {ProxyError} `batch_too_large`
   */
  append(part: Uint8Array): void {
    const bytes = this.#bytes + part.length;
    if (bytes > this.#maxBytes) throw batchTooLarge(this.#codec, this.#maxBytes);
    if (bytes > this.#array.length) {
      const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(bytes, this.#bytes * 2)));
      grown.set(this.#array.subarray(0, this.#bytes));
      this.#array = grown;
    }
    this.#array.set(part, this.#bytes);
    this.#bytes = bytes;
  }

  /** Everything appended. The output must not be used afterwards. */
  finish(): Uint8Array {
    return trimmed(this.#array, this.#bytes);
  }
}
