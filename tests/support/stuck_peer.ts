import { Buffer } from "node:buffer";
import { httpUpgrade } from "./http_upgrade.ts";

/** How the server ended a connection. */
export interface PeerClose {
  readonly code: number;
  readonly reason: string;
}

const TEXT = 1;
const CLOSE = 8;

/**
 * A WebSocket client on a bare TCP connection that reads when it is told to and never by itself.
 *
 * A client of a library goes on reading in the background; here the operating system's buffers fill
 * up and the server finds that no byte is taken any more, as with a laptop that was closed.
 */
export class StuckPeer implements Disposable {
  readonly #connection: Deno.TcpConn;
  #unread: Buffer = Buffer.alloc(0);
  #isClosed = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /**
   * Shakes hands at `ws://HOST:PORT/...` and reads no byte more than the answer.
   *
   * @throws {Error} with the answer, when it is not 101
   */
  static async connect(
    url: string | URL,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<StuckPeer> {
    const answer = await httpUpgrade(url, { headers });
    if (answer.status === 101) return new StuckPeer(answer.connection);
    answer[Symbol.dispose]();
    throw new Error(`Not upgraded: ${answer.status} ${answer.body}`);
  }

  /** The next text message; the server's close instead, `undefined` when it just ended. */
  async read(): Promise<string | PeerClose | undefined> {
    for (;;) {
      const head = await this.#peek(2);
      if (head === undefined) return undefined;
      const opcode = head[0] & 15;
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
      if (opcode === TEXT) return payload.toString("utf8");
      if (opcode === CLOSE) {
        return { code: payload.readUInt16BE(0), reason: payload.toString("utf8", 2) };
      }
    }
  }

  /** Reads to the end; `take` gets each message. */
  async readToEnd(take: (text: string) => void): Promise<PeerClose | undefined> {
    for (;;) {
      const message = await this.read();
      if (typeof message !== "string") return message;
      take(message);
    }
  }

  /**
   * Reads bytes without a look at them until `isEnough`, asked after each; they must go on coming.
   * Afterwards messages cannot be told apart any more.
   *
   * @returns how many bytes there were
   */
  async skim(isEnough: () => boolean): Promise<number> {
    const chunk = new Uint8Array(1 << 18);
    let bytes = 0;
    while (!isEnough()) {
      const count = await this.#connection.read(chunk);
      if (count === null) throw new Error("The server ended the connection");
      bytes += count;
    }
    return bytes;
  }

  /** Sends a masked frame, as clients must: the mask is zero. */
  async send(opcode: number, payload: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(payload as string);
    const frame = Buffer.concat([
      Buffer.from([0x80 | opcode, 0x80 | bytes.length, 0, 0, 0, 0]),
      bytes,
    ]);
    for (let at = 0; at < frame.length;) at += await this.#connection.write(frame.subarray(at));
  }

  /**
   * Ends the connection at once and without a word. With bytes that were not read the operating
   * system sends RST, not FIN (RFC 2525 section 2.17): the peer has vanished.
   */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  /** At least so many bytes, which stay unread; `undefined` when the connection ends before. */
  async #peek(bytes: number): Promise<Buffer | undefined> {
    while (this.#unread.length < bytes) {
      const chunk = new Uint8Array(1 << 16);
      const count = await this.#connection.read(chunk).catch((error) => {
        if (error instanceof Deno.errors.ConnectionReset) return null;
        throw error;
      });
      if (count === null) return undefined;
      this.#unread = Buffer.concat([this.#unread, chunk.subarray(0, count)]);
    }
    return this.#unread;
  }
}
