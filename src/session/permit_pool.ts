/** So many records and bytes. */
export interface Permits {
  readonly records: number;
  readonly bytes: number;
}

/**
 * What all clients together may have written without an answer, beyond their opening balances:
 * whoever asks for more gets what is left.
 */
export class PermitPool {
  #records: number;
  #bytes: number;

  constructor({ records, bytes }: Permits) {
    this.#records = records;
    this.#bytes = bytes;
  }

  /** What is left. */
  get left(): Permits {
    return { records: this.#records, bytes: this.#bytes };
  }

  /** Takes as much as is there, which may be nothing. */
  take(asked: Permits): Permits {
    const records = Math.min(asked.records, this.#records);
    const bytes = Math.min(asked.bytes, this.#bytes);
    this.#records -= records;
    this.#bytes -= bytes;
    return { records, bytes };
  }

  giveBack({ records, bytes }: Permits): void {
    this.#records += records;
    this.#bytes += bytes;
  }
}
