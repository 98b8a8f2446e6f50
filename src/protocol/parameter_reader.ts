import { ProxyError } from "../core/proxy_error.ts";
import { nearName } from "./near_name.ts";
import { quoted } from "../core/quoted.ts";

/** How one parameter is read. */
export interface Parameter<T> {
  /** The value when the parameter is not there. */
  readonly absent: T;
  /** What would be right, for the message. */
  readonly wanted: string;
  /** The value of a text, `undefined` when it has none. */
  readonly parse: (text: string) => T | undefined;
}

/**
 * Reads the parameters of a query one after another and collects everything that is wrong with them
 * for one message at the end.
 *
 * A parameter that stands there twice is wrong, and so is a name that can only be a slip for one of
 * `known`. Other unknown names are nobody's business here: the original took no notice of them.
 */
export class ParameterReader {
  readonly #parameters: URLSearchParams;
  /** By the known parameter that is meant: one for each, so that no query makes a long answer. */
  readonly #problems = new Map<string, string>();

  /** Looks through the names at once; values are looked at by {@linkcode read}. */
  constructor(parameters: URLSearchParams, known: readonly string[]) {
    this.#parameters = parameters;
    for (const name of parameters.keys()) {
      if (known.includes(name)) continue;
      const meant = nearName(name, known);
      if (meant !== undefined) {
        this.wrong(meant, `${quoted(name)} is no parameter, wanted "${meant}"`);
      }
    }
  }

  /** Whether something is wrong with this parameter. */
  isWrong(name: string): boolean {
    return this.#problems.has(name);
  }

  /** Notes that something is wrong; the first problem of a parameter stays. */
  wrong(name: string, problem: string): void {
    if (!this.isWrong(name)) this.#problems.set(name, problem);
  }

  /** The parameter's value, or the one for its absence; that also stands in for a wrong one. */
  read<T>(name: string, parameter: Parameter<T>): T {
    const texts = this.#parameters.getAll(name);
    if (texts.length === 0) return parameter.absent;
    const [text] = texts;
    if (texts.length > 1) {
      this.wrong(name, `"${name}" is there ${texts.length} times, wanted once`);
      return parameter.absent;
    }
    const value = parameter.parse(text);
    if (value !== undefined) return value;
    this.wrong(name, `"${name}" is ${quoted(text)}, wanted ${parameter.wanted}`);
    return parameter.absent;
  }

  /**
   * Ends the reading; it is what throws.
   *
   * @throws {ProxyError} `bad_parameter` with all problems in its message and in `details.problems`
   */
  finish(): void {
    if (this.#problems.size === 0) return;
    const problems = [...this.#problems.values()];
    throw new ProxyError("bad_parameter", `Cannot subscribe: ${problems.join("; ")}`, {
      details: { problems },
    });
  }
}
