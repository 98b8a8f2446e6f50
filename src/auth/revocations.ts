/**
 * Which credentials are good, by their ids: those of the settings now, less what was revoked.
 *
 * The id of a credential changes with what it is made of (a password, a key, rights), so that a
 * changed one is another. Whoever was let in by one that is gone is told by its signal.
 */
export class Revocations {
  readonly #live = new Map<string, AbortController>();

  /** The ids of all credentials from now on; those that are missing end. */
  replace(ids: Iterable<string>): void {
    const wanted = new Set(ids);
    for (const [id, controller] of this.#live) {
      if (wanted.has(id)) continue;
      this.#live.delete(id);
      controller.abort();
    }
    for (const id of wanted) {
      if (!this.#live.has(id)) this.#live.set(id, new AbortController());
    }
  }

  /** Aborted when the credential ends; `undefined` for one that is not good. */
  signal(id: string): AbortSignal | undefined {
    return this.#live.get(id)?.signal;
  }
}
