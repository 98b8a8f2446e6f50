import type { GroupPositions } from "../../src/core/ports.ts";
import type { ProxyError } from "../../src/core/proxy_error.ts";

/** One commit that was taken. */
export interface Commit {
  readonly group: string;
  readonly topic: string;
  readonly next: ReadonlyMap<number, bigint>;
}

/** Committed positions of groups in memory, with failures on demand. */
export class FakeGroups implements GroupPositions {
  /** Live members of groups. */
  readonly live = new Map<string, string[]>();
  /** Every commit that was taken, in order. */
  readonly commits: Commit[] = [];
  /** What the next commits are answered, one each. */
  readonly failures: ProxyError[] = [];
  /** Tries to commit so far, failed ones included. */
  tries = 0;
  /** What happened, in order: `commit 0:5`. */
  readonly history: string[];
  readonly #positions = new Map<string, bigint>();
  #held: PromiseWithResolvers<void> | undefined;

  constructor(history: string[] = []) {
    this.history = history;
  }

  /** A group's position, as another client or an earlier session has left it. */
  set(group: string, topic: string, partition: number, next: bigint): void {
    this.#positions.set(`${group} ${topic} ${partition}`, next);
  }

  get(group: string, topic: string, partition: number): bigint | undefined {
    return this.#positions.get(`${group} ${topic} ${partition}`);
  }

  /** All requests wait from now on until the returned function is called. */
  hold(): () => void {
    const held = Promise.withResolvers<void>();
    this.#held = held;
    return () => {
      if (this.#held === held) this.#held = undefined;
      held.resolve();
    };
  }

  async members(group: string): Promise<string[]> {
    await this.#held?.promise;
    return this.live.get(group) ?? [];
  }

  async committed(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, bigint>> {
    await this.#held?.promise;
    return new Map(partitions.flatMap((partition) => {
      const next = this.get(group, topic, partition);
      return next === undefined ? [] : [[partition, next]];
    }));
  }

  async commit(
    group: string,
    topic: string,
    next: ReadonlyMap<number, bigint>,
    guard?: () => void,
  ): Promise<void> {
    this.tries++;
    await this.#held?.promise;
    guard?.();
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.commits.push({ group, topic, next: new Map(next) });
    for (const [partition, offset] of next) {
      this.set(group, topic, partition, offset);
      this.history.push(`commit ${partition}:${offset}`);
    }
  }
}
