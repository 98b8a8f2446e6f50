import { setImmediate } from "node:timers";
import type { Slice } from "../core/chunk.ts";
import type { Frame, FrameSink, Isolation } from "../core/ports.ts";
import type { Cursor } from "../log/cursor.ts";
import type { FrameEncoder, SharedFrames } from "../log/shared_frames.ts";
import type { SharedLog } from "../log/shared_log.ts";
import { type V1Format, v1FormatKey, V1FrameEncoder } from "../protocol/v1_frames.ts";
import type { Pacer } from "../stream/pacer.ts";
import { sleep } from "../stream/sleep.ts";

/**
 * After a frame of this size the event loop takes a turn: the socket is written and the next chunk
 * read while others are encoded, and other sockets get theirs.
 */
const BULK_BYTES = 32 * 1024;

/** What a pump works with. */
export interface PumpOptions {
  readonly topic: string;
  readonly isolation: Isolation;
  readonly log: SharedLog;
  readonly frames: SharedFrames;
  readonly sink: FrameSink;
  readonly format: Omit<V1Format, "frameBytes">;
  readonly pacer: Pacer;
  /** Asked before each frame; a promise is waited for, and the partition looked at again. */
  readonly mayGo: () => true | Promise<void>;
  /** Everything of the partition up to `next` has been given to the sink. */
  readonly onReached: (partition: number, next: bigint) => void;
  readonly onFrame: (frame: Frame) => void;
}

/** One partition, while it is ours. */
class OwnedPartition {
  next: bigint;
  received = 0;
  sent = 0;

  constructor(next: bigint) {
    this.next = next;
  }
}

/** What has gone through a partition since it was assigned. */
export interface PumpedPartition {
  /** The next offset to send. */
  readonly next: bigint;
  /** Records that came from Kafka. */
  readonly received: number;
  /** Of those, records given to the sink. */
  readonly sent: number;
}

/**
 * Moves records from the shared log to one sink, for the partitions assigned at the time.
 *
 * Order: by offset within a partition. Backpressure: nothing is pulled from the cursor while the
 * sink has no room. After {@linkcode revoke} nothing more of a partition is sent, even from the
 * middle of a chunk; assigned again from its {@linkcode PumpedPartition.next}, it goes on exactly.
 */
export class FramePump {
  readonly #options: PumpOptions;
  readonly #cursor: Cursor;
  readonly #owned = new Map<number, OwnedPartition>();
  readonly #signal: AbortSignal;

  constructor(options: PumpOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#cursor = options.log.open(options.topic, new Map(), options.isolation);
    signal.addEventListener("abort", () => this.#cursor.close());
    if (signal.aborted) this.#cursor.close();
  }

  /** The partitions assigned now. */
  get partitions(): ReadonlyMap<number, PumpedPartition> {
    return this.#owned;
  }

  /** Starts to send partitions, each from its offset, inclusive. */
  assign(starts: ReadonlyMap<number, bigint>): void {
    if (this.#signal.aborted) return; // or logs without a reader would be kept for ever
    const { log, topic, isolation } = this.#options;
    for (const [partition, offset] of starts) {
      this.#owned.set(partition, new OwnedPartition(offset));
      this.#cursor.add(log.log(topic, partition, isolation), offset);
    }
  }

  /** Stops sending all partitions; returns the next offset to send of each. */
  revoke(): Map<number, bigint> {
    const positions = new Map([...this.#owned].map(([partition, { next }]) => [partition, next]));
    this.#owned.clear();
    for (const partition of positions.keys()) this.#cursor.remove(partition);
    return positions;
  }

  /**
   * Sends until the signal is aborted.
   *
   * @throws {ProxyError} what makes a partition unreadable
   */
  async run(): Promise<void> {
    for await (const slice of this.#cursor) await this.#send(slice);
  }

  async #send(slice: Slice): Promise<void> {
    const { sink, pacer, mayGo, onReached, onFrame } = this.#options;
    const { partition, next, batches } = slice.chunk;
    const own = this.#owned.get(partition);
    if (own === undefined || own.next !== slice.from) return; // from before a rebalance
    for (const { lastOffset, recordCount } of batches) {
      if (lastOffset >= slice.from) own.received += recordCount;
    }
    const frames = this.#frames(slice);
    const isStale = () => this.#signal.aborted || this.#owned.get(partition) !== own;
    for (;;) {
      if (!sink.hasRoom) await sink.room(this.#signal);
      for (let may = mayGo(); may !== true; may = mayGo()) {
        await may;
        if (isStale()) return;
      }
      const made = frames.next();
      const frame = made instanceof Promise ? await made : made;
      if (isStale()) return;
      if (frame === undefined) break;
      sink.send(frame.data, frame.bytes);
      own.next = frame.next;
      own.sent += frame.records;
      onReached(partition, frame.next);
      onFrame(frame);
      const pauseMs = pacer.pauseAfter(frame.records, performance.now());
      if (pauseMs > 0) await sleep(pauseMs, this.#signal);
      else if (frame.bytes >= BULK_BYTES) await new Promise<void>((turn) => setImmediate(turn));
    }
    own.next = next;
    onReached(partition, next);
  }

  #frames(slice: Slice): FrameEncoder {
    const { frames, sink, format: own } = this.#options;
    const format = { ...own, frameBytes: sink.frameBytes };
    const encode = () => new V1FrameEncoder(slice.chunk, slice.from, format);
    // Frames are kept only where another socket may want them, and only whole chunks are shared.
    const isShared = this.#cursor.isShared(slice.chunk.partition);
    if (!isShared || slice.from !== slice.chunk.from) return encode();
    return frames.open(slice, v1FormatKey(format), encode);
  }
}
