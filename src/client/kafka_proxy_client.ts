import type { ClientError } from "./client_error.ts";
import type { ComebackPauses } from "./comeback.ts";
import type { Connection } from "./connection.ts";
import { Link } from "./link.ts";
import { LiveSubscription } from "./live_subscription.ts";
import type { Produced, ProduceRecord } from "./produce_records.ts";
import { Producer } from "./producer.ts";
import type { SocketConstructor } from "./socket_like.ts";
import type { ClientState } from "./client_state.ts";
import { StateFeed } from "./state_feed.ts";
import type { TokenSource } from "./token_source.ts";
import type { SubscribeOptions } from "./subscribe_options.ts";
import type { Subscription } from "./subscription.ts";

/** What a client may be told beside the address. */
export interface ClientOptions {
  /**
   * Gives the token to connect with (a JWT, or what the server's tokens are). Asked at each
   * connection, before the token expires, and once when it was refused.
   */
  readonly token?: TokenSource;
  /** How long the pauses before coming back are. */
  readonly pauses?: ComebackPauses;
  /** Where there is no global one (Node before 22): that of the `ws` package. */
  readonly WebSocket?: SocketConstructor;
  /** Closes the client. */
  readonly signal?: AbortSignal;
}

/**
 * A client of kafka-proxy for browsers, Deno and Node: one connection that comes back by itself,
 * any number of subscriptions, and producing.
 *
 * It connects at once. A broken connection is opened again as its close code says, with growing
 * random pauses; subscriptions go on where they were, and produces that were not answered are
 * reported as `unknown`. After a final code, or {@linkcode close}, everything ends.
 *
 * @example
 * ```ts
 * import { KafkaProxyClient } from "kafka-proxy/client";
 *
 * await using client = new KafkaProxyClient("ws://127.0.0.1:9999/");
 * const written = await client.produce("orders", { key: "k1", value: "hello" });
 * for await (const record of client.subscribe({ topics: ["orders"], from: "earliest" })) {
 *   console.log(record.partition, record.offset, record.value);
 *   if (record.offset === written.offset) break;
 * }
 * ```
 */
export class KafkaProxyClient implements AsyncDisposable {
  readonly #states = new StateFeed();
  readonly #subscriptions = new Set<LiveSubscription<unknown, unknown>>();
  readonly #producer: Producer;
  readonly #link: Link;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.close();
  #connection: Connection | undefined;
  #trouble: string | undefined;
  #ended: ClientError | undefined;

  /**
   * Connects to the server at `url`: `ws://` or `wss://`, or `http(s)://` for the same.
   *
   * @throws {TypeError} when the address is none, or there is no WebSocket in this runtime
   */
  constructor(url: string | URL, options: ClientOptions = {}) {
    const { token, pauses, signal } = options;
    const Socket = options.WebSocket ??
      (globalThis as unknown as { WebSocket?: SocketConstructor }).WebSocket;
    if (Socket === undefined) {
      throw new TypeError('There is no global WebSocket: pass that of the "ws" package');
    }
    const address = new URL(url);
    address.protocol = address.protocol.replace("http", "ws");
    if (!/^wss?:$/.test(address.protocol)) {
      throw new TypeError(`Cannot connect to "${url}": wanted ws://, wss://, http:// or https://`);
    }
    this.#producer = new Producer(() => this.#link.prove());
    this.#link = new Link({ url: address.href, token, pauses, Socket }, {
      connecting: () => this.#states.set("connecting"),
      opened: (connection) => this.#opened(connection),
      lost: () => this.#lost(),
      waiting: (why) => {
        this.#trouble = why;
        this.#states.set("offline");
      },
      ended: (error) => this.#end(error),
    });
    this.#signal = signal;
    if (signal?.aborted) void this.close();
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** How the client stands now. */
  get state(): ClientState {
    return this.#states.state;
  }

  /** Why it is `offline` or `closed`, for people. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** The principal the server takes it for; undefined while it is not connected. */
  get principal(): string | undefined {
    return this.#connection?.hello.principal.name;
  }

  /** The state now, and each change; ends after `closed`, and with `signal`. */
  states({ signal }: { signal?: AbortSignal } = {}): AsyncIterableIterator<ClientState> {
    return this.#states.changes(signal);
  }

  /**
   * Reads topics. The records come by iterating; nothing is lost before that, since nothing more
   * than `credit` is on its way.
   */
  subscribe<V = string, K = string>(options: SubscribeOptions<V, K>): Subscription<V, K> {
    const subscription = new LiveSubscription<V, K>(options, {
      moved: (isUseful) => {
        if (isUseful) this.#link.prove();
        this.#look();
      },
      ended: (over) => {
        this.#subscriptions.delete(over as LiveSubscription<unknown, unknown>);
        this.#look();
      },
    });
    if (this.#ended !== undefined) subscription.clientEnded(this.#ended);
    else if (!options.signal?.aborted) {
      this.#subscriptions.add(subscription as LiveSubscription<unknown, unknown>);
      if (this.#connection !== undefined) subscription.opened(this.#connection);
    }
    return subscription;
  }

  /**
   * Writes a record and gives its place.
   *
   * Order: records of a partition are stored in the order in which this client was given them.
   * Cancellation: after `signal` a record that was sent already is `unknown`.
   *
   * @throws {ProduceError} when it has no offset; `outcome` says whether it may be stored
   */
  produce(
    topic: string,
    record: ProduceRecord,
    options?: { signal?: AbortSignal },
  ): Promise<Produced>;
  /** The same for several, with their places in their order. */
  produce(
    topic: string,
    records: readonly ProduceRecord[],
    options?: { signal?: AbortSignal },
  ): Promise<readonly Produced[]>;
  async produce(
    topic: string,
    records: ProduceRecord | readonly ProduceRecord[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Produced | readonly Produced[]> {
    if (Array.isArray(records)) return await this.#producer.produce(topic, records, signal);
    const [produced] = await this.#producer.produce(topic, [records as ProduceRecord], signal);
    return produced;
  }

  /**
   * Ends everything: what was acknowledged is said, iterations end, produces that wait are rejected.
   * May be called again.
   */
  async close(): Promise<void> {
    for (const subscription of [...this.#subscriptions]) await subscription.close();
    await this.#link.close();
  }

  /** The same as {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #opened(connection: Connection): void {
    this.#connection = connection;
    this.#trouble = undefined;
    for (const subscription of [...this.#subscriptions]) subscription.opened(connection);
    this.#producer.opened(connection);
    this.#look();
  }

  #lost(): void {
    this.#connection = undefined;
    for (const subscription of this.#subscriptions) subscription.lost();
    this.#producer.lost();
  }

  #end(error: ClientError): void {
    this.#ended = error;
    this.#connection = undefined;
    this.#trouble = error.message;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    for (const subscription of [...this.#subscriptions]) subscription.clientEnded(error);
    this.#producer.end(error);
    this.#states.set("closed");
  }

  #look(): void {
    if (this.#connection === undefined) return;
    const isBehind = [...this.#subscriptions].some(({ isBehind }) => isBehind);
    this.#states.set(isBehind ? "catching up" : "live");
  }
}
