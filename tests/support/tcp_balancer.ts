/** Pause between two looks at who is ready, in ms. */
const LOOK_MS = 50;

/** Bytes moved at a time. */
const CHUNK_BYTES = 1 << 16;

/**
 * A TCP load balancer as one stands before several processes: new connections go, in turn, to those
 * whose `/readyz` says 200; open ones stay where they are.
 *
 * ```ts ignore
 * await using balancer = new TcpBalancer([9001, 9002]);
 * const client = await RecordClient.open(`${balancer.url}?topic=orders`);
 * ```
 */
export class TcpBalancer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #ports: readonly number[];
  readonly #ready = new Set<number>();
  readonly #moving = new Set<Promise<void>>();
  readonly #open = new Set<Deno.TcpConn>();
  readonly #looking: Promise<void>;
  readonly #accepting: Promise<void>;
  #isOver = false;
  #turn = 0;

  constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.#looking = this.#look();
    this.#accepting = this.#accept();
  }

  /** Where clients connect to. */
  get url(): string {
    return `ws://127.0.0.1:${this.#listener.addr.port}/`;
  }

  /** Whether new connections go to a port now. */
  isReady(port: number): boolean {
    return this.#ready.has(port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#listener.close();
    for (const connection of this.#open) connection.close();
    this.#open.clear();
    await Promise.all([this.#looking, this.#accepting, ...this.#moving]);
  }

  async #look(): Promise<void> {
    while (!this.#isOver) {
      await Promise.all(this.#ports.map((port) => this.#lookAt(port)));
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async #lookAt(port: number): Promise<void> {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
      await answer.body?.cancel();
      if (answer.ok) this.#ready.add(port);
      else this.#ready.delete(port);
    } catch {
      this.#ready.delete(port); // it does not listen
    }
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) this.#start(this.#serve(client));
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  #start(work: Promise<void>): void {
    const moving = work.finally(() => this.#moving.delete(moving));
    this.#moving.add(moving);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    this.#open.add(client);
    const server = await this.#connect();
    if (server === undefined || this.#isOver) {
      server?.close();
      return this.#end(client);
    }
    this.#open.add(server);
    await Promise.all([this.#pump(client, server), this.#pump(server, client)]);
  }

  async #connect(): Promise<Deno.TcpConn | undefined> {
    const ready = this.#ports.filter((port) => this.#ready.has(port));
    const port = ready[this.#turn++ % Math.max(ready.length, 1)];
    if (port === undefined) return undefined;
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch {
      return undefined; // gone since it was looked at; the client comes again
    }
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const chunk = new Uint8Array(CHUNK_BYTES);
    try {
      for (;;) {
        const count = await from.read(chunk);
        if (count === null) break;
        for (let at = 0; at < count;) at += await to.write(chunk.subarray(at, count));
      }
    } catch {
      // The other side has gone, which ends both.
    }
    this.#end(from);
    this.#end(to);
  }

  #end(connection: Deno.TcpConn): void {
    if (this.#open.delete(connection)) connection.close();
  }
}
