import { Buffer } from "node:buffer";
import { eventually } from "./eventually.ts";
import { httpUpgrade, type UpgradeAnswer } from "./http_upgrade.ts";
import { type ClientClose, parseFrame } from "./record_client.ts";

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** No close frame came (RFC 6455 section 7.1.5). */
const ABNORMAL = 1006;

/** Sees every record as it comes. */
export type OnRecord = (partition: number, offset: bigint, message: string | null) => void;

/** The server answered with something else than 101. */
export class UpgradeError extends Error {
  /** What is in the answer. */
  readonly answer: UpgradeAnswer["error"];

  constructor({ status, body, error }: UpgradeAnswer) {
    super(`Not upgraded: ${status} ${body}`);
    this.answer = error;
  }
}

/**
 * A v1 client on a bare TCP connection that reads to the last byte, however the connection ends.
 *
 * What the server's operating system has taken counts as delivered, but a WebSocket of the runtime
 * throws away what comes after its own close. Here nothing is thrown away, so that a record that
 * nobody got is the server's fault.
 */
export class ThoroughClient implements AsyncDisposable {
  /** Settles, never rejects, when the last byte was read; 1006 is an end without a close frame. */
  readonly closed: Promise<ClientClose>;
  readonly #connection: Deno.TcpConn;
  readonly #onRecord: OnRecord;
  #unread: Buffer = Buffer.alloc(0);
  #paused: { promise: Promise<void>; resolve: () => void } | undefined;
  #closeInfo: ClientClose | undefined;
  #count = 0;
  #failure: unknown;

  private constructor(connection: Deno.TcpConn, onRecord: OnRecord) {
    this.#connection = connection;
    this.#onRecord = onRecord;
    this.closed = this.#run();
  }

  /** @throws {UpgradeError} when the answer is not 101 */
  static async connect(url: string | URL, onRecord: OnRecord): Promise<ThoroughClient> {
    const answer = await httpUpgrade(url, { timeoutMs: 20_000 });
    if (answer.status === 101) return new ThoroughClient(answer.connection, onRecord);
    answer[Symbol.dispose]();
    throw new UpgradeError(answer);
  }

  /** Records so far. */
  get count(): number {
    return this.#count;
  }

  /** How it has ended; undefined while it has not. */
  get closeInfo(): ClientClose | undefined {
    return this.#closeInfo;
  }

  /** Reads no more, so that the buffers on the way fill up. */
  pause(): void {
    this.#paused ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Waits for a number of records. */
  async until(count: number, timeoutMs = 20_000): Promise<void> {
    await eventually(`${count} records, ${this.#count} so far`, () => {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#count >= count) return true;
      if (this.#closeInfo === undefined) return false;
      const { code, reason } = this.#closeInfo;
      throw new Error(`Closed with ${code} "${reason}" while waiting for ${count} records`);
    }, { timeoutMs, everyMs: 2 });
  }

  /** Waits for the end. */
  async untilClosed(timeoutMs = 20_000): Promise<ClientClose> {
    const info = await eventually("the end of the connection", () => this.#closeInfo, {
      timeoutMs,
      everyMs: 5,
    });
    if (this.#failure !== undefined) throw this.#failure;
    return info;
  }

  /** Says goodbye and reads what is on its way. */
  async leave(): Promise<ClientClose> {
    this.resume();
    if (this.#closeInfo === undefined) {
      await this.#send(CLOSE, Buffer.from([1000 >> 8, 1000 & 255]));
    }
    return await this.untilClosed();
  }

  /** Is gone without a word, as far as the server can see. */
  async vanish(): Promise<void> {
    this.resume();
    await this.#connection.closeWrite().catch(() => {
      // It has ended already.
    });
    await this.untilClosed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closeInfo === undefined) await this.vanish();
  }

  async #run(): Promise<ClientClose> {
    let info = { code: ABNORMAL, reason: "" };
    try {
      info = await this.#read() ?? info;
    } catch (error) {
      const isEnd = error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BrokenPipe;
      if (!isEnd) this.#failure = error;
    }
    this.#connection.close();
    return this.#closeInfo = info;
  }

  async #read(): Promise<ClientClose | undefined> {
    for (;;) {
      const head = await this.#peek(2);
      if (head === undefined) return undefined;
      const short = head[1] & 127;
      const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
      const long = await this.#peek(headBytes);
      if (long === undefined) return undefined;
      const length = short < 126
        ? short
        : short === 126
        ? long.readUInt16BE(2)
        : Number(long.readBigUInt64BE(2));
      const frame = await this.#peek(headBytes + length);
      if (frame === undefined) return undefined;
      this.#unread = this.#unread.subarray(headBytes + length);
      const payload = frame.subarray(headBytes, headBytes + length);
      const opcode = frame[0] & 15;
      if (opcode === TEXT) this.#take(payload.toString("utf8"));
      // Where the server has closed it already there is still to read what came before.
      if (opcode === PING) await this.#send(PONG, payload).catch(() => {});
      if (opcode === CLOSE) {
        await this.#send(CLOSE, payload.subarray(0, 2)).catch(() => {
          // The server has closed it already.
        });
        if (length < 2) return { code: ABNORMAL, reason: "" };
        return { code: payload.readUInt16BE(0), reason: payload.toString("utf8", 2) };
      }
    }
  }

  #take(text: string): void {
    for (const { partition = 0, offset, message } of parseFrame(text)) {
      this.#count++;
      this.#onRecord(partition, offset, message);
    }
  }

  /** At least so many bytes, which stay unread; undefined when the connection ends before. */
  async #peek(bytes: number): Promise<Buffer | undefined> {
    if (this.#unread.length >= bytes) return this.#unread;
    const parts: Uint8Array[] = [this.#unread];
    for (let length = this.#unread.length; length < bytes;) {
      await this.#paused?.promise;
      const chunk = new Uint8Array(1 << 16);
      const count = await this.#connection.read(chunk);
      if (count === null) return undefined;
      parts.push(chunk.subarray(0, count));
      length += count;
    }
    return this.#unread = Buffer.concat(parts);
  }

  async #send(opcode: number, payload: Uint8Array): Promise<void> {
    const head = Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]);
    const frame = Buffer.concat([head, payload]);
    for (let at = 0; at < frame.length;) at += await this.#connection.write(frame.subarray(at));
  }
}
