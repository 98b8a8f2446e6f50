import { eventually } from "./eventually.ts";
import { History } from "./history.ts";
import { type ClientClose, RecordClient } from "./record_client.ts";

/** Close codes after which a client comes back. */
const COME_BACK = [1001, 1006, 1012, 1013];

/** How its connections ended, and when. */
export interface Ending extends ClientClose {
  readonly atMs: number;
}

/**
 * A client that comes back after every end that is not its own, as `docs/PROTOCOL.md` tells clients
 * to; one history over all its connections.
 */
export class ReturningClient implements AsyncDisposable {
  readonly history = new History({ from: 0n });
  /** The ends that were not its own. */
  readonly endings: Ending[] = [];
  readonly #url: (next: bigint | undefined) => string;
  readonly #running: Promise<void>;
  #client: RecordClient | undefined;
  #isOver = false;

  /** @param url the address to come back to, made from the offset that is due */
  constructor(url: (next: bigint | undefined) => string) {
    this.#url = url;
    this.#running = this.#run();
  }

  /** Waits until it has had the record before an offset. */
  async until(next: bigint, timeoutMs = 30_000): Promise<void> {
    await eventually(
      `a client to reach ${next}`,
      () => (this.history.next() ?? 0n) >= next,
      { timeoutMs },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#client?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      let client: RecordClient;
      try {
        const { history } = this;
        client = await RecordClient.open(this.#url(history.next()), { history, keep: false });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 50));
        continue;
      }
      this.#client = client;
      if (this.#isOver) await client.close();
      const { code, reason } = await client.closed;
      if (this.#isOver) return;
      this.endings.push({ code, reason, atMs: performance.now() });
      if (!COME_BACK.includes(code)) throw new Error(`Closed for good with ${code} "${reason}"`);
    }
  }
}
