import { Buffer } from "node:buffer";

/** A record in a {@linkcode FakePartition}. */
export interface FakeRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
  readonly timestamp: number;
}

/** A partition in memory. */
export class FakePartition {
  /** Offsets below are gone. */
  earliest = 0n;
  readonly records: FakeRecord[] = [];

  get end(): bigint {
    return BigInt(this.records.length);
  }

  append(record: FakeRecord): bigint {
    this.records.push(record);
    return this.end - 1n;
  }
}

/** How the server behaves. */
export interface FakeV2Options {
  /** Topic to its number of partitions. */
  readonly topics?: Readonly<Record<string, number>>;
  /** Tokens that are let in; absent: everybody. */
  readonly tokens?: Set<string>;
  /** Opening balance, and what `permit` may raise it to. */
  readonly produceRecords?: number;
  readonly produceBytes?: number;
  readonly mostRecords?: number;
  readonly mostBytes?: number;
  /** Time between two position frames. @default {100} */
  readonly positionMs?: number;
  /** @default {0} */
  readonly port?: number;
}

interface FakePlace {
  readonly topic: string;
  readonly partition: number;
  next: bigint;
}

interface FakeSubscription {
  readonly number: number;
  readonly topics: readonly string[];
  readonly group: string | undefined;
  readonly ack: string;
  readonly until: string | undefined;
  readonly places: FakePlace[];
  credit: number;
  isPaused: boolean;
  isOver: boolean;
}

type Frame = Record<string, unknown> & { type: string; id?: number };

const TEXT = new TextEncoder();

/** Records of one frame. */
const FRAME_RECORDS = 200;

/** Bytes a socket may hold. */
const HIGH_WATER_BYTES = 1 << 18;

/**
 * A server that speaks `kafka-proxy.v2.binary` over records in memory: for the client library, which
 * must not need a broker to be tested. It is strict: what the protocol does not allow is kept in
 * {@linkcode violations}. It can be told to close, to swallow answers, to let retention pass, and to
 * go away and come back on its port with what it holds.
 */
export class FakeV2Server implements AsyncDisposable {
  readonly topics = new Map<string, { id: number; partitions: FakePartition[] }>();
  /** Group to `topic/partition` to the next offset. */
  readonly commits = new Map<string, Map<string, bigint>>();
  /** What clients did against the protocol. */
  readonly violations: string[] = [];
  /** Frames of clients, by type. */
  readonly frames: Frame[] = [];
  /** Connections accepted so far. */
  accepted = 0;
  /** Handshakes refused so far. */
  refused = 0;
  /** When set, produces are stored and not answered. */
  swallowsAnswers = false;
  /** When set, new sockets are closed with it right after hello. */
  closesNew: { code: number; reason: string } | undefined;
  /** So many of the next seeks are refused. */
  refusedSeeks = 0;
  /** Records sent so far. */
  sentRecords = 0;
  readonly #options: FakeV2Options;
  readonly #sessions = new Set<FakeSession>();
  readonly #stopping = new Set<Promise<unknown>>();
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #port: number;
  #topicIds = 0;

  constructor(options: FakeV2Options = {}) {
    this.#options = options;
    this.#port = options.port ?? 0;
    for (const [topic, partitions] of Object.entries(options.topics ?? {})) {
      this.create(topic, partitions);
    }
    this.start();
  }

  /** `ws://127.0.0.1:PORT/`. */
  get url(): string {
    return `ws://127.0.0.1:${this.#port}/`;
  }

  get options(): FakeV2Options {
    return this.#options;
  }

  /** Makes a topic, or makes it anew with nothing in it. */
  create(topic: string, partitions = 1): void {
    this.topics.set(topic, {
      id: ++this.#topicIds,
      partitions: Array.from({ length: partitions }, () => new FakePartition()),
    });
  }

  partition(topic: string, partition = 0): FakePartition {
    const found = this.topics.get(topic)?.partitions[partition];
    if (found === undefined) throw new Error(`There is no ${topic}/${partition}`);
    return found;
  }

  /** Appends `count` records: values are numbers from `from` on. */
  fill(topic: string, count: number, { partition = 0, from = 0 } = {}): void {
    const to = this.partition(topic, partition);
    for (let i = from; i < from + count; i++) {
      to.append({
        key: TEXT.encode(`k${i}`),
        value: TEXT.encode(`${i}`),
        headers: [],
        timestamp: i,
      });
    }
    this.wake();
  }

  /** Sockets look for records. */
  wake(): void {
    for (const session of this.#sessions) session.wake();
  }

  /** Sockets that are open. */
  get sockets(): number {
    return this.#sessions.size;
  }

  /** Closes every socket. */
  close(code: number, reason = ""): void {
    for (const session of this.#sessions) session.close(code, reason);
  }

  /** Sends a control frame on every socket. */
  broadcast(frame: Record<string, unknown>): void {
    for (const session of this.#sessions) session.send(frame);
  }

  /** Sends a control frame of its own for every subscription. */
  broadcastToSubscriptions(frame: Record<string, unknown>): void {
    for (const session of this.#sessions) {
      for (const subscription of session.subscriptions.keys()) {
        session.send({ ...frame, subscription });
      }
    }
  }

  start(): void {
    const serve = () =>
      Deno.serve(
        { hostname: "127.0.0.1", port: this.#port, onListen: () => {} },
        (request) => this.#handle(request),
      );
    this.#server = serve();
    this.#port = this.#server.addr.port;
  }

  /** Goes away with every socket; what it holds stays. */
  async stop(code = 1001): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.close(code, "stopping");
    await server?.shutdown();
    await Promise.all(this.#stopping);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #handle(request: Request): Response {
    if (this.#server === undefined) return new Response("", { status: 503 });
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return Response.json({ status: "ok" });
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(/\s*,\s*/);
    const bearer = offered.find((name) => name.startsWith("bearer."))?.slice("bearer.".length);
    const token = bearer === undefined
      ? request.headers.get("authorization")?.replace("Bearer ", "")
      : Buffer.from(bearer, "base64url").toString();
    const { tokens } = this.#options;
    if (tokens !== undefined && !tokens.has(token ?? "")) {
      this.refused++;
      return new Response("", { status: 401 });
    }
    if (pathname === "/api/me") return Response.json({});
    if (!offered.includes("kafka-proxy.v2.binary")) {
      return new Response("", { status: 426 });
    }
    const { socket, response } = Deno.upgradeWebSocket(request, {
      protocol: "kafka-proxy.v2.binary",
    });
    this.accepted++;
    const session = new FakeSession(socket, this);
    this.#sessions.add(session);
    const ended = session.ended.then(() => {
      this.#sessions.delete(session);
      this.#stopping.delete(ended);
    });
    this.#stopping.add(ended);
    return response;
  }
}

class FakeSession {
  readonly subscriptions = new Map<number, FakeSubscription>();
  readonly ended: Promise<void>;
  readonly #socket: WebSocket;
  readonly #server: FakeV2Server;
  #lastSubscription = 0;
  #wake: (() => void) | undefined;
  #permitRecords: number;
  #permitBytes: number;
  #isClosed = false;
  #positionMs = performance.now();

  constructor(socket: WebSocket, server: FakeV2Server) {
    this.#socket = socket;
    this.#server = server;
    const { produceRecords = 64, produceBytes = 65_536 } = server.options;
    this.#permitRecords = produceRecords;
    this.#permitBytes = produceBytes;
    socket.onmessage = ({ data }) => this.#message(data);
    socket.onopen = () => {
      this.send({
        type: "hello",
        protocol: "kafka-proxy.v2.binary",
        session: crypto.randomUUID(),
        server: "kafka-proxy/0.0.0",
        limits: { frameBytes: 4 << 20, produceRecords, produceBytes, subscriptions: 64 },
        principal: { name: "fake" },
      });
      if (server.closesNew !== undefined) {
        this.close(server.closesNew.code, server.closesNew.reason);
      }
    };
    const closed = new Promise<void>((resolve) => {
      socket.onclose = () => {
        this.#isClosed = true;
        this.wake();
        resolve();
      };
      socket.onerror = () => {};
    });
    this.ended = Promise.all([closed, this.#run()]).then(() => {});
  }

  send(frame: Record<string, unknown>): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  close(code: number, reason: string): void {
    for (const each of this.subscriptions.values()) this.#position(each);
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code, reason);
  }

  wake(): void {
    this.#wake?.();
  }

  #violation(text: string): void {
    this.#server.violations.push(text);
    this.close(4429, text);
  }

  #message(data: string): void {
    const frame = JSON.parse(data) as Frame;
    this.#server.frames.push(frame);
    const of = this.subscriptions.get(frame.subscription as number);
    switch (frame.type) {
      case "subscribe":
        this.#subscribe(frame);
        break;
      case "credit":
        if (of !== undefined) of.credit += frame.records as number;
        break;
      case "pause":
      case "continue":
        if (of !== undefined) of.isPaused = frame.type === "pause";
        break;
      case "seek": {
        if (this.#server.refusedSeeks > 0) {
          this.#server.refusedSeeks--;
          const message = "Kafka is away";
          this.send({ type: "error", id: frame.id, code: "kafka_unavailable", message });
          break;
        }
        const place = of?.places.find(({ topic, partition }) =>
          topic === frame.topic && partition === frame.partition
        );
        if (place !== undefined) place.next = BigInt(frame.from as string);
        this.send({ type: "ok", id: frame.id });
        break;
      }
      case "ack":
        this.#acknowledge(frame, of);
        break;
      case "unsubscribe":
        if (of !== undefined) of.isOver = true;
        this.subscriptions.delete(frame.subscription as number);
        break;
      case "produce":
        this.#produce(frame, data);
        break;
      case "permit": {
        const { mostRecords = 1_000, mostBytes = 1 << 20 } = this.#server.options;
        const { records, bytes } = frame as unknown as { records: number; bytes: number };
        // What is outstanding is answered before this frame is read, so the balance is the whole.
        this.#permitRecords = Math.max(this.#permitRecords, Math.min(records, mostRecords));
        this.#permitBytes = Math.max(this.#permitBytes, Math.min(bytes, mostBytes));
        this.send({
          type: "permitted",
          id: frame.id,
          records: this.#permitRecords,
          bytes: this.#permitBytes,
        });
        break;
      }
      case "auth":
        this.send({ type: "ok", id: frame.id });
        break;
      case "ping":
        this.send({ type: "pong", id: frame.id });
        break;
      default:
        this.#violation(`unknown type ${frame.type}`);
    }
    this.wake();
  }

  #subscribe(frame: Frame): void {
    const topics = frame.topics as string[];
    const group = frame.group as string | undefined;
    const places: FakePlace[] = [];
    const gaps: Record<string, unknown>[] = [];
    const token = frame.resume === undefined
      ? undefined
      : JSON.parse(Buffer.from(frame.resume as string, "base64url").toString());
    let recovered = token === undefined ? undefined : true;
    for (const topic of topics) {
      const found = this.#server.topics.get(topic);
      if (found === undefined) {
        this.send({ type: "error", id: frame.id, code: "unknown_topic", message: `no "${topic}"` });
        return;
      }
      const wanted = (frame.partitions as number[] | undefined) ?? [...found.partitions.keys()];
      for (const partition of wanted) {
        const { earliest, end } = found.partitions[partition];
        let next = this.#start(frame.from, { topic, partition, group });
        const resumed = token?.[`${topic}/${partition}`] as [number, string] | undefined;
        const gap = { type: "gap", subscription: this.#lastSubscription + 1, topic, partition };
        if (resumed !== undefined && resumed[0] !== found.id) {
          next = earliest;
          recovered = false;
          gaps.push({ ...gap, from: resumed[1], to: `${next}`, reason: "recreated" });
        } else if (resumed !== undefined) {
          next = BigInt(resumed[1]);
        }
        if (next < earliest || next > end) {
          if (frame.onRange !== "earliest" && token === undefined) {
            const message = `${next} is not in ${earliest} to ${end}`;
            this.send({ type: "error", id: frame.id, code: "out_of_range", message });
            return;
          }
          if (recovered) recovered = false;
          gaps.push({ ...gap, from: `${next}`, to: `${earliest}`, reason: "retention" });
          next = earliest;
        }
        places.push({ topic, partition, next });
      }
    }
    const subscription: FakeSubscription = {
      number: ++this.#lastSubscription,
      topics,
      group,
      ack: (frame.ack as string | undefined) ?? (group === undefined ? "none" : "auto"),
      until: frame.until as string | undefined,
      places,
      credit: (frame.credit as number | undefined) ?? Infinity,
      isPaused: false,
      isOver: false,
    };
    this.subscriptions.set(subscription.number, subscription);
    this.send({
      type: "subscribed",
      id: frame.id,
      subscription: subscription.number,
      topics,
      recovered,
      partitions: places.map(({ topic, partition, next }) => {
        const { earliest, end } = this.#server.partition(topic, partition);
        return { topic, partition, next: `${next}`, earliest: `${earliest}`, end: `${end}` };
      }),
    });
    for (const gap of gaps) this.send(gap);
  }

  #start(
    from: unknown,
    { topic, partition, group }: { topic: string; partition: number; group: string | undefined },
  ): bigint {
    const { earliest, end } = this.#server.partition(topic, partition);
    const committed = this.#server.commits.get(group ?? "")?.get(`${topic}/${partition}`);
    if (typeof from === "object" && from !== null) {
      const offsets = from as Record<string, Record<string, string>>;
      return BigInt(offsets[topic]?.[partition] ?? end);
    }
    if (from === "earliest") return earliest;
    if (from === "committed" || (from === undefined && group !== undefined)) {
      return committed ?? earliest;
    }
    if (from === undefined || from === "latest") return end;
    const text = from as string;
    if (!text.startsWith("-")) return BigInt(text);
    const start = end + BigInt(text);
    return start < earliest ? earliest : start;
  }

  #acknowledge(frame: Frame, of: FakeSubscription | undefined): void {
    const { topic, partition } = frame as unknown as { topic: string; partition: number };
    const next = BigInt(frame.offset as string) + 1n;
    const place = of?.places.find((each) => each.topic === topic && each.partition === partition);
    if (of?.group === undefined || place === undefined || next > place.next) {
      this.#violation(`acknowledged what was not delivered: ${JSON.stringify(frame)}`);
      return;
    }
    let commits = this.#server.commits.get(of.group);
    if (commits === undefined) this.#server.commits.set(of.group, commits = new Map());
    const key = `${topic}/${partition}`;
    if (next > (commits.get(key) ?? 0n)) commits.set(key, next);
    if (frame.id === undefined) return;
    const { number: subscription } = of;
    const { id } = frame;
    this.send({ type: "committed", id, subscription, topic, partition, next: `${next}` });
  }

  #produce(frame: Frame, data: string): void {
    const records = frame.records as Record<string, unknown>[];
    const bytes = TEXT.encode(data).length;
    this.#permitRecords -= records.length;
    this.#permitBytes -= bytes;
    if (this.#permitRecords < 0 || this.#permitBytes < 0) {
      this.#violation(`overdrawn: ${this.#permitRecords} records, ${this.#permitBytes} bytes`);
      return;
    }
    const topic = frame.topic as string;
    const found = this.#server.topics.get(topic);
    const bytesOf = (content: unknown, isBase64 = false): Uint8Array | null => {
      if (content === null || content === undefined) return null;
      if (typeof content === "object") {
        return new Uint8Array(Buffer.from((content as { base64: string }).base64, "base64"));
      }
      return new Uint8Array(Buffer.from(content as string, isBase64 ? "base64" : "utf8"));
    };
    const results = records.map((record) => {
      const partition = (record.partition as number | undefined) ?? 0;
      const to = found?.partitions[partition];
      if (to === undefined) {
        return { code: "unknown_partition", outcome: "failed", message: "no such partition" };
      }
      const timestamp = (record.timestamp as number | undefined) ?? Date.now();
      const headers = (record.headers as [string, unknown][] | undefined) ?? [];
      const offset = to.append({
        key: bytesOf(record.key),
        value: bytesOf(record.value, frame.encoding === "base64"),
        headers: headers.map(([name, content]) => [name, bytesOf(content)]),
        timestamp,
      });
      return { partition, offset: `${offset}`, timestamp };
    });
    if (this.#server.swallowsAnswers) return;
    // Later, as Kafka would: permits are taken meanwhile.
    setTimeout(() => {
      this.#permitRecords += records.length;
      this.#permitBytes += bytes;
      if (found === undefined) {
        this.send({ type: "error", id: frame.id, code: "unknown_topic", message: `no "${topic}"` });
      } else {
        this.send({ type: "produced", id: frame.id, results });
      }
      this.#server.wake();
    }, 1);
  }

  /** Sends while there are records, credit and room. */
  async #run(): Promise<void> {
    while (!this.#isClosed) {
      let isIdle = true;
      if (this.#socket.readyState === WebSocket.OPEN) {
        for (const each of this.subscriptions.values()) if (this.#sendSome(each)) isIdle = false;
        if (performance.now() - this.#positionMs > (this.#server.options.positionMs ?? 100)) {
          this.#positionMs = performance.now();
          for (const each of this.subscriptions.values()) this.#position(each);
        }
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, isIdle ? 20 : 0);
      await promise;
      clearTimeout(timer);
    }
  }

  #position({ number, places }: FakeSubscription): void {
    const token = Object.fromEntries(places.map(({ topic, partition, next }) => [
      `${topic}/${partition}`,
      [this.#server.topics.get(topic)!.id, `${next}`],
    ]));
    const resume = Buffer.from(JSON.stringify(token)).toString("base64url");
    this.send({ type: "position", subscription: number, resume });
  }

  #sendSome(subscription: FakeSubscription): boolean {
    let some = false;
    for (const place of subscription.places) {
      const { topic, partition } = place;
      const from = this.#server.partition(topic, partition);
      while (
        subscription.credit > 0 && !subscription.isPaused && place.next < from.end &&
        this.#socket.bufferedAmount < HIGH_WATER_BYTES
      ) {
        const count = Math.min(subscription.credit, FRAME_RECORDS, Number(from.end - place.next));
        const records = from.records.slice(Number(place.next), Number(place.next) + count);
        this.#socket.send(recordsFrame(subscription, place, records));
        this.#server.sentRecords += count;
        subscription.credit -= count;
        place.next += BigInt(count);
        some = true;
      }
    }
    const isDone = subscription.until === "end" && !subscription.isOver &&
      subscription.places.every(({ topic, partition, next }) =>
        next >= this.#server.partition(topic, partition).end
      );
    if (isDone) {
      subscription.isOver = true;
      const { number } = subscription;
      this.send({ type: "ended", subscription: number, code: "done", message: "all is read" });
      this.subscriptions.delete(number);
    }
    return some;
  }
}

/** A binary frame of records that follow one another, as docs/PROTOCOL.md has it. */
function recordsFrame(
  { number, topics }: FakeSubscription,
  { topic, partition, next }: FakePlace,
  records: readonly FakeRecord[],
): Uint8Array<ArrayBuffer> {
  const length = (bytes: Uint8Array | null) => bytes?.length ?? 0;
  let size = 32;
  for (const { key, value, headers } of records) {
    size += 22 + length(key) + length(value);
    for (const [name, bytes] of headers) size += 6 + TEXT.encode(name).length + length(bytes);
  }
  const frame = new Uint8Array(size);
  const view = new DataView(frame.buffer);
  view.setUint8(0, 1);
  view.setUint16(2, number, true);
  view.setUint16(4, topics.indexOf(topic), true);
  view.setInt32(8, partition, true);
  view.setBigInt64(12, next, true);
  view.setBigInt64(20, next + BigInt(records.length), true);
  view.setUint32(28, records.length, true);
  let at = 32;
  const put = (bytes: Uint8Array | null) => {
    view.setInt32(at, bytes?.length ?? -1, true);
    at += 4;
    if (bytes === null) return;
    frame.set(bytes, at);
    at += bytes.length;
  };
  records.forEach(({ key, value, headers, timestamp }, i) => {
    view.setUint32(at, i, true);
    view.setBigInt64(at + 4, BigInt(timestamp), true);
    at += 12;
    put(key);
    put(value);
    view.setUint16(at, headers.length, true);
    at += 2;
    for (const [name, bytes] of headers) {
      const encoded = TEXT.encode(name);
      view.setUint16(at, encoded.length, true);
      at += 2;
      frame.set(encoded, at);
      at += encoded.length;
      put(bytes);
    }
  });
  return frame;
}
