import { ImpairedRelay, writeAll } from "./impaired_relay.ts";

/** Which way bytes go. */
export type Direction = "toBroker" | "toClient";

/** A Kafka request or response on its way. */
export interface KafkaFrame {
  readonly direction: Direction;
  /** HOST:PORT of the broker. */
  readonly broker: string;
  /** Of the request, or of the one that is answered (Kafka protocol guide, "Api Keys"). */
  readonly apiKey: number;
  readonly apiVersion: number;
  /** With its length in front. */
  readonly bytes: Uint8Array;
}

/**
 * What becomes of a frame: `pass`; `drop`, as if it had never been sent; `cut`, the connection is
 * destroyed in its place.
 */
export type Fate = "pass" | "drop" | "cut";

/** Decides about one frame, at once or later; frames behind it wait. */
export type Judge = (frame: KafkaFrame) => Fate | Promise<Fate>;

export const PRODUCE = 0;
export const FETCH = 1;
const METADATA = 3;
const FIND_COORDINATOR = 10;

/**
 * A relay before every broker of a cluster, which understands enough of Kafka's protocol to do harm
 * to chosen requests and responses. Clients that start at {@linkcode bootstrap} stay behind it: the
 * brokers' addresses in responses become the relay's.
 *
 * ```ts ignore
 * await using relay = new FaultRelay(kafka.bootstrap);
 * relay.judge = ({ apiKey, direction }) =>
 *   apiKey === PRODUCE && direction === "toClient" ? "cut" : "pass";
 * ```
 */
export class FaultRelay extends ImpairedRelay<Direction> implements AsyncDisposable {
  /** Decides about every frame; all pass. */
  judge: Judge = () => "pass";
  readonly #host: string;
  readonly #hostBytes: Uint8Array;
  readonly #doors: readonly Door[];
  readonly #connections = new Set<RelayedConnection>();

  /**
   * @param bootstrap HOST:PORT of every broker, with commas between them; hosts are 127.0.0.1
   * @param host what clients are told instead, as long as 127.0.0.1
   */
  constructor(bootstrap: string, host: string = HOST) {
    super();
    if (host.length !== HOST.length) {
      throw new RangeError(`Host "${host}" is not as long as ${HOST}`);
    }
    this.#host = host;
    this.#hostBytes = new TextEncoder().encode(host);
    this.#doors = bootstrap.split(",").map((broker) => {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      return { broker, listener, accepting: this.#accept(listener, broker) };
    });
  }

  /** The relay's addresses, in the order of the brokers'. */
  get bootstrap(): string {
    return this.#doors.map(({ listener }) => `${this.#host}:${listener.addr.port}`).join(",");
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Destroys all connections, or those to one broker; new ones may be opened. */
  cut(broker?: string): void {
    for (const connection of this.#connections) {
      if (broker === undefined || connection.broker === broker) connection.destroy();
    }
  }

  /**
   * Half-open: the connections to the brokers end, and the clients are not told. What they send goes
   * nowhere.
   */
  halfOpen(): void {
    for (const connection of this.#connections) connection.abandon();
  }

  /** The next so many frames of this kind meet this fate, and all others pass. */
  next(
    kind: Partial<Pick<KafkaFrame, "apiKey" | "direction" | "broker">>,
    fate: Fate,
    times = 1,
  ): void {
    const { apiKey, direction, broker } = kind;
    let left = times;
    this.judge = (frame) => {
      const fits = (apiKey ?? frame.apiKey) === frame.apiKey &&
        (direction ?? frame.direction) === frame.direction &&
        (broker ?? frame.broker) === frame.broker;
      if (!fits || left === 0) return "pass";
      left--;
      return fate;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { listener } of this.#doors) listener.close();
    await Promise.all(this.#doors.map(({ accepting }) => accepting));
    this.endSilence();
    const ended = [...this.#connections].map((connection) => connection.ended);
    this.cut();
    await Promise.all(ended);
  }

  /** For connections: waits as the relay's settings say, and decides. */
  async fate(frame: KafkaFrame): Promise<Fate> {
    const fate = await this.judge(frame);
    await this.held(frame.direction);
    return fate;
  }

  /** For connections: the addresses in it become the relay's. */
  rewrite({ apiKey, direction, bytes }: KafkaFrame): void {
    if (direction !== "toClient" || (apiKey !== METADATA && apiKey !== FIND_COORDINATOR)) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + HOST.length + 4 <= bytes.length; at++) {
      if (HOST_BYTES.some((byte, i) => bytes[at + i] !== byte)) continue;
      // In every version the port stands right behind the host.
      const port = view.getInt32(at + HOST.length);
      const door = this.#doors.find(({ broker }) => broker.endsWith(`:${port}`));
      if (door === undefined) continue;
      bytes.set(this.#hostBytes, at);
      view.setInt32(at + HOST.length, door.listener.addr.port);
    }
  }

  async #accept(listener: Deno.TcpListener, broker: string): Promise<void> {
    try {
      for await (const client of listener) {
        const connection = new RelayedConnection(this, client, broker);
        this.#connections.add(connection);
        connection.ended.finally(() => this.#connections.delete(connection));
      }
    } catch (error) {
      // The listener was closed while it waited.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

const HOST = "127.0.0.1";
const HOST_BYTES = new TextEncoder().encode(HOST);

interface Door {
  readonly broker: string;
  readonly listener: Deno.TcpListener;
  readonly accepting: Promise<void>;
}

/** One client's connection and the one to its broker. */
class RelayedConnection {
  readonly broker: string;
  /** Settles when both are closed. */
  readonly ended: Promise<void>;
  readonly #relay: FaultRelay;
  readonly #client: Deno.TcpConn;
  #server: Deno.TcpConn | undefined;
  #isClientOpen = true;
  #isAbandoned = false;
  /** Requests that wait for an answer, by correlation id. */
  readonly #asked = new Map<number, { apiKey: number; apiVersion: number }>();

  constructor(relay: FaultRelay, client: Deno.TcpConn, broker: string) {
    this.#relay = relay;
    this.#client = client;
    this.broker = broker;
    this.ended = this.#run();
  }

  destroy(): void {
    if (this.#isClientOpen) this.#client.close();
    this.#isClientOpen = false;
    this.#closeServer();
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.#closeServer();
  }

  async #run(): Promise<void> {
    const [hostname, port] = this.broker.split(":");
    try {
      this.#server = await Deno.connect({ hostname, port: Number(port) });
      await Promise.all([
        this.#move("toBroker", this.#client, (bytes) => this.#toServer(bytes)),
        this.#move("toClient", this.#server, (bytes) => writeAll(this.#client, bytes)),
      ]);
    } catch (error) {
      if (!isEnd(error)) throw error;
    } finally {
      this.destroy();
    }
  }

  async #toServer(bytes: Uint8Array): Promise<void> {
    if (this.#isAbandoned || this.#server === undefined) return;
    await writeAll(this.#server, bytes);
  }

  async #move(
    direction: Direction,
    from: Deno.TcpConn,
    write: (bytes: Uint8Array) => Promise<void>,
  ): Promise<void> {
    try {
      for await (const bytes of frames(from)) {
        const frame = { direction, broker: this.broker, bytes, ...this.#kind(direction, bytes) };
        const fate = await this.#relay.fate(frame);
        if (fate === "cut") break;
        if (fate === "drop") continue;
        this.#relay.rewrite(frame);
        await this.#relay.paced(bytes, write);
      }
    } catch (error) {
      if (!isEnd(error)) throw error;
    }
    // The client of a half-open connection is not told.
    if (direction === "toBroker" || !this.#isAbandoned) this.destroy();
  }

  /** A request says what it is; an answer only which request it is for. */
  #kind(direction: Direction, bytes: Uint8Array): { apiKey: number; apiVersion: number } {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (direction === "toBroker") {
      const kind = { apiKey: view.getInt16(4), apiVersion: view.getInt16(6) };
      this.#asked.set(view.getInt32(8), kind);
      return kind;
    }
    const id = view.getInt32(4);
    const kind = this.#asked.get(id) ?? { apiKey: -1, apiVersion: -1 };
    this.#asked.delete(id);
    return kind;
  }

  #closeServer(): void {
    this.#server?.close();
    this.#server = undefined;
  }
}

/** The frames of a connection, each with its length in front. */
async function* frames(connection: Deno.TcpConn): AsyncGenerator<Uint8Array> {
  for (;;) {
    const head = new Uint8Array(4);
    if (!await readAll(connection, head)) return;
    const frame = new Uint8Array(4 + new DataView(head.buffer).getInt32(0));
    frame.set(head);
    if (!await readAll(connection, frame.subarray(4))) return;
    yield frame;
  }
}

/** False at the end of the connection. */
async function readAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<boolean> {
  for (let at = 0; at < bytes.length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) return false;
    at += count;
  }
  return true;
}

/** One side went away, or was cut in the middle of a read or a write. */
const ENDS = [
  Deno.errors.BadResource,
  Deno.errors.Interrupted,
  Deno.errors.BrokenPipe,
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionRefused,
  Deno.errors.ConnectionAborted,
  Deno.errors.NotConnected,
];

function isEnd(error: unknown): boolean {
  return ENDS.some((end) => error instanceof end);
}
