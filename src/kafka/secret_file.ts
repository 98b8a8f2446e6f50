import { ProxyError } from "../core/proxy_error.ts";

/** Reads a file as UTF-8. */
export type ReadText = (path: string) => Promise<string>;

/**
 * A file that somebody else may write anew at any time: it is read at each use, and what was read
 * last stands in while it cannot be read or is empty, as in the moment of being written.
 */
export class SecretFile {
  readonly #path: string;
  readonly #what: string;
  readonly #readText: ReadText;
  #last: string | undefined;

  /** @param what what it holds, for messages: "the password's file" */
  constructor(path: string, what: string, readText: ReadText) {
    this.#path = path;
    this.#what = what;
    this.#readText = readText;
  }

  /**
   * Its text, without a line break at its end.
   *
   * @throws {ProxyError} `kafka_auth_failed` when there has never been any
   */
  async text(): Promise<string> {
    let reason = "it is empty";
    try {
      const text = (await this.#readText(this.#path)).replace(/\r?\n$/, "");
      if (text !== "") return this.#last = text;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    if (this.#last !== undefined) return this.#last;
    const path = JSON.stringify(this.#path);
    throw new ProxyError("kafka_auth_failed", `Cannot read ${this.#what} ${path}: ${reason}`);
  }
}
