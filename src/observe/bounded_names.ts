/** Stands for every name beyond the limit. */
export const OTHER = "other";

/**
 * Names as label values, at most so many: the first ones are themselves, later ones are
 * {@linkcode OTHER}. A name keeps its place for good, because a counter that vanished and came back
 * would count from 0 again.
 */
export class BoundedNames {
  readonly #limit: number;
  readonly #names = new Set<string>();

  /** 0 makes every name {@linkcode OTHER}. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The label value for a name. */
  label(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= this.#limit) return OTHER;
    this.#names.add(name);
    return name;
  }

  /** Lets go of the names that are not among these, for gauges that vanish with what they show. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#names) if (!names.has(name)) this.#names.delete(name);
  }
}
