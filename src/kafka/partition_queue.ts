import type { Buffer } from "node:buffer";
import type { NewRecord } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { Backoff } from "../stream/backoff.ts";
import type { BatchIdentity } from "./batch_encoder.ts";
import type { Compressor } from "./codecs/compress.ts";
import { errorName, kafkaError } from "./kafka_error.ts";
import { PendingBatch } from "./pending_batch.ts";
import { type ProduceVerdict, produceVerdict } from "./produce_errors.ts";
import type { ProduceAnswer } from "./produce_request.ts";
import { LAST_SEQUENCE, type ProducerIds } from "./producer_ids.ts";
import type { WriteCall } from "./write_call.ts";

/**
 * Largest batch that is filled with several records, uncompressed and with its header: half of what
 * a topic takes by default, which one request carries in a few milliseconds.
 */
export const BATCH_BYTES = 512 * 1024;

/** A batch takes no more records after so long: they would run out of time with its first. */
const OPEN_MS = 1_000;

/**
 * After these a batch is sent again as it is. All others settle it, and where an earlier try has had
 * no answer they say nothing of that one: the topic's limits or our rights may have changed since.
 */
const STILL_OPEN: ReadonlySet<ProduceVerdict> = new Set(["again", "unsure"]);

/**
 * What waits to be written to one partition, in its order: one batch at a time is sent, and sent
 * again unchanged until it is settled; only then comes the next.
 *
 * Whenever a batch that was sent is settled in another way than by being stored, the numbers go on
 * in a later epoch. Continued in the old one, the next batch could be taken for it: acknowledged and
 * never written. The later epoch also keeps out what is still on its way.
 */
export class PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  /** Node id, as far as is known. */
  leader: number | undefined;
  /** The leader is to be looked up before the next try. */
  wantsLeader = false;
  /** Not before this time comes the next try, in ms of the monotonic clock. */
  retryAtMs = 0;
  /** Counted up with every batch that takes no more records. */
  batches = 0;
  readonly #ids: ProducerIds;
  readonly #backoff = new Backoff(50, 1_000);
  readonly #waiting: PendingBatch[] = [];
  #open: PendingBatch | undefined;
  #first: PendingBatch | undefined;
  #isUnderWay = false;
  #isHeld = false;
  #next: BatchIdentity | undefined;
  #reason: ProxyError | undefined;

  constructor(topic: string, partition: number, ids: ProducerIds) {
    this.topic = topic;
    this.partition = partition;
    this.#ids = ids;
  }

  get isEmpty(): boolean {
    return this.#first === undefined && this.#waiting.length === 0 && this.#open === undefined;
  }

  /** Whether there is a batch that may be sent now. */
  isReady(nowMs: number): boolean {
    return !this.isEmpty && !this.#isUnderWay && !this.#isHeld && this.retryAtMs <= nowMs;
  }

  /** Whether the batch is still the one to be settled next. */
  isFirst(batch: PendingBatch): boolean {
    return batch === this.#first;
  }

  append(
    record: NewRecord,
    timestampMs: number,
    call: WriteCall,
    index: number,
    limitBytes: number,
    nowMs: number,
  ): void {
    const open = this.#open;
    if (open !== undefined) {
      const isYoung = nowMs - open.createdMs < OPEN_MS;
      if (isYoung && open.append(record, timestampMs, call, index, limitBytes)) return;
      this.#waiting.push(open);
      this.batches++;
    }
    this.#open = new PendingBatch(nowMs);
    this.#open.append(record, timestampMs, call, index, limitBytes);
  }

  /**
   * The batch to send next, which counts as under way from now on; `undefined` when there is none
   * after all, for it is larger than `limitBytes`.
   */
  take(compressor: Compressor, limitBytes: number | undefined): PendingBatch | undefined {
    for (;;) {
      const batch = this.#first ??= this.#shift();
      if (batch === undefined) return undefined;
      const bytes = batch.finish(compressor);
      if (batch.identity === undefined && limitBytes !== undefined && bytes.length > limitBytes) {
        this.#tooLarge(batch, bytes, limitBytes);
        continue;
      }
      this.#isUnderWay = true;
      if (batch.identity === undefined) batch.stamp(this.#number(batch.count));
      return batch;
    }
  }

  /** It could not be sent, or nobody knows whether it was: `isSent`. */
  lost(batch: PendingBatch, isSent: boolean, error: ProxyError): void {
    if (batch !== this.#first) return;
    this.#isUnderWay = false;
    if (isSent) batch.inDoubt = true;
    this.#later(error);
  }

  /**
   * Takes an answer for the batch under way, and says what it was: with `too_large` the batch stays
   * until {@linkcode split} is called.
   */
  answered(batch: PendingBatch, answer: ProduceAnswer): ProduceVerdict | undefined {
    // Given up meanwhile, and settled.
    if (batch !== this.#first) return undefined;
    this.#isUnderWay = false;
    if (answer.errorCode === 0) {
      this.#succeeded(batch, answer);
      return undefined;
    }
    const error = this.#error(answer);
    const verdict = produceVerdict(answer.errorCode);
    if (batch.inDoubt && !STILL_OPEN.has(verdict)) {
      this.#giveUp(batch, "unknown", error);
      return undefined;
    }
    switch (verdict) {
      case "unsure":
        batch.inDoubt = true;
        this.#later(error);
        break;
      case "again":
        this.#later(error);
        break;
      case "restart":
        this.#renumber(batch, error);
        break;
      case "stored":
        this.#giveUp(batch, "unknown", error);
        break;
      case "too_large":
        this.#isHeld = true;
        break;
      case "records":
        this.#faulty(batch, answer);
        break;
      case "refused":
        this.#giveUp(batch, "failed", error);
    }
    return verdict;
  }

  /** After `too_large`, with the topic's limit if that could be learnt. */
  split(batch: PendingBatch, limitBytes: number | undefined): void {
    if (batch !== this.#first) return;
    this.#isHeld = false;
    this.#restart(batch);
    this.#tooLarge(batch, undefined, limitBytes);
  }

  /** Settles what has waited since `beforeMs` or longer. */
  expire(beforeMs: number): void {
    const first = this.#first;
    if (first !== undefined && first.createdMs <= beforeMs) {
      this.#giveUp(first, first.inDoubt ? "unknown" : "failed", this.#tooLate());
      this.#isUnderWay = this.#isHeld = false;
    }
    while (this.#waiting.length > 0 && this.#waiting[0].createdMs <= beforeMs) {
      this.#waiting.shift()?.fail("failed", this.#tooLate());
    }
    if (this.#open !== undefined && this.#open.createdMs <= beforeMs) {
      this.#open.fail("failed", this.#tooLate());
      this.#open = undefined;
      this.batches++;
    }
  }

  /** Settles everything there is. */
  failAll(error: ProxyError): void {
    this.#reason = error;
    if (this.#first !== undefined) {
      this.#giveUp(this.#first, this.#first.inDoubt ? "unknown" : "failed", error);
    }
    this.#isUnderWay = this.#isHeld = false;
    for (const batch of this.#waiting.splice(0)) batch.fail("failed", error);
    this.#open?.fail("failed", error);
    this.#open = undefined;
    this.batches++;
  }

  /** The queue is not used any more. */
  forget(): void {
    if (this.#next !== undefined) this.#ids.forget(this.#next);
  }

  #shift(): PendingBatch | undefined {
    const batch = this.#waiting.shift();
    if (batch !== undefined) return batch;
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) this.batches++;
    return open;
  }

  #number(count: number): BatchIdentity {
    const numbers = this.#next ?? this.#ids.first();
    if (numbers.sequence + count <= LAST_SEQUENCE) return this.#next = numbers;
    return this.#next = this.#ids.after(numbers) ?? this.#ids.first();
  }

  #succeeded(batch: PendingBatch, { baseOffset, logAppendTimeMs }: ProduceAnswer): void {
    this.#settled();
    if (this.#next !== undefined) {
      this.#next = { ...this.#next, sequence: this.#next.sequence + batch.count };
    }
    batch.succeed(this.partition, baseOffset, logAppendTimeMs);
  }

  #giveUp(batch: PendingBatch, outcome: "failed" | "unknown", error: ProxyError): void {
    this.#restart(batch);
    this.#settled();
    if (outcome === "failed") return batch.fail("failed", error);
    const message = `${this.#what}: nobody can tell whether the record is stored: ${error.message}`;
    batch.fail("unknown", new ProxyError("unknown_outcome", message, { cause: error }));
  }

  #settled(): void {
    this.#first = undefined;
    this.#reason = undefined;
    this.#backoff.reset();
    this.retryAtMs = 0;
    this.wantsLeader = false;
  }

  /** The next batch begins a later epoch, if this one was ever under way. */
  #restart(batch: PendingBatch): void {
    if (batch.identity !== undefined) this.#next = this.#ids.after(batch.identity);
  }

  #renumber(batch: PendingBatch, error: ProxyError): void {
    this.#restart(batch);
    batch.unstamp();
    this.#reason = error;
    this.retryAtMs = performance.now() + this.#backoff.next();
  }

  #later(error: ProxyError): void {
    this.#reason = error;
    this.wantsLeader = true;
    this.retryAtMs = performance.now() + this.#backoff.next();
  }

  #tooLarge(batch: PendingBatch, bytes: Buffer | undefined, limitBytes: number | undefined): void {
    if (batch.count > 1) {
      const helps = limitBytes !== undefined && limitBytes < batch.rawBytes;
      return this.#replace(batch.split(helps ? limitBytes : batch.halfBytes));
    }
    const own = bytes?.length ?? batch.rawBytes;
    const limit = limitBytes === undefined
      ? "more than the topic's max.message.bytes"
      : `and the topic takes ${limitBytes} (max.message.bytes)`;
    const error = new ProxyError(
      "too_large",
      `${this.#what}: the record makes a batch of ${own} bytes, ${limit}`,
      limitBytes === undefined ? {} : { details: { maxBytes: limitBytes } },
    );
    this.#first = undefined;
    batch.fail("failed", error);
  }

  /** The broker refuses some records, and with them the batch: the others must not suffer for it. */
  #faulty(batch: PendingBatch, { errorCode, recordErrors, errorMessage }: ProduceAnswer): void {
    const faults = new Map(recordErrors.map(({ index, message }) => [index, message]));
    if (faults.size === 0) {
      if (batch.count > 1) {
        this.#restart(batch);
        return this.#replace(batch.split(batch.halfBytes));
      }
      faults.set(0, errorMessage ?? errorName(errorCode));
    }
    this.#restart(batch);
    const others = batch.split(BATCH_BYTES, (index) => faults.has(index));
    for (const [index, message] of faults) {
      if (index < 0 || index >= batch.count) continue;
      const why = message || errorMessage || errorName(errorCode);
      batch.failOne(index, new ProxyError("invalid_record", `${this.#what}: ${why}`));
    }
    this.#replace(others);
  }

  #replace(batches: readonly PendingBatch[]): void {
    this.#first = undefined;
    this.#waiting.unshift(...batches);
  }

  #tooLate(): ProxyError {
    const why = this.#reason?.message ?? "there was no answer in time";
    return new ProxyError("kafka_unavailable", `${this.#what}: ${why}`, { cause: this.#reason });
  }

  #error({ errorCode, errorMessage }: ProduceAnswer): ProxyError {
    const error = kafkaError(errorCode, this.#what);
    return errorMessage === undefined
      ? error
      : new ProxyError(error.code, `${error.message}: ${errorMessage}`);
  }

  get #what(): string {
    return `Cannot write to "${this.topic}" partition ${this.partition}`;
  }
}
