/** Where connections go to. */
export interface RelayTarget {
  readonly hostname: string;
  readonly port: number;
}

/** Bytes moved at a time. */
const CHUNK_BYTES = 1 << 16;

/**
 * A TCP relay between a client and a server, whose connections can be destroyed: to both sides the
 * other has vanished, without a close frame, as when a laptop is closed or a cable pulled.
 *
 * ```ts ignore
 * await using relay = new TcpRelay(proxy.url);
 * const client = await RecordClient.open(relay.through(proxy.at({ topic: "orders" })));
 * relay.cut();
 * ```
 */
export class TcpRelay implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: RelayTarget;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #moving = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #movedBytes = 0;
  #frozen: PromiseWithResolvers<void> | undefined;

  /** @param target a URL, of which host and port count */
  constructor(target: string | URL) {
    const { hostname, port } = new URL(target);
    this.#target = { hostname, port: Number(port) };
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
  }

  /** Nothing moves, and nobody is told, until the returned function is called. */
  freeze(): () => void {
    const frozen = this.#frozen = Promise.withResolvers<void>();
    return () => {
      if (this.#frozen === frozen) this.#frozen = undefined;
      frozen.resolve();
    };
  }

  /** Cuts all and listens no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
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
        this.#move(client, server, () => {});
        this.#move(server, client, (bytes) => this.#movedBytes += bytes);
      }
    } catch (error) {
      // The listener was closed while it waited.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Nothing when nobody listens there: the client finds its connection closed. */
  async #connect(): Promise<Deno.TcpConn | undefined> {
    try {
      return await Deno.connect({ ...this.#target });
    } catch (error) {
      const isAway = error instanceof Deno.errors.ConnectionRefused ||
        error instanceof Deno.errors.ConnectionReset;
      if (isAway) return undefined;
      throw error;
    }
  }

  #move(from: Deno.TcpConn, to: Deno.TcpConn, moved: (bytes: number) => void): void {
    const moving = this.#pump(from, to, moved).catch((error) => {
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

  async #pump(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    moved: (bytes: number) => void,
  ): Promise<void> {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const count = await from.read(chunk);
      if (count === null) return;
      await this.#frozen?.promise;
      moved(count);
      for (let at = 0; at < count;) at += await to.write(chunk.subarray(at, count));
    }
  }

  #end(connection: Deno.TcpConn): void {
    if (this.#open.delete(connection)) connection.close();
  }
}
