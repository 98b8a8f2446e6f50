import { clearImmediate, setImmediate } from "node:timers";
import type { CloseInfo, FrameSink } from "../core/ports.ts";
import { closeReason } from "../protocol/close_reason.ts";
import type { WaterMarks } from "./water_marks.ts";

/** Deno has no drain event: looks at the buffer go through so many turns of the event loop first. */
const IMMEDIATE_TURNS = 8;

/** Then the pause between looks doubles from 1 ms up to this, and on to the idle one. */
const MOST_PAUSE_MS = 25;

/** Pause between looks at a socket that has not moved for a second. */
const IDLE_PAUSE_MS = 250;

/** Code of a connection that ended without a close frame (RFC 6455 section 7.1.5). */
const ABNORMAL = 1006;

/** What a sink needs beside its socket. */
export interface SinkOptions {
  readonly marks: WaterMarks;
  /** A socket that takes no byte for so long while some wait is closed with 4408, in ms. */
  readonly stallTimeoutMs: number;
  /** What to do with a message from the client. */
  readonly onMessage: (data: unknown) => void;
}

/**
 * The sending side of one server WebSocket.
 *
 * Backpressure: `bufferedAmount` is what the operating system has not taken. While there is any,
 * the socket is looked at: in a few turns of the event loop at first, which is enough on a fast
 * network, then by a timer that slows down. What was taken is remembered from each look, because
 * the socket itself reports 0 once it is closing, which it is for a while before any event says so.
 *
 * What was taken is sure a turn of the event loop later: when the client's close frame has come, the
 * runtime reports frames as taken that it throws away, and in a busy process says only in the next
 * turn that the connection is over.
 */
export class WebSocketSink implements FrameSink {
  readonly closed: Promise<CloseInfo>;
  /** Settles when the connection is open, or over before it was. */
  readonly opened: Promise<void>;
  /** Settles when the runtime is done with the socket, which a stuck peer can put off for long. */
  readonly gone: Promise<void>;
  readonly #socket: WebSocket;
  readonly #options: SinkOptions;
  readonly #over: (info: CloseInfo) => void;
  readonly #waiting = new Set<{ isDone: () => boolean; end: () => void }>();
  #sentBytes = 0;
  #takenBytes = 0;
  /** Of those, what was taken by the look of the last turn, and by the one before. */
  #seenBytes = 0;
  #sureBytes = 0;
  #movedMs = 0;
  #turns = 0;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closeInfo: CloseInfo | undefined;
  #settleClosed!: (info: CloseInfo) => void;

  /** Attaches all handlers; call it before the upgrade's response is returned. */
  constructor(socket: WebSocket, options: SinkOptions) {
    this.#socket = socket;
    this.#options = options;
    this.closed = new Promise((resolve) => this.#settleClosed = resolve);
    const opened = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    this.opened = opened.promise;
    this.gone = gone.promise;
    const uncount = options.marks.add();
    this.#over = (info) => {
      uncount();
      // First: whoever waited for the opening must find it closed, not go on for a client that is gone.
      this.#end(info);
      opened.resolve();
      gone.resolve();
    };
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      opened.resolve();
      if (this.isClosed) socket.close();
    };
    socket.onmessage = ({ data }) => options.onMessage(data);
    socket.onclose = ({ code, reason }) => this.#over({ code: code || ABNORMAL, reason });
    // A close event follows; without this handler the runtime would report it as uncaught.
    socket.onerror = (event) => event.preventDefault();
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get bufferedBytes(): number {
    this.#look();
    return this.#sentBytes - this.#takenBytes;
  }

  get takenBytes(): number {
    return this.#sureBytes;
  }

  /** How long ago the operating system last took a byte, while some wait; else 0. In ms. */
  get unmovedMs(): number {
    return this.bufferedBytes === 0 ? 0 : performance.now() - this.#movedMs;
  }

  get frameBytes(): number {
    return this.#options.marks.frameBytes;
  }

  get isClosed(): boolean {
    return this.#closeInfo !== undefined;
  }

  get hasRoom(): boolean {
    return !this.isClosed && this.bufferedBytes < this.#options.marks.highBytes;
  }

  room(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.bufferedBytes <= this.#options.marks.lowBytes, signal);
  }

  async drained(timeoutMs: number): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const sentBytes = this.#sentBytes;
    await this.#until(() => this.#sureBytes >= sentBytes, late.signal);
    clearTimeout(timer);
  }

  send(data: string | Uint8Array, bytes: number): void {
    if (this.#sentBytes === this.#takenBytes) this.#movedMs = performance.now();
    // Counted even where nothing goes out any more: such bytes are never taken. Not counted, what a
    // peer never got, who closes while we send, would be committed with what it got last.
    this.#sentBytes += bytes;
    if (this.isClosed) return;
    this.#options.marks.hold(bytes);
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(data as string | Uint8Array<ArrayBuffer>);
    }
    if (this.#immediate === undefined && this.#timer === undefined) this.#watch();
  }

  /** Counts the socket out if it has not opened, since it will not and no event says so. */
  giveUpOpening(): void {
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      this.#over({ code: ABNORMAL, reason: "the client went away before it was answered" });
    }
  }

  close(code: number, reason: string): void {
    if (this.isClosed) return;
    this.#look();
    const text = closeReason(reason);
    this.#end({ code, reason: text });
    this.#socket.close(code, text);
  }

  #until(isDone: () => boolean, signal: AbortSignal): Promise<void> {
    if (this.isClosed || signal.aborted || isDone()) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => {
      signal.removeEventListener("abort", end);
      this.#waiting.delete(waiter);
      resolve();
    };
    const waiter = { isDone, end };
    signal.addEventListener("abort", end);
    this.#waiting.add(waiter);
    return promise;
  }

  /** Takes over what the socket says, while it says the truth. */
  #look(): void {
    if (this.isClosed || this.#socket.readyState !== WebSocket.OPEN) return;
    const takenBytes = this.#sentBytes - this.#socket.bufferedAmount;
    if (takenBytes === this.#takenBytes) return;
    this.#options.marks.hold(this.#takenBytes - takenBytes);
    this.#takenBytes = takenBytes;
    this.#movedMs = performance.now();
    this.#turns = 0;
  }

  #watch(): void {
    this.#turns++;
    if (this.#turns <= IMMEDIATE_TURNS) {
      this.#immediate = setImmediate(() => {
        this.#immediate = undefined;
        this.#watched();
      });
      return;
    }
    const idle = performance.now() - this.#movedMs > 1_000;
    const pauseMs = Math.min(2 ** (this.#turns - IMMEDIATE_TURNS - 1), MOST_PAUSE_MS);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#watched();
    }, idle ? IDLE_PAUSE_MS : pauseMs);
  }

  #watched(): void {
    if (this.isClosed) return;
    this.#look();
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#sureBytes = this.#seenBytes;
      this.#seenBytes = this.#takenBytes;
    }
    for (const waiter of this.#waiting) if (waiter.isDone()) waiter.end();
    if (this.#sureBytes === this.#sentBytes) {
      this.#turns = 0;
      return;
    }
    const { stallTimeoutMs } = this.#options;
    if (performance.now() - this.#movedMs > stallTimeoutMs) {
      const seconds = Math.round(stallTimeoutMs / 1000);
      this.close(4408, `stalled: no byte taken for ${seconds} s`);
      return;
    }
    this.#watch();
  }

  #end(info: CloseInfo): void {
    if (this.isClosed) return;
    this.#closeInfo = info;
    this.#options.marks.hold(this.#takenBytes - this.#sentBytes);
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    for (const { end } of this.#waiting) end();
    this.#settleClosed(info);
  }
}
