import { setImmediate } from "node:timers";
import type { Chunk, Slice } from "../core/chunk.ts";
import type { Frame, FrameSink, Isolation } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { Cursor } from "../log/cursor.ts";
import type { FrameEncoder, SharedFrames } from "../log/shared_frames.ts";
import type { SharedLog } from "../log/shared_log.ts";
import type { Pacer } from "../stream/pacer.ts";
import { sleep } from "../stream/sleep.ts";
import { type Gate, NO_GATE } from "./gate.ts";

/**
 * After a frame of this size the event loop takes a turn: the socket is written and the next chunk
 * read while others are encoded, and other sockets get theirs.
 */
const BULK_BYTES = 32 * 1024;

/** What the frames of a pump look like. */
export interface FrameFormat {
  /** Equal for frames that are equal. */
  key(frameBytes: number): string;
  /** Frames of a chunk from an offset on; `mostRecords` is asked before each. */
  encoder(
    chunk: Chunk,
    from: bigint,
    frameBytes: number,
    mostRecords?: () => number,
  ): FrameEncoder;
}

/** What a pump works with. */
export interface PumpOptions {
  readonly topic: string;
  readonly isolation: Isolation;
  readonly log: SharedLog;
  readonly frames: SharedFrames;
  readonly sink: FrameSink;
  readonly format: FrameFormat;
  readonly pacer: Pacer;
  /** How long it waits for more records to share a frame while it keeps up, in ms; 0. */
  readonly lingerMs?: number;
  /** How many records the client takes now; absent: any. */
  readonly gate?: Pick<Gate, "allowance" | "opened" | "sent" | "look">;
  /** Asked before each frame; a promise is waited for, and the partition looked at again. */
  readonly mayGo: () => true | Promise<void>;
  /** Told of each frame that was given to the sink. */
  readonly onFrame: (frame: Frame) => void;
  /** Everything of the partition up to `next` has been given to the sink, `records` just now. */
  readonly onReached: (partition: number, next: bigint, records: number) => void;
  /** Where to go on when a partition cannot be read where it stands; absent or undefined: throw. */
  readonly onTrouble?: (trouble: Trouble) => bigint | undefined;
}

/** Why a partition cannot be read on from `next`. */
export interface Trouble {
  readonly partition: number;
  readonly next: bigint;
  readonly error: ProxyError;
  /** The first offset after what cannot be read, where it is one batch. */
  readonly after: bigint | undefined;
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
  /** It had to let go of a slice, and reads again only when it may send. */
  #hasLapsed = false;

  constructor(options: PumpOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    const { log, topic, isolation, lingerMs } = options;
    this.#cursor = log.open(topic, new Map(), isolation, { lingerMs });
    signal.addEventListener("abort", () => {
      this.#cursor.close();
      options.gate?.look();
    });
    if (signal.aborted) this.#cursor.close();
  }

  /** The partitions assigned now. */
  get partitions(): ReadonlyMap<number, PumpedPartition> {
    return this.#owned;
  }

  /**
   * Starts to send partitions, each from its offset, inclusive.
   *
   * @param topicId of the topic that they are of, as it was just asked for; a log of an earlier one
   * of that name is not read then
   */
  assign(starts: ReadonlyMap<number, bigint>, topicId?: string): void {
    if (this.#signal.aborted) return; // or logs without a reader would be kept for ever
    const { log, topic, isolation } = this.#options;
    for (const [partition, offset] of starts) {
      this.#owned.set(partition, new OwnedPartition(offset));
      this.#cursor.add(log.log(topic, partition, isolation, topicId), offset);
    }
  }

  /** Stops sending all partitions; returns the next offset to send of each. */
  revoke(): Map<number, bigint> {
    const positions = new Map([...this.#owned].map(([partition, { next }]) => [partition, next]));
    for (const partition of positions.keys()) this.drop(partition);
    return positions;
  }

  /** Stops sending one partition. */
  drop(partition: number): void {
    this.#owned.delete(partition);
    this.#cursor.remove(partition);
  }

  /** Goes on at another offset of a partition that is sent. */
  move(partition: number, offset: bigint): void {
    const own = this.#owned.get(partition);
    if (own === undefined || this.#signal.aborted) return;
    const { log, topic, isolation } = this.#options;
    const moved = new OwnedPartition(offset);
    moved.received = own.received;
    moved.sent = own.sent;
    this.#owned.set(partition, moved);
    this.#cursor.remove(partition);
    this.#cursor.add(log.log(topic, partition, isolation), offset);
  }

  /**
   * Sends until the signal is aborted.
   *
   * @throws {ProxyError} what makes a partition unreadable
   */
  async run(): Promise<void> {
    for await (const slice of this.#slices()) await this.#send(slice);
  }

  /** What the cursor yields, past what the session wants to be led past. */
  async *#slices(): AsyncIterable<Slice> {
    const { sink } = this.#options;
    for (;;) {
      if (!sink.hasRoom) await sink.room(this.#signal);
      if (this.#hasLapsed) await this.#mayAgain();
      try {
        const slice = await this.#cursor.next();
        if (slice === undefined) return;
        yield slice;
      } catch (error) {
        const partition = error instanceof ProxyError ? error.details?.partition : undefined;
        if (typeof partition !== "number") throw error;
        this.#goOn(partition, error, undefined);
      }
    }
  }

  /** Goes on where the session wants it to. */
  #goOn(partition: number, error: unknown, after: bigint | undefined): void {
    const next = this.#owned.get(partition)?.next;
    const offset = next === undefined ? undefined : this.#options.onTrouble?.({
      partition,
      next,
      error: ProxyError.from(error),
      after,
    });
    if (offset === undefined) throw error;
    this.move(partition, offset);
  }

  async #send(slice: Slice): Promise<void> {
    const { sink, pacer, gate = NO_GATE, onReached, onFrame } = this.#options;
    const { chunk } = slice;
    const { partition, next, batches } = chunk;
    const own = this.#owned.get(partition);
    if (own === undefined || own.next !== slice.from) return; // from before a rebalance
    for (const { lastOffset, recordCount } of batches) {
      if (lastOffset >= slice.from) own.received += recordCount;
    }
    const isStale = () => this.#signal.aborted || this.#owned.get(partition) !== own;
    let { frames, isShared } = this.#frames(slice);
    for (;;) {
      if (!sink.hasRoom && !await this.#isKept(slice, own, sink.room(this.#signal))) return;
      for (let may = this.#may(); may !== true; may = this.#may()) {
        if (!await this.#isKept(slice, own, may)) return;
        if (isStale()) return;
      }
      if (isStale()) return;
      let frame: Frame | undefined;
      try {
        const made = frames.next();
        frame = made instanceof Promise ? await made : made;
      } catch (error) {
        if (isStale()) return;
        const batch = batches.find(({ lastOffset }) => lastOffset >= own.next);
        return this.#goOn(partition, error, batch && batch.lastOffset + 1n);
      }
      if (isStale()) return;
      if (frame === undefined) break;
      if (frame.records > gate.allowance) {
        if (isShared) {
          // Others send it whole; ours has to end where the client's credit does.
          isShared = false;
          frames = this.#private(chunk, own.next);
          continue;
        }
        while (frame.records > gate.allowance) {
          if (!await this.#isKept(slice, own, gate.opened())) return;
          if (isStale()) return;
        }
      }
      sink.send(frame.data, frame.bytes);
      own.next = frame.next;
      own.sent += frame.records;
      gate.sent(frame.records);
      onFrame(frame);
      onReached(partition, frame.next, frame.records);
      const pauseMs = pacer.pauseAfter(frame.records, performance.now());
      if (pauseMs > 0) await sleep(pauseMs, this.#signal);
      else if (frame.bytes >= BULK_BYTES) await new Promise<void>((turn) => setImmediate(turn));
    }
    own.next = next;
    onReached(partition, next, 0);
  }

  /**
   * Waits with a slice in hand; false when its memory was wanted meanwhile. Then the partition is
   * read again from where it stands, once there is room.
   */
  async #isKept(slice: Slice, own: OwnedPartition, until: Promise<void>): Promise<boolean> {
    if (await this.#cursor.whileKept(slice, until)) return true;
    const { partition } = slice.chunk;
    if (this.#owned.get(partition) !== own) return false;
    own.received = own.sent;
    this.#cursor.rewind(partition, own.next);
    this.#hasLapsed = true;
    return false;
  }

  /** Waits until something may be sent, before it is read. */
  async #mayAgain(): Promise<void> {
    this.#hasLapsed = false;
    for (let may = this.#may(); may !== true; may = this.#may()) {
      await may;
      if (this.#signal.aborted) return;
    }
  }

  /** After the end it is true, for whoever looks then: nothing would wake who began to wait. */
  #may(): true | Promise<void> {
    const { gate = NO_GATE, mayGo } = this.#options;
    if (this.#signal.aborted) return true;
    return gate.allowance < 1 ? gate.opened() : mayGo();
  }

  #frames(slice: Slice): { frames: FrameEncoder; isShared: boolean } {
    const { frames, sink, format } = this.#options;
    const { chunk, from } = slice;
    // Frames are kept only where another socket may want them, and only whole chunks are shared.
    if (!this.#cursor.isShared(chunk.partition) || from !== chunk.from) {
      return { frames: this.#private(chunk, from), isShared: false };
    }
    const { frameBytes } = sink;
    const encode = () => format.encoder(chunk, from, frameBytes);
    return { frames: frames.open(slice, format.key(frameBytes), encode), isShared: true };
  }

  /** Frames that no other socket gets, none with more records than may be sent at the time. */
  #private(chunk: Chunk, from: bigint): FrameEncoder {
    const { sink, format, gate = NO_GATE } = this.#options;
    return format.encoder(chunk, from, sink.frameBytes, () => Math.max(gate.allowance, 1));
  }
}
