/** Who holds a pinned partition of a group. */
export interface Claimant {
  /** Asks it to give up everything it holds; resolves when its position is committed. */
  evict(): Promise<void>;
}

/**
 * Which session of this process holds which pinned partition: the newest one, always.
 *
 * A newcomer has its claim at once and waits for the older ones to be done. Whoever comes while it
 * still waits evicts it in turn, and waits for it, and so for the older ones too.
 */
export class Claims {
  readonly #owners = new Map<string, Claimant>();

  /** Takes the keys for `claimant`; resolves when every older owner of any of them has let go. */
  async claim(keys: readonly string[], claimant: Claimant): Promise<void> {
    const older = new Set<Claimant>();
    for (const key of keys) {
      const owner = this.#owners.get(key);
      if (owner !== undefined) older.add(owner);
      this.#owners.set(key, claimant);
    }
    await Promise.all([...older].map((owner) => owner.evict()));
  }

  /** Lets go of those keys that are still the claimant's. */
  release(keys: readonly string[], claimant: Claimant): void {
    for (const key of keys) if (this.#owners.get(key) === claimant) this.#owners.delete(key);
  }
}

/** Name of a pinned partition; no part can contain a blank. */
export function claimKey(topic: string, group: string, partition: number): string {
  return `${topic} ${group} ${partition}`;
}
