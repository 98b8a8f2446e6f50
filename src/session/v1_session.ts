import type { Frame, FrameSink } from "../core/ports.ts";
import { ERROR_TABLE } from "../core/error_table.ts";
import { ANONYMOUS, type Principal } from "../core/principal.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { V1Format } from "../protocol/v1_frames.ts";
import type { V1Request } from "../protocol/v1_request.ts";
import { Pacer } from "../stream/pacer.ts";
import type { Claimant } from "./claims.ts";
import type { ClientSession } from "./client_session.ts";
import { CredentialLife } from "./credential_life.ts";
import { newLedger } from "./new_ledger.ts";
import type { SessionServices } from "./session_services.ts";
import { type StreamFigures, TopicStream } from "./topic_stream.ts";
import { v1FrameFormat } from "./v1_frame_format.ts";
import type { V1Plan } from "./v1_plan.ts";

/** Why a session is to end: close code and reason, and how long it waits for the client before. */
interface Ending {
  readonly code: number;
  readonly reason: string;
  readonly drainMs: number;
}

/** How long an older client gets to take what is under way when a newer one takes over, in ms. */
const TAKE_OVER_DRAIN_MS = 500;

const STALLED = ERROR_TABLE.stalled.closeCode;

/** With a rate, a frame carries a tenth of a second's records. */
const FRAMES_PER_SECOND = 10;

/**
 * One v1 client, from the open socket to the last commit.
 *
 * Delivery: "auto", committed when the operating system has taken the bytes; what was in its
 * buffers may be lost with a client that vanished.
 */
export class V1Session implements ClientSession, Claimant {
  readonly id: string;
  readonly protocol = "v1";
  readonly principal: Principal;
  readonly plan: V1Plan;
  readonly #sink: FrameSink;
  readonly #services: SessionServices;
  readonly #stopping = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  readonly #stream: TopicStream;
  #ending: Ending | undefined;
  #records = 0;

  constructor(
    id: string,
    plan: V1Plan,
    sink: FrameSink,
    services: SessionServices,
    principal: Principal = ANONYMOUS,
  ) {
    this.id = id;
    this.principal = principal;
    this.plan = plan;
    this.#sink = sink;
    this.#services = services;
    const { rate, idleTimeoutMs, lingerMs } = plan.request;
    this.#stream = new TopicStream(
      plan,
      {
        id,
        protocol: "v1",
        subscription: 1,
        sink,
        format: v1FrameFormat(v1Shape(plan.request)),
        pacer: new Pacer(rate, idleTimeoutMs),
        lingerMs,
        ledger: newLedger(plan.group, "auto"),
        claimant: this,
        members: services.members,
        fail: (error) => this.#fail(error),
        onFrame: (frame) => this.#onFrame(frame),
      },
      services,
      this.#stopping.signal,
    );
  }

  get groups(): number {
    return this.plan.group === undefined ? 0 : 1;
  }

  get streams(): readonly StreamFigures[] {
    return [this.#stream];
  }

  get sentRecords(): number {
    return this.#records;
  }

  /** v1 clients write nothing. */
  get producedRecords(): number {
    return 0;
  }

  async run(opened: Promise<void>): Promise<void> {
    const startMs = performance.now();
    const { signal } = this.#stopping;
    const stream = this.#stream;
    const closed = this.#sink.closed.then((info) => {
      this.#stopping.abort();
      return info;
    });
    // A v1 client cannot renew them, and gets no warning.
    const credentials = new CredentialLife({
      withdrawn: () => this.#fail(new ProxyError("unauthorized", "The credentials were withdrawn")),
      expiring: () => {},
      expired: () => this.#fail(new ProxyError("expired", "The credentials have expired")),
    });
    credentials.watch(this.principal);
    try {
      await opened;
      if (!signal.aborted) await stream.begin();
      await stream.run();
    } catch (error) {
      this.#fail(ProxyError.from(error));
    }
    credentials.stop();
    const ending = this.#ending;
    if (ending !== undefined) await this.#sink.drained(ending.drainMs);
    await stream.finish();
    if (ending !== undefined) this.#sink.close(ending.code, ending.reason);
    await stream.release();
    this.#finished.resolve();
    const { code, reason } = await closed;
    const { topic, group } = this.plan.request;
    const { events } = this.#services;
    if (code === STALLED) {
      const { bufferedBytes } = this.#sink;
      events.emit("stalled", { session: this.id, bufferedBytes, topic, group });
    }
    events.emit("session_closed", {
      session: this.id,
      code,
      reason,
      records: this.#records,
      bytes: this.#sink.sentBytes,
      durationMs: Math.round(performance.now() - startMs),
      topic,
      group,
    });
  }

  async stop(code: number, reason: string, drainMs: number): Promise<void> {
    this.#end({ code, reason, drainMs });
    await this.#finished.promise;
  }

  evict(): Promise<void> {
    const { topic, group } = this.plan.request;
    const reason = `taken over: a newer client reads "${topic}" for group "${group}"`;
    return this.stop(4409, reason, TAKE_OVER_DRAIN_MS);
  }

  /** A message from the client: v1 clients have nothing to say. */
  onMessage(): void {
    this.#end({ code: 1008, reason: "v1 clients send nothing", drainMs: 0 });
  }

  #end(ending: Ending): void {
    this.#ending ??= ending;
    this.#stopping.abort();
  }

  #fail(error: ProxyError): void {
    if (error.code === "internal") {
      this.#services.events.emit("session_failed", { session: this.id, error: error.cause });
    }
    const drainMs = error.code === "taken_over" ? TAKE_OVER_DRAIN_MS : 0;
    this.#end({ code: error.row.closeCode, reason: error.message, drainMs });
  }

  #onFrame({ topic, partition, next, records, payloadBytes }: Frame): void {
    this.#records += records;
    const { maxBytes } = this.plan.request;
    if (payloadBytes <= maxBytes) return;
    this.#services.events.emit("oversize_record", {
      topic,
      partition,
      offset: next - 1n,
      bytes: payloadBytes,
      maxBytes,
      session: this.id,
    });
  }
}

function v1Shape(request: V1Request): Omit<V1Format, "frameBytes"> {
  const { fields, encoding, maxBytes, rate } = request;
  return {
    encoding,
    key: fields.includes("key"),
    partition: fields.includes("partition"),
    timestamp: fields.includes("timestamp"),
    headers: fields.includes("headers"),
    maxBytes,
    maxRecords: rate === undefined ? 2 ** 31 : Math.ceil(rate / FRAMES_PER_SECOND),
  };
}
