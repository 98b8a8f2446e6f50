import { Buffer } from "node:buffer";
import { ERROR_TABLE } from "../core/error_table.ts";
import { least } from "../core/least.ts";
import type { CloseInfo, FrameSink, RecordWriter } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { VERSION } from "../core/version.ts";
import type {
  AuthRequest,
  ProduceRequest,
  SubscribeRequest,
  V2Request,
} from "../protocol/v2_requests.ts";
import type { V2Response } from "../protocol/v2_responses.ts";
import { parseV2Request } from "../protocol/v2_parser.ts";
import type { InboundLimiter } from "../stream/inbound_limiter.ts";
import { Ticker } from "../stream/ticker.ts";
import { within } from "../stream/within.ts";
import type { ClientSession } from "./client_session.ts";
import { CredentialLife } from "./credential_life.ts";
import type { PermitPool, Permits } from "./permit_pool.ts";
import { Producing } from "./producing.ts";
import type { SessionServices } from "./session_services.ts";
import { planTopic, type TopicPlan } from "./topic_plan.ts";
import type { StreamFigures } from "./topic_stream.ts";
import { checkSingle, readStarts, type V2Starts } from "./v2_start.ts";
import { V2Subscription } from "./v2_subscription.ts";

/** What a v2 client may take, beside its rights. */
export interface V2Limits {
  /** Largest frame a client may send, in bytes. */
  readonly frameBytes: number;
  readonly subscriptions: number;
  /** What may be written without an answer from the start. */
  readonly opening: Permits;
  /** Most bytes of keys, values and headers in a frame of records. */
  readonly maxBytes: number;
  /** Most records a second of one subscription. */
  readonly rate: number | undefined;
  /** Pause in which a live subscription gathers records, in ms; 0 sends each at once. */
  readonly lingerMs: number;
}

/** What v2 sessions share, beside what all do. */
export interface V2Services extends SessionServices {
  readonly writer: RecordWriter;
  readonly permits: PermitPool;
  readonly limits: V2Limits;
  /** @throws {ProxyError} when a topic or a group is not for clients, or not for this one */
  readonly checkTopic: (
    principal: Principal,
    operation: "consume" | "produce",
    topic: string,
  ) => void;
  readonly checkGroup: (principal: Principal, group: string) => void;
  /** @throws {ProxyError} `overloaded` when there are as many group sessions as there may be */
  readonly checkGroupCapacity: () => void;
  /** @throws {ProxyError} `unauthorized` */
  readonly authenticate: (token: string) => Promise<Principal>;
  /** Waits for work that asks Kafka, but not when Kafka turns out to be away. */
  readonly whileReady: <T>(work: Promise<T>) => Promise<T>;
}

/** Tokens are told at most so often, in ms. */
const POSITIONS = new Ticker(1_000);

/** Subscriptions of a socket in its life: binary frames have two bytes for the number. */
const MOST_SUBSCRIPTIONS = 65_535;

/** What a client that ends or goes may still take, or acknowledge, in ms. */
const UNSUBSCRIBE_SETTLE_MS = 500;

/** Answers that a client does not read may pile up so far over its high water mark, in bytes. */
const UNREAD_BYTES = 4 << 20;

/** Requests of a client that may wait for Kafka, or for whatever else; one more is an error. */
const MOST_WAITING = 256;

const STALLED = ERROR_TABLE.stalled.closeCode;

/** The requests that wait for something; others are answered at once. */
const WAIT: ReadonlySet<V2Request["type"]> = new Set([
  "subscribe",
  "unsubscribe",
  "seek",
  "lag",
  "auth",
]);

/** Why a session is to end. */
interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly drainMs: number;
}

/** A subscription that Kafka can serve. */
interface Planned {
  readonly plans: readonly TopicPlan[];
  readonly starts: V2Starts;
}

/** What a request type is served by; what it returns is the answer to one with an id. */
type Handlers = {
  readonly [Type in V2Request["type"]]: (
    request: Extract<V2Request, { type: Type }>,
  ) => void | Promise<void>;
};

/**
 * One v2 socket: subscriptions, acknowledgements and producing side by side.
 *
 * Every request with an `id` has exactly one answer: its own, `ok`, or `error`. A request that fails
 * leaves the socket open; what breaks the protocol itself, or a limit, closes it.
 */
export class V2Session implements ClientSession {
  readonly id: string;
  readonly protocol: "v2" | "v2.binary";
  readonly #sink: FrameSink;
  readonly #services: V2Services;
  readonly #inbound: InboundLimiter;
  readonly #stopping = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  readonly #subscriptions = new Map<number, V2Subscription>();
  readonly #producing: Producing;
  readonly #credentials: CredentialLife;
  #principal: Principal;
  /** Subscriptions so far, those being started, and the records of all. */
  #count = 0;
  #starting = 0;
  #waiting = 0;
  #isGreeted = false;
  #records = 0;
  #ending: Ending | undefined;

  constructor(
    id: string,
    protocol: "v2" | "v2.binary",
    principal: Principal,
    sink: FrameSink,
    inbound: InboundLimiter,
    services: V2Services,
  ) {
    this.id = id;
    this.protocol = protocol;
    this.#principal = principal;
    this.#sink = sink;
    this.#inbound = inbound;
    this.#services = services;
    const { writer, permits, limits } = services;
    this.#producing = new Producing({
      writer,
      pool: permits,
      opening: limits.opening,
      send: (frame) => this.#send(frame),
    });
    this.#credentials = new CredentialLife({
      withdrawn: () =>
        this.#close(new ProxyError("unauthorized", "The credentials were withdrawn")),
      expiring: (inMs) => this.#send({ type: "expiring", inMs }),
      expired: () => this.#close(new ProxyError("expired", "The credentials have expired")),
    });
  }

  get principal(): Principal {
    return this.#principal;
  }

  get streams(): readonly StreamFigures[] {
    return [...this.#subscriptions.values()].flatMap(({ streams }) => streams);
  }

  get sentRecords(): number {
    return this.#records;
  }

  get producedRecords(): number {
    return this.#producing.written;
  }

  get groups(): number {
    return [...this.#subscriptions.values()].filter(({ group }) => group !== undefined).length;
  }

  async run(opened: Promise<void>): Promise<void> {
    const startMs = performance.now();
    const { signal } = this.#stopping;
    const closed = this.#sink.closed.then((info) => {
      this.#stopping.abort();
      return info;
    });
    await opened;
    if (!signal.aborted) {
      this.#send(this.#hello());
      this.#isGreeted = true;
      this.#credentials.watch(this.#principal);
      const stopTelling = POSITIONS.every(() => this.#tellPositions());
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve());
      });
      stopTelling();
    }
    this.#credentials.stop();
    await this.#finish();
    this.#finished.resolve();
    this.#report(await closed, Math.round(performance.now() - startMs));
  }

  onMessage(data: unknown): void {
    if (this.#stopping.signal.aborted && !this.#isSettling) return;
    if (typeof data !== "string") return this.#close(notText(data));
    const bytes = Buffer.byteLength(data);
    const over = this.#inbound.take(bytes);
    if (over !== undefined) return this.#close(over);
    let request: V2Request;
    try {
      request = parseV2Request(data);
    } catch (error) {
      return this.#refuse(ProxyError.from(error));
    }
    if (this.#isSettling && request.type !== "ack") {
      return this.#error(new ProxyError("leaving", "The socket is closing"), request);
    }
    // Before anything can wait, or a client could send much more than it may.
    if (request.type === "produce") return this.#produce(request, bytes);
    void this.#serve(request);
  }

  announceDraining(inMs: number): void {
    if (this.#stopping.signal.aborted || !this.#isGreeted) return;
    this.#tellPositions();
    this.#send({ type: "draining", inMs });
  }

  async stop(code: number, reason: string, drainMs: number): Promise<void> {
    this.#end({ code, reason, drainMs });
    await this.#finished.promise;
  }

  readonly #handlers: Omit<Handlers, "produce"> = {
    subscribe: (request) => this.#subscribe(request),
    unsubscribe: async ({ id, subscription }) => {
      const own = this.#get(subscription);
      await own.stop(UNSUBSCRIBE_SETTLE_MS);
      await own.release();
      this.#ok(id);
    },
    ack: (request) => {
      this.#get(request.subscription).ack(request);
    },
    nack: (request) => {
      this.#get(request.subscription).nack(request);
      this.#ok(request.id);
    },
    credit: ({ id, subscription, records }) => {
      this.#get(subscription).credit(records);
      this.#ok(id);
    },
    pause: ({ id, subscription }) => {
      this.#get(subscription).pause();
      this.#ok(id);
    },
    continue: ({ id, subscription }) => {
      this.#get(subscription).continue();
      this.#ok(id);
    },
    seek: async (request) => {
      await this.#get(request.subscription).seek(request);
      this.#ok(request.id);
    },
    lag: async ({ id, subscription }) => {
      this.#send(await this.#get(subscription).lag(id));
    },
    ping: ({ id }) => this.#send({ type: "pong", id }),
    permit: (request) => this.#producing.permit(request),
    auth: (request) => this.#renew(request),
  };

  async #serve(request: Exclude<V2Request, { type: "produce" }>): Promise<void> {
    try {
      const serve = this.#handlers[request.type] as (request: V2Request) => void | Promise<void>;
      if (this.#waiting >= MOST_WAITING && WAIT.has(request.type)) throw tooManyWait();
      this.#waiting++;
      try {
        await serve(request);
      } finally {
        this.#waiting--;
      }
    } catch (error) {
      const known = ProxyError.from(error);
      if (known.code === "internal") {
        this.#services.events.emit("session_failed", { session: this.id, error: known.cause });
      }
      this.#error(known, request);
    }
  }

  async #subscribe(request: SubscribeRequest): Promise<void> {
    const { limits, whileReady } = this.#services;
    const open = this.#subscriptions.size + this.#starting;
    if (open >= limits.subscriptions) {
      throw new ProxyError(
        "too_many_subscriptions",
        `Cannot subscribe: ${open} subscriptions are open, the limit is ${limits.subscriptions}`,
      );
    }
    if (this.#count + this.#starting >= MOST_SUBSCRIPTIONS) {
      throw new ProxyError(
        "too_many_subscriptions",
        `Cannot subscribe: this socket has had ${MOST_SUBSCRIPTIONS}, and numbers are used once`,
      );
    }
    this.#checkMay(request);
    checkNarrow("maxBytes", request.maxBytes, limits.maxBytes);
    checkNarrow("rate", request.rate, this.#mostRate);
    this.#starting++;
    try {
      const planned = await whileReady(this.#plan(request));
      if (this.#stopping.signal.aborted) throw new ProxyError("leaving", "The socket is closing");
      this.#checkMay(request); // its rights may be fewer by now
      await this.#start(request, planned, request.rate ?? this.#mostRate);
    } finally {
      this.#starting--;
    }
  }

  get #mostRate(): number | undefined {
    return least(this.#services.limits.rate, this.#principal.limits?.recordsPerSecond);
  }

  /** @throws {ProxyError} when a subscription needs more than the client may, or there is */
  #checkMay(request: SubscribeRequest): void {
    this.#checkRights(request);
    if (request.group !== undefined) this.#services.checkGroupCapacity();
  }

  /** @throws {ProxyError} when the client may not have such a subscription */
  #checkRights({ topics, group, encoding }: SubscribeRequest): void {
    const { checkTopic, checkGroup } = this.#services;
    for (const topic of topics) checkTopic(this.#principal, "consume", topic);
    if (group !== undefined) checkGroup(this.#principal, group);
    const allowed = this.#principal.limits?.encodings;
    if (allowed === undefined || allowed.includes(encoding)) return;
    throw new ProxyError(
      "forbidden",
      `Cannot subscribe with the encoding "${encoding}": allowed are ${allowed.join(", ")}`,
    );
  }

  async #plan(request: SubscribeRequest): Promise<Planned> {
    const { topics, group, isolation, until } = request;
    const partitions = request.partitions ?? "all";
    if (group !== undefined && partitions === "all" && request.resume !== undefined) {
      throw new ProxyError(
        "bad_frame",
        'A group that shares all partitions goes on where it committed: wanted no "resume", or ' +
          '"partitions"',
      );
    }
    const starts = await readStarts(request, this.#services.reader);
    const plans = await Promise.all(topics.map(async (topic) => {
      const start = starts.starts.get(topic);
      const { onRange } = starts;
      const plan = await planTopic(
        { topic, group, partitions, isolation, start, onRange },
        this.#services,
      );
      checkSingle(request.resume === undefined ? request.from : undefined, plan.partitions.length);
      // What is to be read up to its end has the partitions it began with.
      return group === undefined && until === "end" ? { ...plan, isAll: false } : plan;
    }));
    return { plans, starts };
  }

  async #start(
    request: SubscribeRequest,
    { plans, starts }: Planned,
    rate: number | undefined,
  ): Promise<void> {
    const { limits, events } = this.#services;
    const { topics, group } = request;
    const number = ++this.#count;
    const subscription = new V2Subscription({
      session: this.id,
      protocol: this.protocol,
      number,
      request,
      plans,
      starts,
      maxBytes: request.maxBytes ?? limits.maxBytes,
      rate,
      lingerMs: request.lingerMs ?? limits.lingerMs,
      sink: this.#sink,
      send: (frame) => this.#send(frame),
      onRecords: (records) => this.#records += records,
      onOver: () => this.#subscriptions.delete(number),
    }, this.#services);
    this.#subscriptions.set(number, subscription);
    await subscription.start();
    events.emit("subscribed", {
      session: this.id,
      subscription: number,
      topics: [...topics],
      group,
    });
  }

  #produce(request: ProduceRequest, bytes: number): void {
    const { checkTopic } = this.#services;
    let giveBack: () => void;
    try {
      giveBack = this.#producing.take(request.records.length, bytes);
    } catch (error) {
      return this.#close(ProxyError.from(error));
    }
    try {
      checkTopic(this.#principal, "produce", request.topic);
      this.#producing.write(request, giveBack);
    } catch (error) {
      giveBack();
      this.#error(ProxyError.from(error), request);
    }
  }

  async #renew({ id, token }: AuthRequest): Promise<void> {
    const principal = await this.#services.authenticate(token);
    if (this.#stopping.signal.aborted) throw new ProxyError("leaving", "The socket is closing");
    if (principal.name !== this.#principal.name) {
      throw new ProxyError(
        "forbidden",
        `Cannot renew the credentials of "${this.#principal.name}" with those of somebody else`,
      );
    }
    this.#principal = principal;
    this.#credentials.watch(principal);
    this.#ok(id);
    for (const subscription of this.#subscriptions.values()) this.#endUnlessAllowed(subscription);
  }

  /** The rights that a subscription began with may be gone. */
  #endUnlessAllowed(subscription: V2Subscription): void {
    try {
      this.#checkRights(subscription.request);
    } catch (error) {
      subscription.fail(ProxyError.from(error));
    }
  }

  /** The client may still acknowledge what it has, and nothing else. */
  get #isSettling(): boolean {
    return this.#stopping.signal.aborted && !this.#sink.isClosed && this.#ending !== undefined &&
      this.#ending.drainMs > 0;
  }

  #get(number: number): V2Subscription {
    const subscription = this.#subscriptions.get(number);
    if (subscription?.isOver === false) return subscription;
    throw new ProxyError(
      "unknown_subscription",
      `There is no subscription ${number} on this socket (any more)`,
    );
  }

  #hello(): V2Response {
    const { limits } = this.#services;
    const { name, expiresMs } = this.#principal;
    return {
      type: "hello",
      protocol: `kafka-proxy.${this.protocol}`,
      session: this.id,
      server: `kafka-proxy/${VERSION}`,
      limits: {
        frameBytes: limits.frameBytes,
        produceRecords: limits.opening.records,
        produceBytes: limits.opening.bytes,
        subscriptions: limits.subscriptions,
      },
      principal: { name, ...expiresMs !== undefined && { expires: expiresMs } },
    };
  }

  #tellPositions(): void {
    for (const subscription of this.#subscriptions.values()) subscription.tellPosition();
  }

  #ok(id: number | undefined): void {
    if (id !== undefined) this.#send({ type: "ok", id });
  }

  #error(
    { code, message }: ProxyError,
    { id, subscription }: { id?: number; subscription?: number },
  ): void {
    this.#send({ type: "error", id, code, message, subscription });
  }

  /** A frame that could not be read: an error, unless it was no frame at all. */
  #refuse(error: ProxyError): void {
    if (error.code !== "bad_frame") return this.#close(error);
    const id = error.details?.id;
    this.#error(error, { id: typeof id === "number" ? id : undefined });
  }

  #close(error: ProxyError): void {
    this.#end({ code: error.row.closeCode, reason: error.message, drainMs: 0 });
  }

  #send(frame: V2Response): void {
    const text = JSON.stringify(frame);
    this.#sink.send(text, Buffer.byteLength(text));
    if (this.#sink.hasRoom || this.#sink.bufferedBytes < UNREAD_BYTES) return;
    this.#end({ code: 1008, reason: "the client does not read its answers", drainMs: 0 });
  }

  #end(ending: Ending): void {
    this.#ending ??= ending;
    this.#stopping.abort();
  }

  /** Commits and closes; the partitions are free when the socket is closed. */
  async #finish(): Promise<void> {
    const subscriptions = [...this.#subscriptions.values()];
    const drainMs = this.#ending?.drainMs ?? 0;
    await Promise.all([
      ...subscriptions.map((subscription) => subscription.stop(drainMs)),
      within(drainMs, this.#producing.settled()),
    ]);
    if (this.#ending !== undefined) {
      const { code, reason } = this.#ending;
      await this.#sink.drained(drainMs);
      this.#sink.close(code, reason);
    }
    this.#producing.release();
    await Promise.all(subscriptions.map((subscription) => subscription.release()));
  }

  #report({ code, reason }: CloseInfo, durationMs: number): void {
    const { events } = this.#services;
    if (code === STALLED) {
      events.emit("stalled", { session: this.id, bufferedBytes: this.#sink.bufferedBytes });
    }
    const records = this.#records;
    const bytes = this.#sink.sentBytes;
    for (const [topic, tally] of this.#producing.tallies) {
      events.emit("records_produced", { session: this.id, topic, ...tally });
    }
    events.emit("session_closed", { session: this.id, code, reason, records, bytes, durationMs });
  }
}

function tooManyWait(): ProxyError {
  return new ProxyError("too_many_requests", `${MOST_WAITING} requests wait for their answers`);
}

function notText(data: unknown): ProxyError {
  const bytes = data instanceof ArrayBuffer ? data.byteLength : 0;
  return new ProxyError("not_text", `Got ${bytes} binary bytes: clients send text frames of JSON`);
}

function checkNarrow(name: string, asked: number | undefined, most: number | undefined): void {
  if (asked === undefined || most === undefined || asked <= most) return;
  throw new ProxyError(
    "bad_frame",
    `Cannot subscribe with "${name}":${asked}: the server allows at most ${most}`,
  );
}
