import type { FrameSink, GroupPositions } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { Log } from "../observe/events.ts";
import type { Ledger } from "./ledger.ts";

/** Unchanged positions are written again so often, or Kafka would forget them after some days. */
const AGAIN_MS = 3_600_000;

/** What a committer works on. */
export interface CommitterOptions {
  readonly group: string;
  readonly topic: string;
  readonly session: string;
  readonly ledger: Ledger;
  readonly sink: FrameSink;
  readonly groups: Pick<GroupPositions, "commit">;
  readonly intervalMs: number;
  readonly events: Log;
  /** Called when the group has become somebody else's, or may not be written. */
  readonly onRefused: (error: ProxyError) => void;
  /** Called with what Kafka has taken. */
  readonly onCommitted?: (next: ReadonlyMap<number, bigint>) => void;
}

/**
 * Commits what the operating system has taken, every so often and at the end, one commit at a time:
 * an older one that is tried again must not come after a newer one.
 *
 * A commit that fails for a passing reason is tried again with the next one; positions only ever
 * move forwards here, because they come from one cursor.
 */
export class GroupCommitter {
  readonly #options: CommitterOptions;
  #timer: ReturnType<typeof setInterval> | undefined;
  #running: Promise<void> = Promise.resolve();
  #isBusy = false;
  #isRefused = false;
  #isSoon = false;
  #againMs = performance.now() + AGAIN_MS;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Starts the interval; after {@linkcode pause} it starts again. */
  start(): void {
    this.#isRefused = false;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      if (!this.#isBusy) this.#running = this.#commit();
    }, this.#options.intervalMs);
  }

  /** Commits now, or right after the commit that is under way: somebody waits for the answer. */
  soon(): void {
    if (this.#isSoon) return;
    this.#isSoon = true;
    this.#running = this.#running.then(async () => {
      this.#isSoon = false;
      await this.#commit();
    });
  }

  /** Commits once more and stops the interval. */
  async pause(): Promise<void> {
    clearInterval(this.#timer);
    this.#running = this.#running.then(() => this.#commit());
    await this.#running;
  }

  /** Commits for the last time. */
  async finish(): Promise<void> {
    await this.pause();
  }

  async #commit(): Promise<void> {
    const { group, topic, session, ledger, sink, groups, events } = this.#options;
    ledger.took(sink.takenBytes);
    const again = performance.now() > this.#againMs;
    const due = ledger.due(again);
    if (due.size === 0 || this.#isRefused) return;
    this.#isBusy = true;
    try {
      await groups.commit(group, topic, due);
      ledger.committed(due);
      this.#options.onCommitted?.(due);
      if (again) this.#againMs = performance.now() + AGAIN_MS;
    } catch (error) {
      events.emit("commit_failed", { group, topic, session, error });
      const known = ProxyError.from(error);
      if (!known.row.retriable) {
        this.#isRefused = true;
        this.#options.onRefused(known);
      }
    } finally {
      this.#isBusy = false;
    }
  }
}
