import type { Written } from "../core/ports.ts";
import type { ProxyError } from "../core/proxy_error.ts";

/** One call of `write()`: its results come in any order, and it is over with the last of them. */
export class WriteCall {
  readonly #results: Written[];
  readonly #done: (results: Written[]) => void;
  #left: number;

  constructor(records: number, done: (results: Written[]) => void) {
    this.#results = new Array(records);
    this.#left = records;
    this.#done = done;
  }

  /** Once for each record. */
  settle(index: number, written: Written): void {
    this.#results[index] = written;
    if (--this.#left === 0) this.#done(this.#results);
  }

  /** For all records of a call of which none has got a result. */
  failAll(error: ProxyError): void {
    for (let i = this.#results.length - 1; i >= 0; i--) {
      this.settle(i, { outcome: "failed", error });
    }
  }
}
