import type { Chunk, Slice } from "../core/chunk.ts";
import type { Frame } from "../core/ports.ts";
import type { ChunkCache } from "./chunk_cache.ts";

/**
 * Makes the frames of a slice one by one; a promise only where a batch is opened meanwhile. What it
 * throws, it throws at every call from then on.
 */
export interface FrameEncoder {
  next(): Frame | undefined | Promise<Frame | undefined>;
}

/** Frames made once from a chunk in one format, for all who send them. */
class ChunkFrames {
  readonly #frames: Frame[] = [];
  readonly #made: (frame: Frame) => void;
  /** Undefined when all is made: it holds a decompressed batch, which no budget counts. */
  #encoder: FrameEncoder | undefined;
  #making: Promise<Frame | undefined> | undefined;

  constructor(encoder: FrameEncoder, made: (frame: Frame) => void) {
    this.#encoder = encoder;
    this.#made = made;
  }

  at(index: number): Frame | undefined | Promise<Frame | undefined> {
    const frame = this.#frames[index];
    if (frame !== undefined || this.#encoder === undefined) return frame;
    if (this.#making !== undefined) return this.#making.then(() => this.at(index));
    const made = this.#encoder.next();
    if (!(made instanceof Promise)) return this.#keep(made);
    this.#making = made.then((frame) => {
      this.#making = undefined;
      return this.#keep(frame);
    });
    return this.#making;
  }

  #keep(frame: Frame | undefined): Frame | undefined {
    if (frame === undefined) {
      this.#encoder = undefined;
      return undefined;
    }
    this.#frames.push(frame);
    this.#made(frame);
    return frame;
  }
}

/** Where sessions get the frames of a slice from. */
export class SharedFrames {
  readonly #cache: ChunkCache;
  readonly #frames = new WeakMap<Chunk, Map<string, ChunkFrames>>();

  constructor(cache: ChunkCache) {
    this.#cache = cache;
  }

  /**
   * The frames of a whole chunk, kept with it, so that each is made once however many send it.
   *
   * @param formatKey equal for formats whose frames are equal
   */
  open({ chunk }: Slice, formatKey: string, encode: () => FrameEncoder): FrameEncoder {
    let formats = this.#frames.get(chunk);
    if (formats === undefined) this.#frames.set(chunk, formats = new Map());
    let frames = formats.get(formatKey);
    if (frames === undefined) {
      frames = new ChunkFrames(encode(), (frame) => this.#cache.charge(chunk, frame.bytes));
      formats.set(formatKey, frames);
    }
    let index = 0;
    return { next: () => frames.at(index++) };
  }
}
