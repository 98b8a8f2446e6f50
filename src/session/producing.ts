import type { RecordWriter, Written } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { PermitRequest, ProduceRequest } from "../protocol/v2_requests.ts";
import type { ProducedFrame, V2Response } from "../protocol/v2_responses.ts";
import type { PermitPool, Permits } from "./permit_pool.ts";

/** What a client's records are written with. */
export interface ProducingOptions {
  readonly writer: RecordWriter;
  readonly pool: PermitPool;
  /** What may be written without an answer from the start. */
  readonly opening: Permits;
  readonly send: (frame: V2Response) => void;
}

/** What became of a client's records of one topic. */
export interface ProducedTally {
  /** Stored. */
  readonly records: number;
  readonly failed: number;
  /** Stored or not: Kafka did not say. */
  readonly unknown: number;
}

/** Topics with a tally of their own; the rest share one. */
const MOST_TALLIES = 100;

/** The topic of that one: not a name Kafka allows. */
const OTHER_TOPICS = "(others)";

/**
 * What one client writes.
 *
 * Backpressure: the runtime cannot stop a client from sending, so what it sends is bounded by
 * permits. Each frame takes its records and bytes from the balance, its answer gives them back, and
 * who overdraws is closed.
 */
export class Producing {
  readonly #options: ProducingOptions;
  #extra: Permits = { records: 0, bytes: 0 };
  #records = 0;
  #bytes = 0;
  readonly #tallies = new Map<string, { -readonly [Outcome in keyof ProducedTally]: number }>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: ProducingOptions) {
    this.#options = options;
  }

  /** Records stored so far. */
  get written(): number {
    let written = 0;
    for (const { records } of this.#tallies.values()) written += records;
    return written;
  }

  /** By topic, of what has been answered so far. */
  get tallies(): ReadonlyMap<string, ProducedTally> {
    return this.#tallies;
  }

  /** What may be outstanding now. */
  get balance(): Permits {
    const { opening } = this.#options;
    return {
      records: opening.records + this.#extra.records,
      bytes: opening.bytes + this.#extra.bytes,
    };
  }

  /** Enlarges the balance from the pool of the process, by what there is. */
  permit({ id, records, bytes }: PermitRequest): void {
    const got = this.#options.pool.take({ records, bytes });
    this.#extra = {
      records: this.#extra.records + got.records,
      bytes: this.#extra.bytes + got.bytes,
    };
    this.#options.send({ type: "permitted", id, ...this.balance });
  }

  /**
   * Takes what a frame needs from the balance; what it returns gives it back, once.
   *
   * @throws {ProxyError} `overdrawn`
   */
  take(records: number, bytes: number): () => void {
    const { balance } = this;
    if (this.#records + records > balance.records || this.#bytes + bytes > balance.bytes) {
      throw new ProxyError(
        "overdrawn",
        `Permits overdrawn: ${this.#records + records} records and ${this.#bytes + bytes} bytes ` +
          `without an answer, allowed are ${balance.records} and ${balance.bytes}`,
      );
    }
    this.#records += records;
    this.#bytes += bytes;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#records -= records;
      this.#bytes -= bytes;
    };
  }

  /** Writes what was taken, and answers. */
  write({ id, topic, records }: ProduceRequest, giveBack: () => void): void {
    const running = this.#options.writer.write(topic, records).then((results) => {
      giveBack();
      this.#count(topic, results);
      this.#options.send({ type: "produced", id, results: results.map(resultOf) });
    }).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #count(topic: string, results: readonly Written[]): void {
    const isOwn = this.#tallies.has(topic) || this.#tallies.size < MOST_TALLIES;
    const name = isOwn ? topic : OTHER_TOPICS;
    const tally = this.#tallies.get(name) ?? { records: 0, failed: 0, unknown: 0 };
    for (const result of results) tally["offset" in result ? "records" : result.outcome]++;
    this.#tallies.set(name, tally);
  }

  /** Resolves when everything has its answer. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** Lets others have the permits. */
  release(): void {
    this.#options.pool.giveBack(this.#extra);
    this.#extra = { records: 0, bytes: 0 };
  }
}

function resultOf(written: Written): ProducedFrame["results"][number] {
  if ("offset" in written) {
    const { partition, offset, timestampMs } = written;
    return { partition, offset: `${offset}`, timestamp: Number(timestampMs) };
  }
  const { outcome, error: { code, message } } = written;
  return { code, outcome, message };
}
