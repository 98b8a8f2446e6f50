import type { ConsumedRecord } from "./consumed_record.ts";

/**
 * A subscription: an async iterable of records that outlives its connections.
 *
 * Order: by offset within a partition. Delivery: to a reader, and in pinned partitions, each record
 * exactly once for as long as this object lives, whatever happens to the connection; in a balanced
 * group at least once. Backpressure: at most `credit` records are on their way or waiting here,
 * and about `maxHeldBytes` are waiting. Leaving the loop ends the subscription.
 */
export interface Subscription<V = string, K = string>
  extends AsyncIterable<ConsumedRecord<V, K>>, AsyncDisposable {
  /**
   * Continues, in this or another process, after the last record that was yielded: pass it as
   * `resume`. The server makes one about every second, so that the records since then come again.
   * Undefined before the first.
   */
  readonly resumeToken: string | undefined;
  /** Records received and not yet yielded. */
  readonly heldRecords: number;
  /** Iterates; one iterator at a time. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConsumedRecord<V, K>>;
  /**
   * Waits until everything acknowledged so far is committed, over broken connections too.
   *
   * Cancellation: after `signal` it is committed all the same, only nobody waits for it.
   *
   * @throws {ClientError} `fenced` when a partition has gone to another member (in a balanced group a
   * broken connection may mean that), `aborted`, or why the subscription ended
   */
  flush(options?: { signal?: AbortSignal }): Promise<void>;
  /** Says what was acknowledged, ends the subscription and the iteration. May be called again. */
  close(): Promise<void>;
  /** The same as {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
