/**
 * One record batch of message format 2 (KIP-98): its header decoded, its records still as they
 * came over the wire.
 */
export interface RecordBatch {
  /** Offset of the first record the batch was written with. */
  readonly baseOffset: bigint;
  /** Offset of the last one; compaction may have removed either. */
  readonly lastOffset: bigint;
  /** Records present, after compaction. */
  readonly recordCount: number;
  /** Milliseconds since 1970 that the records' timestamp deltas count from. */
  readonly baseTimestampMs: bigint;
  /** The newest timestamp, which is every record's when {@linkcode logAppendTime} is set. */
  readonly maxTimestampMs: bigint;
  /** The broker stamped the records when it appended them. */
  readonly logAppendTime: boolean;
  /**
   * The records section, decompressed anew each time, so that only what is being encoded is held;
   * a promise is returned only where decompression runs off the event loop.
   *
   * @throws {ProxyError} `batch_too_large`, `corrupt_batch`
   */
  open(): Uint8Array | Promise<Uint8Array>;
}

/** A run of one partition's log, as one Fetch brought it. Control records and aborted ones are gone. */
export interface Chunk {
  readonly topic: string;
  readonly partition: number;
  /** The offset that was asked for; records below it may be present and are not to be sent. */
  readonly from: bigint;
  /** The offset to ask for next: past everything in here, holes and control records included. */
  readonly next: bigint;
  /** End of the partition when the chunk was fetched (the last stable offset for `committed`). */
  readonly end: bigint;
  readonly batches: readonly RecordBatch[];
  /** Memory it holds, in bytes. */
  readonly bytes: number;
}

/** What a cursor yields: a chunk, and the first offset in it that this cursor wants. */
export interface Slice {
  readonly chunk: Chunk;
  readonly from: bigint;
}
