import { Buffer } from "node:buffer";
import type { V2Response } from "../../src/protocol/v2_responses.ts";
import { eventually } from "./eventually.ts";
import type { ClientClose } from "./record_client.ts";

/** One record as v2 JSON says it. */
export interface V2Record {
  readonly offset: string;
  readonly timestamp?: number;
  readonly key?: string | null | { base64: string };
  readonly value: unknown;
  readonly valueEncoding?: "text" | "base64";
  readonly headers?: readonly (readonly [string, string | null | { base64: string }])[];
}

/** A frame of records. */
export interface V2Records {
  readonly type: "records";
  readonly subscription: number;
  readonly topic: string;
  readonly partition: number;
  readonly next: string;
  readonly end: string;
  readonly records: readonly V2Record[];
}

/** Everything a v2 server says in text frames. */
export type V2Frame = V2Response | V2Records;

/** A frame of one type. */
export type V2FrameOf<Type extends V2Frame["type"]> = Extract<V2Frame, { type: Type }>;

/** What a {@linkcode V2Client} does with what comes. */
export interface V2ClientOptions {
  readonly protocols?: string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether frames of records are kept in {@linkcode V2Client.frames}; `false` for long streams. */
  readonly keep?: boolean;
  readonly onRecords?: (frame: V2Records) => void;
  readonly onBinary?: (bytes: Uint8Array) => void;
  readonly onFrame?: (frame: V2Frame) => void;
}

/** A v2 client over Deno's own WebSocket, which asks and waits for answers. */
export class V2Client implements AsyncDisposable {
  /** All frames so far, but those of records unless they are kept. */
  readonly frames: V2Frame[] = [];
  readonly closed: Promise<ClientClose>;
  closeInfo: ClientClose | undefined;
  readonly #socket: WebSocket;
  readonly #options: V2ClientOptions;
  readonly #answers = new Map<number, (frame: V2Response) => void>();
  #failure: { error: unknown } | undefined;
  #lastId = 0;

  private constructor(url: string | URL, options: V2ClientOptions) {
    this.#options = options;
    const { protocols = ["kafka-proxy.v2"], headers } = options;
    this.#socket = new WebSocket(url, { protocols, headers });
    this.#socket.binaryType = "arraybuffer";
    const closed = Promise.withResolvers<ClientClose>();
    this.closed = closed.promise;
    this.#socket.onmessage = ({ data }) => {
      try {
        this.#take(data);
      } catch (error) {
        this.#failure ??= { error };
      }
    };
    this.#socket.onclose = ({ code, reason }) => {
      this.closeInfo = { code: code === 0 ? 1006 : code, reason };
      closed.resolve(this.closeInfo);
    };
    this.#socket.onerror = (event) => event.preventDefault();
  }

  /** Connects, and resolves when the server has said hello. */
  static async open(url: string | URL, options: V2ClientOptions = {}): Promise<V2Client> {
    const client = new V2Client(url, options);
    await client.frame("hello");
    return client;
  }

  /** The subprotocol the server chose. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Sends a frame as it is. */
  send(frame: unknown): void {
    this.sendRaw(JSON.stringify(frame));
  }

  sendRaw(data: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(data);
  }

  /**
   * Sends a request with an id of its own and resolves with its answer.
   *
   * @throws {V2RequestError} for an `error` frame
   */
  async ask<Type extends V2Response["type"] = V2Response["type"]>(
    request: Readonly<Record<string, unknown>>,
    timeoutMs = 20_000,
  ): Promise<Extract<V2Response, { type: Type }>> {
    const id = ++this.#lastId;
    let answer: V2Response | undefined;
    this.#answers.set(id, (frame) => answer = frame);
    this.send({ ...request, id });
    const what = `the answer to ${request.type}`;
    const found = await eventually(what, () => this.#checked(answer), { timeoutMs, everyMs: 2 });
    this.#answers.delete(id);
    if (found.type === "error") throw new V2RequestError(found.code, found.message);
    return found as Extract<V2Response, { type: Type }>;
  }

  /** Waits for a frame of that type which fits, among those that came and will come. */
  frame<Type extends V2Frame["type"]>(
    type: Type,
    fits: (frame: V2FrameOf<Type>) => boolean = () => true,
    timeoutMs = 20_000,
  ): Promise<V2FrameOf<Type>> {
    const find = () => this.of(type).find(fits);
    return eventually(`a frame "${type}"`, () => this.#checked(find()), { timeoutMs, everyMs: 2 });
  }

  /** Frames of a type so far. */
  of<Type extends V2Frame["type"]>(type: Type): V2FrameOf<Type>[] {
    return this.frames.filter((frame): frame is V2FrameOf<Type> => frame.type === type);
  }

  /** Records of a subscription so far, where they are kept. */
  records(subscription = 1): (V2Record & { topic: string; partition: number })[] {
    return this.of("records").filter((frame) => frame.subscription === subscription)
      .flatMap(({ topic, partition, records }) =>
        records.map((record) => ({ ...record, topic, partition }))
      );
  }

  /** Waits until so many records of a subscription have come. */
  async untilRecords(count: number, subscription = 1, timeoutMs = 20_000): Promise<void> {
    await eventually(
      `${count} records`,
      () => this.#checked(this.records(subscription).length >= count),
      { timeoutMs, everyMs: 5 },
    );
  }

  /** Throws what a callback threw. */
  verify(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async untilClosed(timeoutMs = 20_000): Promise<ClientClose> {
    return await eventually("the end", () => this.closeInfo, { timeoutMs, everyMs: 2 });
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checked<T>(found: T): T {
    if (this.#failure !== undefined) throw this.#failure.error;
    if ((found === undefined || found === false) && this.closeInfo !== undefined) {
      const { code, reason } = this.closeInfo;
      throw new Error(`The socket was closed with ${code}: ${reason}`);
    }
    return found;
  }

  #take(data: string | ArrayBuffer): void {
    const { keep = true, onRecords, onBinary, onFrame } = this.#options;
    if (typeof data !== "string") {
      onBinary?.(new Uint8Array(data));
      return;
    }
    const frame: V2Frame = JSON.parse(data);
    onFrame?.(frame);
    if (frame.type === "records") {
      onRecords?.(frame);
      if (keep) this.frames.push(frame);
      return;
    }
    this.frames.push(frame);
    if ("id" in frame && frame.id !== undefined) this.#answers.get(frame.id)?.(frame);
  }
}

/** A request was answered with an error. */
export class V2RequestError extends Error {
  override readonly name = "V2RequestError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** The text form of bytes that are no text. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
