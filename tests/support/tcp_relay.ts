import { ImpairedRelay, writeAll } from "./impaired_relay.ts";

/** Where connections go to. */
export interface RelayTarget {
  readonly hostname: string;
  readonly port: number;
}

/** Which way bytes go. */
export type Way = "toServer" | "toClient";

/** Bytes moved at a time. */
const CHUNK_BYTES = 1 << 16;

/**
 * A TCP relay between clients and servers, whose connections can be harmed: destroyed, to both sides
 * without a close frame; lost to the server's side alone, which is not told, as when a phone changes
 * its network; slow, narrow, silent.
 *
 * ```ts ignore
 * await using relay = new TcpRelay(proxy.url);
 * const client = await RecordClient.open(relay.through(proxy.at({ topic: "orders" })));
 * relay.cut();
 * ```
 */
export class TcpRelay extends ImpairedRelay<Way> implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #targets: readonly RelayTarget[];
  readonly #open = new Set<Deno.TcpConn>();
  /** Those of them that go to a server. */
  readonly #servers = new Set<Deno.TcpConn>();
  /** Connections to servers whose clients are gone; nobody reads or ends them. */
  readonly #lost = new Set<Deno.TcpConn>();
  readonly #moving = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  /** What is passed on of what was read. */
  change: (bytes: Uint8Array, way: Way) => Uint8Array = (bytes) => bytes;
  #movedBytes = 0;
  #accepted = 0;

  /**
   * @param targets URLs, of which host and port count; connections go to one after the other, and
   * where one does not listen to the next
   */
  constructor(...targets: readonly (string | URL)[]) {
    super();
    this.#targets = targets.map((target) => {
      const { hostname, port } = new URL(target);
      return { hostname, port: Number(port) };
    });
    this.#accepting = this.#accept();
  }

  /** Bytes the servers have sent so far. */
  get movedBytes(): number {
    return this.#movedBytes;
  }

  /** The same address, through the relay. */
  through(url: string | URL): string {
    const relayed = new URL(url);
    relayed.hostname = "127.0.0.1";
    relayed.port = `${this.#listener.addr.port}`;
    return relayed.href;
  }

  /** Destroys all connections there are; new ones may be opened. */
  cut(): void {
    for (const connection of this.#open) connection.close();
    this.#open.clear();
    this.#servers.clear();
  }

  /**
   * Ends the clients' side of all connections and leaves the servers' side as it is: to a server its
   * client has just become silent, and reads no more.
   */
  lose(): void {
    for (const connection of this.#servers) {
      this.#open.delete(connection);
      this.#lost.add(connection);
    }
    this.#servers.clear();
    this.cut();
  }

  /** Nothing moves, and nobody is told, until the returned function is called. */
  freeze(): () => void {
    const again = [this.silence("toServer"), this.silence("toClient")];
    return () => again.forEach((each) => each());
  }

  /** Cuts all and listens no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.endSilence();
    for (const connection of this.#lost) connection.close();
    this.cut();
    await Promise.all(this.#moving);
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) {
        this.#open.add(client);
        const server = await this.#connect();
        if (server === undefined) {
          this.#end(client);
          continue;
        }
        this.#open.add(server);
        this.#servers.add(server);
        this.#move("toServer", client, server);
        this.#move("toClient", server, client);
      }
    } catch (error) {
      // The listener was closed while it waited.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Nothing when nobody listens anywhere: the client finds its connection closed. */
  async #connect(): Promise<Deno.TcpConn | undefined> {
    const first = this.#accepted++;
    for (let i = 0; i < this.#targets.length; i++) {
      const target = this.#targets[(first + i) % this.#targets.length];
      try {
        return await Deno.connect({ ...target });
      } catch (error) {
        const isAway = error instanceof Deno.errors.ConnectionRefused ||
          error instanceof Deno.errors.ConnectionReset;
        if (!isAway) throw error;
      }
    }
    return undefined;
  }

  #move(way: Way, from: Deno.TcpConn, to: Deno.TcpConn): void {
    const moving = this.#pump(way, from, to).catch((error) => {
      // Cut in the middle of a read or a write, or the peer went away.
      const isCut = error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.ConnectionReset;
      if (!isCut) throw error;
    }).finally(() => {
      this.#end(from);
      this.#end(to);
      this.#moving.delete(moving);
    });
    this.#moving.add(moving);
  }

  async #pump(way: Way, from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const count = await from.read(chunk);
      if (count === null) return;
      await this.held(way);
      if (way === "toClient") this.#movedBytes += count;
      await this.paced(this.change(chunk.subarray(0, count), way), (bytes) => writeAll(to, bytes));
    }
  }

  #end(connection: Deno.TcpConn): void {
    this.#servers.delete(connection);
    if (this.#open.delete(connection)) connection.close();
  }
}
