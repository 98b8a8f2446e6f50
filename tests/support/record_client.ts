import { History } from "./history.ts";

/** One entry of a v1 frame; what `fields` did not ask for is not there. */
export interface ClientRecord {
  /** `null` is a tombstone. */
  readonly message: string | null;
  /** Exact at any size. */
  readonly offset: bigint;
  readonly key?: string | null;
  readonly partition?: number;
  /** Milliseconds since 1970. */
  readonly timestamp?: number;
  /** Name and value, in their order. */
  readonly headers?: readonly (readonly [string, string | null])[];
}

/** How a connection ended. */
export interface ClientClose {
  readonly code: number;
  readonly reason: string;
}

/** What a {@linkcode RecordClient} does with what comes. */
export interface RecordClientOptions {
  /** Where offsets are checked; a new one that starts anywhere and allows no holes. */
  readonly history?: History;
  /** Whether {@linkcode RecordClient.records} and frames are kept; `false` for long streams. */
  readonly keep?: boolean;
  /** Sees every record, in order; what it throws is kept and thrown by `until` and `verify`. */
  readonly onRecord?: (record: ClientRecord) => void;
  /** Sees every frame's text before its records. */
  readonly onFrame?: (text: string, records: readonly ClientRecord[]) => void;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: string | string[];
  /** For another way to the server, one that trusts a certificate say. */
  readonly client?: Deno.HttpClient;
}

const MOST_SAFE_DIGITS = 15;
const LONG_OFFSET = new RegExp(`"offset":\\d{${MOST_SAFE_DIGITS + 1}}`);

/** How long a client waits, in ms, where nothing else is said. */
const WAIT_MS = 20_000;

/**
 * A v1 client over Deno's own WebSocket: parses every frame, checks every offset as it comes, and
 * waits for what a test wants to see.
 *
 * ```ts ignore
 * await using client = await RecordClient.open(`${proxy.url}?topic=orders&offset=earliest`);
 * await client.until(1_000);
 * assert.equal(client.records[0].message, "hello");
 * client.verify();
 * ```
 *
 * Dispose closes it and waits for the server's answer, so that the test sanitizers see nothing.
 */
export class RecordClient implements AsyncDisposable {
  /** All records so far, unless `keep` is off. */
  readonly records: ClientRecord[] = [];
  /** The text of all frames so far, unless `keep` is off. */
  readonly frames: string[] = [];
  readonly history: History;
  /** Settles, never rejects, when the connection has ended; 1006 is an end without a close frame. */
  readonly closed: Promise<ClientClose>;
  readonly #socket: WebSocket;
  readonly #options: RecordClientOptions;
  readonly #waiting = new Set<() => void>();
  #count = 0;
  #frameCount = 0;
  #closeInfo: ClientClose | undefined;
  #failure: { error: unknown } | undefined;

  private constructor(url: string | URL, options: RecordClientOptions) {
    this.#options = options;
    this.history = options.history ?? new History();
    const { headers, protocols, client } = options;
    this.#socket = new WebSocket(url, { headers, protocols, client });
    const closed = Promise.withResolvers<ClientClose>();
    this.closed = closed.promise;
    this.#socket.onmessage = ({ data }) => {
      try {
        this.#take(data);
      } catch (error) {
        this.#failure ??= { error };
      }
      this.#wake();
    };
    this.#socket.onclose = ({ code, reason }) => {
      this.#closeInfo = { code: code === 0 ? 1006 : code, reason };
      closed.resolve(this.#closeInfo);
      this.#wake();
    };
    this.#socket.onerror = (event) => event.preventDefault();
  }

  /**
   * Connects, and resolves when the connection is open.
   *
   * @throws {Error} when it is refused; `httpUpgrade` shows why
   */
  static async open(
    url: string | URL,
    options: RecordClientOptions = {},
  ): Promise<RecordClient> {
    const client = new RecordClient(url, options);
    await new Promise<void>((resolve) => {
      client.#socket.onopen = () => resolve();
      client.closed.then(() => resolve());
    });
    if (client.#socket.readyState !== WebSocket.OPEN && client.#frameCount === 0) {
      const { code, reason } = await client.closed;
      // A close code that a server chose comes after an accepted handshake: the test decides.
      if (code === 1006) throw new Error(`Cannot connect to ${url}: ${code} ${reason}`);
    }
    return client;
  }

  /** Records so far. */
  get count(): number {
    return this.#count;
  }

  /** Frames so far. */
  get frameCount(): number {
    return this.#frameCount;
  }

  /** The last record's offset plus one: where a client of one partition resumes. */
  get next(): bigint | undefined {
    return this.history.next(this.history.partitions[0] ?? 0);
  }

  /** How it has ended; undefined while it has not. */
  get closeInfo(): ClientClose | undefined {
    return this.#closeInfo;
  }

  /** The subprotocol the server named. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** The messages of all kept records. */
  get messages(): (string | null)[] {
    return this.records.map(({ message }) => message);
  }

  /**
   * Waits for a number of records, or until a condition holds, looked at after each frame.
   *
   * @throws {Error} when the time is over or the connection ends before; what `onRecord` threw
   */
  async until(
    wanted: number | ((client: RecordClient) => boolean),
    { timeoutMs = WAIT_MS, what }: { timeoutMs?: number; what?: string } = {},
  ): Promise<void> {
    const holds = typeof wanted === "number" ? () => this.#count >= wanted : () => wanted(this);
    const name = what ?? (typeof wanted === "number" ? `${wanted} records` : "a condition");
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, timeoutMs);
    try {
      while (!holds()) {
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#closeInfo !== undefined) {
          const { code, reason } = this.#closeInfo;
          throw new Error(`Closed with ${code} "${reason}" while waiting for ${name}${this.#at()}`);
        }
        if (isLate) throw new Error(`Waited ${timeoutMs} ms in vain for ${name}${this.#at()}`);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Waits for the server to end the connection.
   *
   * @throws {Error} when it has not within `timeoutMs`
   */
  async untilClosed(timeoutMs: number = WAIT_MS): Promise<ClientClose> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs);
    });
    const info = await Promise.race([this.closed, late]);
    clearTimeout(timer);
    if (info === undefined) {
      throw new Error(`Waited ${timeoutMs} ms in vain for the server to close${this.#at()}`);
    }
    return info;
  }

  /** @throws what a record or a frame was found to be wrong about */
  verify(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.history.verify();
  }

  /** Sends a text, which a v1 client must not. */
  send(text: string): void {
    this.#socket.send(text);
  }

  /** Closes it (1000 unless said otherwise) and waits for the end. May be called again. */
  async close(code = 1000, reason = ""): Promise<ClientClose> {
    if (this.#closeInfo === undefined) this.#socket.close(code, reason);
    return await this.untilClosed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #take(data: unknown): void {
    if (typeof data !== "string") throw new Error("A v1 client got a binary frame");
    const { keep = true, onFrame, onRecord } = this.#options;
    const records = parseFrame(data);
    this.#frameCount++;
    if (keep) this.frames.push(data);
    onFrame?.(data, records);
    for (const record of records) {
      this.#count++;
      this.history.add(record.partition ?? 0, record.offset);
      if (keep) this.records.push(record);
      onRecord?.(record);
    }
  }

  #at(): string {
    const next = this.history.partitions.map((partition) =>
      `${partition}: ${this.history.next(partition)}`
    );
    return ` (${this.#count} records in ${this.#frameCount} frames, next ${next.join(", ")})`;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/**
 * The records of a v1 frame, offsets exact beyond 2^53.
 *
 * @throws {Error} when it is not a list of at least one record
 */
export function parseFrame(text: string): ClientRecord[] {
  const entries = LONG_OFFSET.test(text) ? parseExact(text) : JSON.parse(text);
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new Error(`A v1 frame is no list of records: ${text.slice(0, 200)}`);
  }
  for (const entry of entries) {
    const { message, offset } = entry;
    const isMessage = message === null || typeof message === "string";
    if (!isMessage || !(typeof offset === "bigint" || Number.isSafeInteger(offset))) {
      throw new Error(`An entry of a v1 frame is no record: ${JSON.stringify(entry)}`);
    }
    entry.offset = BigInt(offset);
  }
  return entries;
}

/** JSON.parse with a view of the source text (ECMAScript 2026), which the published types lack. */
const parseWithSource = JSON.parse as (
  text: string,
  revive: (name: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

function parseExact(text: string): unknown {
  return parseWithSource(
    text,
    (name, value, { source }) =>
      name === "offset" && typeof value === "number" ? BigInt(source!) : value,
  );
}
