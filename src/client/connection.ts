import type { HelloFrame, V2Response } from "../protocol/v2_responses.ts";
import { BinaryRecords } from "./binary_records.ts";
import { ClientError } from "./client_error.ts";
import type { SocketConstructor, SocketLike } from "./socket_like.ts";

/** A frame to the server, without its id. */
export type RequestFrame = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Called once: with the answer, or with what an `error` frame said. */
export type Answer = (answer: V2Response | ClientError) => void;

/** What a subscription hears of its frames. */
export interface SubscriptionFrames {
  records(records: BinaryRecords): void;
  control(frame: V2Response): void;
}

/** What whoever opened the connection hears. */
export interface ConnectionEvents {
  /** The server has said hello: requests may be sent. */
  ready(connection: Connection): void;
  /** A frame that belongs to no request and no subscription. */
  frame(frame: V2Response): void;
  /** It is over; the last call. `wasOpen` is false when the handshake was refused or failed. */
  closed(code: number, reason: string, wasOpen: boolean): void;
}

/** Nothing came for so long: ask. */
const QUIET_MS = 15_000;
/** And so long after having asked: the connection is dead. */
const DEAD_MS = 15_000;

/** A socket that closed without a frame of its own. */
const NO_CLOSE_FRAME = 1006;

/**
 * One WebSocket speaking v2, from the handshake to its end: requests and their answers, and what
 * comes for subscriptions. After {@linkcode close}, or once the server is silent for half a minute,
 * it is over at once, whether or not the network knows.
 */
export class Connection {
  readonly #socket: SocketLike;
  readonly #events: ConnectionEvents;
  readonly #answers = new Map<number, Answer>();
  readonly #subscriptions = new Map<number, SubscriptionFrames>();
  readonly #gone: () => void;
  /** Resolves when the runtime has let go of the socket. */
  readonly gone: Promise<void>;
  #hello: HelloFrame | undefined;
  #lastId = 0;
  #isOver = false;
  #wasOpen = false;
  #heardMs = performance.now();
  #askedMs: number | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(
    Socket: SocketConstructor,
    url: string,
    protocols: string[],
    events: ConnectionEvents,
  ) {
    this.#events = events;
    let gone!: () => void;
    this.gone = new Promise((resolve) => gone = resolve);
    this.#gone = gone;
    const socket = this.#socket = new Socket(url, protocols);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#wasOpen = true;
      this.#watch = setInterval(() => this.#look(), QUIET_MS / 3);
    };
    socket.onmessage = ({ data }: { data: unknown }) => this.#message(data);
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      this.#gone();
      this.#over(code === 0 || code === 1005 ? NO_CLOSE_FRAME : code, reason);
    };
  }

  /** What the server said first. */
  get hello(): HelloFrame {
    return this.#hello!;
  }

  /** Whether a frame that is sent now goes out: false as soon as either side has begun to close. */
  get isOpen(): boolean {
    return !this.#isOver && this.#socket.readyState === 1;
  }

  /** Sends a frame that is not answered. */
  send(frame: RequestFrame): void {
    if (this.isOpen) this.#socket.send(JSON.stringify(frame));
  }

  /** Sends a frame that is answered, unless the connection ends before. */
  request(frame: RequestFrame, answer: Answer): void {
    this.requestText((id) => JSON.stringify({ ...frame, id }), answer);
  }

  /** The same, for a frame that is text already once it has its id. */
  requestText(frame: (id: number) => string, answer: Answer): void {
    if (!this.isOpen) return;
    const id = ++this.#lastId;
    this.#answers.set(id, answer);
    this.#socket.send(frame(id));
  }

  /** Frames of this subscription go there from now on; `undefined`: nowhere. */
  route(subscription: number, frames: SubscriptionFrames | undefined): void {
    if (frames === undefined) this.#subscriptions.delete(subscription);
    else this.#subscriptions.set(subscription, frames);
  }

  /** Ends it; `closed` is called before this returns, unless it was over before. */
  close(code = 1000, reason = ""): void {
    if (this.#isOver) return;
    this.#socket.close(code, reason);
    this.#over(code, reason);
  }

  #message(data: unknown): void {
    if (this.#isOver) return;
    this.#heardMs = performance.now();
    this.#askedMs = undefined;
    try {
      if (typeof data === "string") this.#control(JSON.parse(data));
      else {
        const records = new BinaryRecords(data as ArrayBuffer);
        this.#subscriptions.get(records.subscription)?.records(records);
      }
    } catch (error) {
      this.#socket.close(4000, "bad frame");
      this.#over(NO_CLOSE_FRAME, `What the server sent cannot be read: ${error}`);
    }
  }

  #control(frame: V2Response): void {
    if (this.#hello === undefined) {
      if (frame.type !== "hello") throw new TypeError("no hello");
      this.#hello = frame;
      this.#events.ready(this);
      return;
    }
    const id = "id" in frame ? frame.id : undefined;
    const answer = id === undefined ? undefined : this.#answers.get(id);
    if (answer !== undefined) {
      this.#answers.delete(id!);
      answer(frame.type === "error" ? new ClientError(frame.code, frame.message) : frame);
    } else if ("subscription" in frame && frame.subscription !== undefined) {
      this.#subscriptions.get(frame.subscription)?.control(frame);
    } else {
      this.#events.frame(frame);
    }
  }

  /** A connection may be dead without anybody being told: the network went away, a laptop slept. */
  #look(): void {
    const now = performance.now();
    if (this.#askedMs !== undefined) {
      if (now - this.#askedMs < DEAD_MS) return;
      this.#socket.close();
      this.#over(NO_CLOSE_FRAME, "the server is silent");
    } else if (now - this.#heardMs > QUIET_MS && this.#hello !== undefined) {
      this.#askedMs = now;
      this.request({ type: "ping" }, () => {});
    }
  }

  #over(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#watch);
    this.#answers.clear();
    this.#subscriptions.clear();
    this.#events.closed(code, reason, this.#wasOpen);
  }
}
