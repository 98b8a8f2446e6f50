import type { Chunk, RecordBatch } from "../core/chunk.ts";
import type { Frame } from "../core/ports.ts";
import { type FrameData, scratch } from "./frame_scratch.ts";
import { RecordWalker } from "./record_walker.ts";

/** Where frames are cut. */
export interface FrameLimits {
  /** Most bytes of keys, values and headers in a frame; a larger record goes alone. */
  readonly maxBytes: number;
  /**
   * Most bytes of a frame; a larger record goes alone. They are counted before bytes that are not
   * UTF-8 become U+FFFD, which takes three on the wire.
   */
  readonly frameBytes: number;
  /** Most records in a frame. */
  readonly maxRecords: number;
}

/**
 * One format's part: what stands in the scratch space before, for and after each record. Every
 * method that writes takes the position to write at and returns the one after; room has been made.
 */
export interface RecordFormat {
  /** A frame with the last record of a chunk leads past what follows it there: holes, markers. */
  readonly passesHoles: boolean;
  /** Bytes {@linkcode open} needs. */
  readonly openBytes: number;
  /** Most bytes {@linkcode close} writes. */
  readonly closeBytes: number;
  /** The records that follow are this batch's. */
  startBatch(batch: RecordBatch): void;
  /** What stands before the records. */
  open(): number;
  /** Room the record may need. */
  bound(walker: RecordWalker, payloadBytes: number): number;
  /** One record; -1 when it cannot stand in a frame with those before it. */
  record(walker: RecordWalker, isFirst: boolean, at: number): number;
  /** What stands after the records. */
  close(at: number, next: bigint, records: number): number;
  /** Copies the frame out of the scratch space. */
  data(at: number): FrameData;
}

/**
 * Turns a chunk into frames, one at a time and only when asked: bytes go from the batch to the frame
 * without an object a record.
 *
 * Order: by offset. Holes are passed in silence. Ownership: one user.
 */
export class ChunkFrames {
  readonly #chunk: Chunk;
  readonly #limits: FrameLimits;
  readonly #format: RecordFormat;
  readonly #walker = new RecordWalker();
  #from: bigint;
  #batchIndex = -1;
  #batch: RecordBatch | undefined;
  #batchBase = 0n;
  /** Records of the batch below this delta were not asked for. */
  #skipBelow = 0;
  /** A batch that is being opened off the event loop. */
  #opening: Promise<void> | undefined;
  /** The walker stands on a record that the last frame had no room for. */
  #held = false;
  /** What makes the rest unreadable: thrown by every call after the last good frame. */
  #failure: { readonly error: unknown } | undefined;

  constructor(chunk: Chunk, from: bigint, limits: FrameLimits, format: RecordFormat) {
    this.#chunk = chunk;
    this.#from = from;
    this.#limits = limits;
    this.#format = format;
  }

  /**
   * The next frame, or `undefined` after the last record. A promise only while a large compressed
   * batch is being opened. What is readable before a failure comes first; the failure then stays,
   * so that nobody who goes on asking is led past it.
   *
   * @throws {ProxyError} `batch_too_large`, `corrupt_batch`
   */
  next(): Frame | undefined | Promise<Frame | undefined> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      while (!this.#held && !this.#toRecord()) {
        const opened = this.#opening ?? this.#openNext();
        if (opened === "end") return undefined;
        if (opened === "open") continue;
        return this.#afterOpening(opened);
      }
      return this.#frame();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async #afterOpening(opened: Promise<void>): Promise<Frame | undefined> {
    try {
      await opened;
    } catch (error) {
      this.#failure = { error };
    }
    this.#opening = undefined;
    return await this.next();
  }

  /** Opens the next batch, which may take a promise. */
  #openNext(): "open" | "end" | Promise<void> {
    const { batches } = this.#chunk;
    // What lies before the start is not opened: it would cost time, and its failure is not ours.
    do this.#batchIndex++; while (batches[this.#batchIndex]?.lastOffset < this.#from);
    const batch = batches[this.#batchIndex];
    if (batch === undefined) return "end";
    const opened = batch.open();
    if (!(opened instanceof Promise)) {
      this.#start(batch, opened);
      return "open";
    }
    return opened.then((bytes) => this.#start(batch, bytes));
  }

  #start(batch: RecordBatch, bytes: Uint8Array): void {
    this.#opening = undefined;
    this.#batch = batch;
    this.#batchBase = batch.baseOffset;
    const skip = this.#from - batch.baseOffset;
    this.#skipBelow = skip > 0n ? Number(skip) : 0;
    this.#walker.start(bytes, batch.recordCount, batch.baseOffset);
    this.#format.startBatch(batch);
  }

  /** Moves to the next wanted record of the open batch. */
  #toRecord(): boolean {
    if (this.#batch === undefined) return false;
    const walker = this.#walker;
    while (walker.next()) if (walker.offsetDelta >= this.#skipBelow) return true;
    this.#batch = undefined;
    return false;
  }

  /** Fills one frame, starting with the record the walker stands on. */
  #frame(): Frame {
    const { maxBytes, frameBytes, maxRecords } = this.#limits;
    const walker = this.#walker;
    const format = this.#format;
    const { closeBytes } = format;
    scratch.reserve(0, format.openBytes);
    let at = format.open();
    let records = 0;
    let payloadBytes = 0;
    // A bigint for each record would cost as much as its digits.
    let lastBase = 0n;
    let lastDelta = 0;
    let isLast = false;
    this.#held = false;
    try {
      do {
        const recordBytes = this.#payloadBytes();
        this.#held = records > 0 &&
          (payloadBytes + recordBytes > maxBytes || records >= maxRecords);
        if (this.#held) break;
        scratch.reserve(at, format.bound(walker, recordBytes) + closeBytes);
        const end = format.record(walker, records === 0, at);
        this.#held = records > 0 && (end < 0 || end + closeBytes > frameBytes);
        if (this.#held) break;
        at = end;
        records++;
        payloadBytes += recordBytes;
        lastBase = this.#batchBase;
        lastDelta = walker.offsetDelta;
        isLast = !this.#toRecord() && !this.#toNextBatch();
      } while (!isLast);
    } catch (error) {
      if (records === 0) throw error;
      this.#failure = { error };
    }
    let next = lastBase + BigInt(lastDelta + 1);
    if (isLast && this.#opening === undefined && format.passesHoles) next = this.#chunk.next;
    at = format.close(at, next, records);
    const { data, bytes } = format.data(at);
    scratch.shrink();
    const { topic, partition } = this.#chunk;
    return { data, bytes, topic, partition, next, records, payloadBytes };
  }

  /** Goes on into the next batches as long as they open without waiting. */
  #toNextBatch(): boolean {
    for (;;) {
      const opened = this.#openNext();
      if (opened === "end") return false;
      if (opened !== "open") {
        // Whoever asks for the next frame meets the failure; until then it is nobody's.
        opened.catch(() => {});
        this.#opening = opened;
        return false;
      }
      if (this.#toRecord()) return true;
    }
  }

  /** Bytes of key, value and headers of the record. */
  #payloadBytes(): number {
    const { keyLength, valueLength, headerCount } = this.#walker;
    let bytes = (keyLength > 0 ? keyLength : 0) + (valueLength > 0 ? valueLength : 0);
    if (headerCount > 0) {
      this.#walker.headers((_nameAt, nameLength, _valueAt, valueLength) => {
        bytes += nameLength + (valueLength > 0 ? valueLength : 0);
      });
    }
    return bytes;
  }
}
