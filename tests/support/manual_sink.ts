import type { CloseInfo, FrameSink } from "../../src/core/ports.ts";

/** A connection whose buffer is emptied by hand. */
export class ManualSink implements FrameSink {
  readonly closed: Promise<CloseInfo>;
  /** Everything that was sent before the end. */
  readonly frames: string[] = [];
  /** What happened, in order: `send`, `close 4409`. Several sinks may write into one list. */
  readonly history: string[];
  readonly name: string;
  sentBytes = 0;
  frameBytes = 65_536;
  /** Above it there is no room. */
  highBytes = 1 << 20;
  #takenBytes = 0;
  #takesAll = true;
  #closeInfo: CloseInfo | undefined;
  #settleClosed!: (info: CloseInfo) => void;
  readonly #waiting = new Set<() => void>();

  /** `name` stands before each entry of `history`. */
  constructor({ name = "", history = [] as string[] } = {}) {
    this.name = name;
    this.history = history;
    this.closed = new Promise((resolve) => this.#settleClosed = resolve);
  }

  /** From now on bytes stay in the buffer until {@linkcode take}. */
  holdBytes(): void {
    this.#takesAll = false;
  }

  /** The operating system takes so many of the bytes in the buffer, or all. */
  take(bytes = this.bufferedBytes): void {
    this.#takenBytes += bytes;
    for (const wake of [...this.#waiting]) wake();
  }

  /** The client ends the connection; what it has not taken is lost. */
  closeByPeer(code = 1000, reason = ""): void {
    this.#end({ code, reason });
  }

  /** Values of all records sent so far, as a v1 client reads them. */
  get messages(): (string | null)[] {
    return this.frames.flatMap((frame) =>
      JSON.parse(frame).map(({ message }: { message: string | null }) => message)
    );
  }

  /** Offsets of all records sent so far. */
  get offsets(): number[] {
    return this.frames.flatMap((frame) =>
      JSON.parse(frame).map(({ offset }: { offset: number }) => offset)
    );
  }

  get bufferedBytes(): number {
    return this.sentBytes - this.#takenBytes;
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  get isClosed(): boolean {
    return this.#closeInfo !== undefined;
  }

  get hasRoom(): boolean {
    return !this.isClosed && this.bufferedBytes < this.highBytes;
  }

  room(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.bufferedBytes <= this.highBytes / 4, signal);
  }

  async drained(timeoutMs: number): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    await this.#until(() => this.bufferedBytes === 0, late.signal);
    clearTimeout(timer);
  }

  send(data: string | Uint8Array, bytes: number): void {
    this.sentBytes += bytes;
    if (this.isClosed) return;
    this.frames.push(String(data));
    this.history.push(`${this.name}send`);
    if (this.#takesAll) this.#takenBytes = this.sentBytes;
  }

  close(code: number, reason: string): void {
    this.#end({ code, reason });
  }

  #end(info: CloseInfo): void {
    if (this.isClosed) return;
    this.#closeInfo = info;
    this.history.push(`${this.name}close ${info.code}`);
    for (const wake of [...this.#waiting]) wake();
    this.#settleClosed(info);
  }

  #until(isDone: () => boolean, signal: AbortSignal): Promise<void> {
    if (isDone() || this.isClosed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const look = () => {
        if (!isDone() && !this.isClosed && !signal.aborted) return;
        this.#waiting.delete(look);
        signal.removeEventListener("abort", look);
        resolve();
      };
      this.#waiting.add(look);
      signal.addEventListener("abort", look);
    });
  }
}
