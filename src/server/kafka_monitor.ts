import { ProxyError } from "../core/proxy_error.ts";
import type { Log } from "../observe/events.ts";
import { Backoff } from "../stream/backoff.ts";
import { sleep } from "../stream/sleep.ts";

/** Pause between two looks while Kafka answers, in ms. */
const CHECK_MS = 5_000;

/**
 * Knows whether Kafka can be reached, by asking it now and then, and reports when that changes.
 *
 * While it cannot, clients are told at once instead of waiting for a connection to time out.
 */
export class KafkaMonitor {
  readonly #kafka: string;
  readonly #ask: () => Promise<unknown>;
  readonly #events: Log;
  readonly #stopping = new AbortController();
  #awaySinceMs: number | undefined;
  #wasReached = false;
  #reason = "it has not answered yet";
  #first: Promise<void> | undefined;

  constructor(kafka: readonly string[], ask: () => Promise<unknown>, events: Log) {
    this.#kafka = kafka.join(",");
    this.#ask = ask;
    this.#events = events;
  }

  /** Starts asking; resolves after the first answer or failure. */
  start(): Promise<void> {
    this.#first ??= this.#look();
    void this.#first.then(() => this.#watch());
    return this.#first;
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Why Kafka is not ready; undefined when it is. */
  get trouble(): string | undefined {
    if (this.#wasReached && this.#awaySinceMs === undefined) return undefined;
    return this.#reason;
  }

  /** @throws {ProxyError} `kafka_unavailable` */
  check(): void {
    const { trouble } = this;
    if (trouble !== undefined) {
      throw new ProxyError("kafka_unavailable", `Kafka cannot be reached now: ${trouble}`);
    }
  }

  async #watch(): Promise<void> {
    const backoff = new Backoff(100, 2_000);
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (this.trouble === undefined) backoff.reset();
      await sleep(this.trouble === undefined ? CHECK_MS : backoff.next(), signal);
      if (!signal.aborted) await this.#look();
    }
  }

  async #look(): Promise<void> {
    try {
      await this.#ask();
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#reason = error instanceof Error ? error.message : String(error);
      this.#awaySinceMs ??= performance.now();
      this.#events.emit("kafka_unreachable", { kafka: this.#kafka, error });
      return;
    }
    if (!this.#wasReached) {
      this.#wasReached = true;
      this.#events.emit("kafka_connected", { kafka: this.#kafka });
    } else if (this.#awaySinceMs !== undefined) {
      const awayMs = Math.round(performance.now() - this.#awaySinceMs);
      this.#events.emit("kafka_back", { awayMs, kafka: this.#kafka });
    }
    this.#awaySinceMs = undefined;
  }
}
