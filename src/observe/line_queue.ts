/** Where bytes go; `Deno.stderr` is one. It may take less than it was given. */
export interface ByteWriter {
  /** Writes some bytes and says how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** How a {@linkcode LineQueue} is built. */
export interface LineQueueOptions {
  /** Where the lines go. */
  readonly writer: ByteWriter;
  /** The line that reports a loss, with its line break. */
  readonly lossLine: (lines: number) => string;
  /** Most bytes that wait, those being written included; 1 MiB. Lines beyond it are lost. */
  readonly maxBytes?: number;
}

/**
 * Writes lines in order, without making anybody wait and without ever throwing.
 *
 * A reader of the other end that stops (a pipe that is full) costs at most `maxBytes` of memory and
 * then lines, never the process: a synchronous write would stop the event loop with it. Lines that
 * a closed or failing end does not take are lost. Losses are counted, and reported by a line of
 * their own as soon as one can be written.
 */
export class LineQueue {
  readonly #options: Required<LineQueueOptions>;
  readonly #encoder = new TextEncoder();
  #waiting: Uint8Array[] = [];
  #queuedBytes = 0;
  #lostLines = 0;
  #unreported = 0;
  #writing: Promise<void> | undefined;

  /** Starts writing with the first line. */
  constructor(options: LineQueueOptions) {
    this.#options = { maxBytes: 1_048_576, ...options };
  }

  /** Lines that were never written. */
  get lostLines(): number {
    return this.#lostLines;
  }

  /** Queues a line, with its line break; it is lost when the queue is full. */
  push(line: string): void {
    const bytes = this.#encoder.encode(line);
    if (this.#queuedBytes + bytes.length > this.#options.maxBytes) {
      this.#lose(1);
      return;
    }
    this.#waiting.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when nothing waits any more, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#writing === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, timeoutMs));
    await Promise.race([this.#writing, timeout]);
    clearTimeout(timer);
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      const bytes = joined(lines);
      try {
        if (this.#unreported > 0) await this.#reportLoss();
        await writeWhole(this.#options.writer, bytes);
      } catch {
        this.#lose(lines.length); // closed: the count is all that can be kept
      }
      this.#queuedBytes -= bytes.length;
    }
    this.#writing = undefined;
  }

  async #reportLoss(): Promise<void> {
    const lost = this.#unreported;
    const line = this.#options.lossLine(lost);
    await writeWhole(this.#options.writer, this.#encoder.encode(line));
    this.#unreported -= lost;
  }

  #lose(lines: number): void {
    this.#lostLines += lines;
    this.#unreported += lines;
  }
}

async function writeWhole(writer: ByteWriter, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const written = await writer.write(bytes.subarray(at));
    if (!(written > 0)) throw new Error("Cannot write: the writer takes nothing");
    at += written;
  }
}

function joined(lines: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(lines.reduce((sum, line) => sum + line.length, 0));
  let at = 0;
  for (const line of lines) {
    whole.set(line, at);
    at += line.length;
  }
  return whole;
}
