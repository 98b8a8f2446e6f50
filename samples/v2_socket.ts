/**
 * As little as it takes to speak kafka-proxy.v2: one WebSocket, requests with an id, and their
 * answers. It runs in a browser as it is. The client library (`kafka-proxy/client`) does the rest:
 * coming back, resuming, permits.
 *
 * @module
 */

/** A record that was received. */
export interface SocketRecord {
  readonly offset: string;
  readonly value: string | null;
  readonly headers?: readonly (readonly [name: string, value: string | null])[];
}

/** What became of a record that was written. */
export interface WrittenRecord {
  readonly partition: number;
  readonly offset?: string;
  /** Without an offset: `failed`, not stored, or `unknown`. */
  readonly outcome?: string;
  readonly message?: string;
}

/** Records of one partition. */
export interface RecordsFrame {
  readonly type: "records";
  readonly subscription: number;
  readonly topic: string;
  readonly partition: number;
  /** The offset after the last of them. */
  readonly next: string;
  readonly records: readonly SocketRecord[];
}

/** The answer to `produce`. */
export interface ProducedFrame {
  readonly type: "produced";
  readonly id: number;
  readonly results: readonly WrittenRecord[];
}

/** Every other frame; `docs/PROTOCOL.md` has them all. */
export interface OtherFrame {
  readonly type: "hello" | "subscribed" | "ended" | "error" | "ok";
  readonly id?: number;
  readonly code?: string;
  readonly message?: string;
}

/** A frame of the server. */
export type Frame = RecordsFrame | ProducedFrame | OtherFrame;

/** A frame of ours. */
export interface Request {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** An open socket that has said hello. */
export class V2Socket {
  /** Settles when the connection has ended, with its close code. */
  readonly closed: Promise<CloseEvent>;
  readonly #socket: WebSocket;
  readonly #onFrame: (frame: Frame) => void;
  readonly #waiting = new Map<number, PromiseWithResolvers<Frame>>();
  #lastId = 0;

  private constructor(socket: WebSocket, onFrame: (frame: Frame) => void) {
    this.#socket = socket;
    this.#onFrame = onFrame;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    this.closed = new Promise((resolve) =>
      socket.onclose = (event) => {
        resolve(event);
        // What had no answer may have happened or not: say so, and do not ask again by yourself.
        for (const { reject } of this.#waiting.values()) {
          reject(new Error(`closed with ${event.code} ${event.reason}: outcome unknown`));
        }
      }
    );
  }

  /** Connects; `onFrame` sees every frame that answers no request. */
  static async open(url: string, onFrame: (frame: Frame) => void): Promise<V2Socket> {
    const hello = Promise.withResolvers<void>();
    const socket = new V2Socket(new WebSocket(url, "kafka-proxy.v2"), (frame) => {
      if (frame.type === "hello") hello.resolve();
      else onFrame(frame);
    });
    void socket.closed.then(({ code, reason }) =>
      hello.reject(new Error(`Cannot connect to ${url}: ${code} ${reason}`))
    );
    await hello.promise;
    return socket;
  }

  /** Sends a frame that wants no answer. */
  send(frame: Request): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** Sends a request; rejects when it is answered with an error, or when the connection ends. */
  ask(request: Request): Promise<Frame> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Frame>();
    this.#waiting.set(id, answer);
    this.send({ ...request, id });
    return answer.promise;
  }

  /** Writes records of a topic; rejects when one of them is not known to be stored. */
  async produce(topic: string, records: readonly unknown[]): Promise<readonly WrittenRecord[]> {
    const answer = await this.ask({ type: "produce", topic, records });
    const results = answer.type === "produced" ? answer.results : [];
    for (const { offset, outcome, message } of results) {
      if (offset === undefined) throw new Error(`Not written (${outcome}): ${message}`);
    }
    return results;
  }

  close(): void {
    this.#socket.close();
  }

  #take(frame: Frame): void {
    const id = "id" in frame ? frame.id : undefined;
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiting === undefined) return this.#onFrame(frame);
    this.#waiting.delete(id);
    if (frame.type === "error") waiting.reject(new Error(`${frame.code}: ${frame.message}`));
    else waiting.resolve(frame);
  }
}
