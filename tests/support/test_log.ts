import type { Slice } from "../../src/core/chunk.ts";
import type { Isolation } from "../../src/core/ports.ts";
import { RecordWalker } from "../../src/protocol/record_walker.ts";
import type { Cursor } from "../../src/log/cursor.ts";
import { SharedLog, type SharedLogOptions } from "../../src/log/shared_log.ts";
import { ArrayReader, type ArrayReaderOptions, TOPIC } from "./array_reader.ts";
import { eventually } from "./eventually.ts";
import { History } from "./history.ts";

/** A shared log over a cluster in memory. Disposed of it leaves no timer and no poll behind. */
export class TestLog implements AsyncDisposable {
  readonly reader: ArrayReader;
  readonly log: SharedLog;

  constructor(options: ArrayReaderOptions & Partial<SharedLogOptions> = {}) {
    this.reader = new ArrayReader(options);
    this.log = new SharedLog(this.reader, { cacheBytes: 1 << 24, chunkBytes: 4096, ...options });
  }

  /** A cursor on partitions of the topic, 0 alone if not told else, from one offset in each. */
  open(
    offset: bigint | number = 0,
    partitions: readonly number[] = [0],
    isolation: Isolation = "committed",
  ): Cursor {
    const starts = new Map(partitions.map((partition) => [partition, BigInt(offset)]));
    return this.log.open(TOPIC, starts, isolation);
  }

  /** Resolves when a long poll waits at the broker, so that all is read that is there. */
  async atRest(): Promise<void> {
    await eventually("a long poll to wait", () => this.reader.waitingPolls > 0, { everyMs: 1 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.log.close();
    this.reader[Symbol.dispose]();
    // What was under way at the reader settles in turns of the event loop; nothing waits for time.
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 0);
    await promise;
  }
}

/** Offsets of a slice's records, from where it begins. */
export async function offsetsOf({ chunk, from }: Slice): Promise<bigint[]> {
  const offsets: bigint[] = [];
  const walker = new RecordWalker();
  for (const batch of chunk.batches) {
    walker.start(await batch.open(), batch.recordCount, batch.baseOffset);
    while (walker.next()) {
      const offset = batch.baseOffset + BigInt(walker.offsetDelta);
      if (offset >= from) offsets.push(offset);
    }
  }
  return offsets;
}

/** Pulls until the cursor has passed an offset in a partition; adds every record to the history. */
export async function pullTo(
  cursor: Cursor,
  end: bigint,
  history: History = new History(),
  partition = 0,
): Promise<History> {
  for (;;) {
    const slice = await cursor.next();
    if (slice === undefined) throw new Error(`The cursor ended before offset ${end}`);
    for (const offset of await offsetsOf(slice)) history.add(slice.chunk.partition, offset);
    if (slice.chunk.partition === partition && slice.chunk.next >= end) return history;
  }
}
