import type { V2Response } from "../protocol/v2_responses.ts";
import { aborted, ClientError } from "./client_error.ts";
import type { Connection } from "./connection.ts";
import { type Deferred, deferred } from "./deferred.ts";
import type { PartitionProgress, Progress } from "./partition_progress.ts";

/** Acknowledgements are gathered for so long, in ms. */
const GATHER_MS = 5;

/** Where a subscription is at the moment. */
export interface AckRoute {
  readonly connection: Connection;
  /** Its number there. */
  readonly subscription: number;
}

/** Somebody waits until these are committed. */
interface FlushWait {
  readonly targets: Map<PartitionProgress, bigint>;
  readonly done: Deferred<void>;
}

/** What the caller has acknowledged of a subscription, and who waits until it is committed. */
export class Acknowledgements {
  readonly #progress: Progress;
  readonly #route: () => AckRoute | undefined;
  readonly #flushes = new Set<FlushWait>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #end: ClientError | undefined;

  /** @param route undefined while there is no connection, or none that has answered */
  constructor(progress: Progress, route: () => AckRoute | undefined) {
    this.#progress = progress;
    this.#route = route;
  }

  /** Everything up to and including an offset is done. */
  add(topic: string, partition: number, offset: bigint): void {
    const progress = this.#progress.get(topic, partition);
    if (progress === undefined || offset < (progress.acked ?? -1n)) return;
    progress.acked = offset + 1n;
    this.soon();
  }

  /** Says what is not said yet, together with what comes in the next milliseconds. */
  soon(): void {
    this.#timer ??= setTimeout(() => this.send(), GATHER_MS);
  }

  /** Says what is not said yet. */
  send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const route = this.#route();
    if (route === undefined) return;
    const { connection, subscription } = route;
    for (const each of this.#progress) {
      const { topic, partition, acked, sentHere, ackSent } = each;
      if (acked === undefined) continue;
      // What this connection has not brought yet is acknowledged when it has.
      if (acked > sentHere && this.#isAwaited(each)) this.#skip(each, acked, route);
      const upTo = acked < sentHere ? acked : sentHere;
      if (upTo <= (ackSent ?? each.committed ?? 0n)) continue;
      each.ackSent = upTo;
      const frame = { type: "ack", subscription, topic, partition, offset: `${upTo - 1n}` };
      if (this.#flushes.size === 0) connection.send(frame);
      else connection.request(frame, (answer) => this.#answered(each, answer));
    }
  }

  /**
   * Waits until what is acknowledged now is committed.
   *
   * @throws {ClientError} what the server says, `fenced`, `aborted`, or why the subscription is over
   */
  async flush(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw aborted(signal);
    const targets = new Map<PartitionProgress, bigint>();
    for (const each of this.#progress) {
      if (each.acked !== undefined && each.acked > (each.committed ?? -1n)) {
        targets.set(each, each.acked);
      }
    }
    if (targets.size === 0) return;
    if (this.#end !== undefined) throw this.#end;
    const wait: FlushWait = { targets, done: deferred() };
    const onAbort = () => wait.done.reject(aborted(signal!));
    signal?.addEventListener("abort", onAbort);
    this.#flushes.add(wait);
    for (const each of targets.keys()) each.ackSent = undefined;
    this.send();
    try {
      await wait.done.promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#flushes.delete(wait);
    }
  }

  /** The server has committed everything before `next`. */
  committed(topic: string, partition: number, next: bigint): void {
    const progress = this.#progress.get(topic, partition);
    if (progress === undefined) return;
    progress.committed = next;
    for (const { targets, done } of this.#flushes) {
      if (next >= (targets.get(progress) ?? next + 1n)) targets.delete(progress);
      if (targets.size === 0) done.resolve();
    }
  }

  /** Nothing of this partition can be acknowledged any more. */
  fail(progress: PartitionProgress, error: ClientError): void {
    for (const { targets, done } of this.#flushes) if (targets.has(progress)) done.reject(error);
  }

  /** Nothing is committed any more; who waits is told why. */
  end(error: ClientError): void {
    this.#end = error;
    for (const { done } of this.#flushes) done.reject(error);
  }

  #isAwaited(progress: PartitionProgress): boolean {
    return [...this.#flushes].some(({ targets }) => targets.has(progress));
  }

  /**
   * What is awaited was brought by an earlier connection, and may not come over this one: whoever
   * waits takes no records, so that the credit may be spent. The server goes on after it instead.
   */
  #skip(progress: PartitionProgress, to: bigint, { connection, subscription }: AckRoute): void {
    if (progress.skippedTo === to) return;
    progress.skippedTo = to;
    const { topic, partition } = progress;
    const frame = { type: "seek", subscription, topic, partition, from: `${to}` };
    connection.request(frame, (answer) => {
      if (answer instanceof ClientError) {
        progress.skippedTo = undefined;
        this.#answered(progress, answer);
      } else if (subscription === this.#route()?.subscription && to > progress.sentHere) {
        progress.sentHere = to;
        this.send();
      }
    });
  }

  #answered(progress: PartitionProgress, answer: V2Response | ClientError): void {
    if (answer instanceof ClientError) this.fail(progress, answer);
    else if (answer.type === "committed") {
      this.committed(progress.topic, progress.partition, BigInt(answer.next));
    }
  }
}
