import { ProxyError } from "../core/proxy_error.ts";
import type { Log } from "../observe/events.ts";
import { Backoff } from "../stream/backoff.ts";
import { sleep } from "../stream/sleep.ts";

/** Pause between two looks while Kafka answers, in ms. */
const CHECK_MS = 5_000;

/** Work that takes longer makes the monitor look now. */
const SLOW_MS = 250;

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
  /** Ends the pause between two looks. */
  #pausing = new AbortController();
  #awaySinceMs: number | undefined;
  #wasReached = false;
  /** The brokers answer, but do not accept our credentials. */
  #isRefused = false;
  #reason = "it has not answered yet";
  readonly #waiting = new Set<(error: ProxyError) => void>();
  #first: Promise<void> | undefined;
  #looking: Promise<void> | undefined;

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
    this.#pausing.abort();
  }

  /** Why Kafka is not ready; undefined when it is. */
  get trouble(): string | undefined {
    if (this.#wasReached && this.#awaySinceMs === undefined) return undefined;
    return this.#reason;
  }

  /** @throws {ProxyError} `kafka_unavailable`, `kafka_auth_failed` */
  check(): void {
    if (this.trouble !== undefined) throw this.#away();
  }

  /**
   * The outcome of work that asks Kafka; `kafka_unavailable` as soon as it turns out that no broker
   * answers, however long the work itself goes on trying.
   */
  async guard<T>(work: Promise<T>): Promise<T> {
    const { promise: away, reject } = Promise.withResolvers<never>();
    this.#waiting.add(reject);
    const slow = setTimeout(() => void this.#look(), SLOW_MS);
    try {
      return await Promise.race([work, away]);
    } finally {
      clearTimeout(slow);
      this.#waiting.delete(reject);
    }
  }

  async #watch(): Promise<void> {
    const backoff = new Backoff(100, 2_000);
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (this.trouble === undefined) backoff.reset();
      this.#pausing = new AbortController();
      await sleep(this.trouble === undefined ? CHECK_MS : backoff.next(), this.#pausing.signal);
      if (!signal.aborted) await this.#look();
    }
  }

  #look(): Promise<void> {
    return this.#looking ??= this.#lookOnce().finally(() => this.#looking = undefined);
  }

  async #lookOnce(): Promise<void> {
    try {
      await this.#ask();
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      // Others may have made it look: from now on it is to look often, not after the long pause.
      if (this.trouble === undefined) this.#pausing.abort();
      this.#reason = error instanceof Error ? error.message : String(error);
      this.#awaySinceMs ??= performance.now();
      this.#isRefused = error instanceof ProxyError && error.code === "kafka_auth_failed";
      const event = this.#isRefused ? "kafka_auth_failed" : "kafka_unreachable";
      this.#events.emit(event, { kafka: this.#kafka, error });
      for (const reject of this.#waiting) reject(this.#away());
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

  #away(): ProxyError {
    if (this.#isRefused) {
      return new ProxyError("kafka_auth_failed", "Kafka does not accept the server's credentials");
    }
    return new ProxyError("kafka_unavailable", `Kafka cannot be reached now: ${this.trouble}`);
  }
}
