import type {
  Frame,
  FrameSink,
  GroupMembers,
  GroupPositions,
  Leases,
  LogReader,
} from "../core/ports.ts";
import { ERROR_TABLE } from "../core/error_table.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { SharedFrames } from "../log/shared_frames.ts";
import type { SharedLog } from "../log/shared_log.ts";
import type { Log } from "../observe/events.ts";
import { Pacer } from "../stream/pacer.ts";
import { BalancedHolding } from "./balanced_holding.ts";
import type { Claimant, Claims } from "./claims.ts";
import { FramePump, type PumpedPartition } from "./frame_pump.ts";
import type { Holding } from "./holding.ts";
import { PinnedHolding } from "./pinned_holding.ts";
import { ReaderHolding } from "./reader_holding.ts";
import type { V1Plan } from "./v1_plan.ts";

/** What sessions share. */
export interface SessionServices {
  readonly reader: LogReader;
  readonly groups: GroupPositions;
  readonly members: GroupMembers;
  readonly leases: Leases;
  readonly log: SharedLog;
  readonly frames: SharedFrames;
  readonly claims: Claims;
  readonly events: Log;
  readonly commitIntervalMs: number;
}

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
export class V1Session implements Claimant {
  readonly id: string;
  readonly plan: V1Plan;
  readonly #sink: FrameSink;
  readonly #services: SessionServices;
  readonly #stopping = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  readonly #holding: Holding;
  readonly #pump: FramePump;
  #ending: Ending | undefined;
  #records = 0;

  constructor(id: string, plan: V1Plan, sink: FrameSink, services: SessionServices) {
    this.id = id;
    this.plan = plan;
    this.#sink = sink;
    this.#services = services;
    this.#holding = this.#newHolding();
    const { topic, isolation, fields, encoding, maxBytes, rate, idleTimeoutMs } = plan.request;
    const { log, frames } = services;
    const { signal } = this.#stopping;
    this.#pump = new FramePump({
      topic,
      isolation,
      log,
      frames,
      sink,
      format: {
        encoding,
        key: fields.includes("key"),
        partition: fields.includes("partition"),
        timestamp: fields.includes("timestamp"),
        headers: fields.includes("headers"),
        maxBytes,
        maxRecords: rate === undefined ? 2 ** 31 : Math.ceil(rate / FRAMES_PER_SECOND),
      },
      pacer: new Pacer(rate, idleTimeoutMs),
      mayGo: () => this.#holding.mayGo(signal),
      onReached: (partition, next) => this.#holding.onReached(partition, next),
      onFrame: (frame) => this.#onFrame(frame),
    }, signal);
  }

  /** What has gone through the partitions it has now. */
  get partitions(): ReadonlyMap<number, PumpedPartition> {
    return this.#pump.partitions;
  }

  /** Serves the client until the end; never rejects. */
  async run(opened: Promise<void>): Promise<void> {
    const startMs = performance.now();
    const { signal } = this.#stopping;
    const pump = this.#pump;
    const closed = this.#sink.closed.then((info) => {
      this.#stopping.abort();
      return info;
    });
    try {
      await opened;
      const fail = (error: ProxyError) => this.#fail(error);
      if (!signal.aborted) await this.#holding.begin({ id: this.id, pump, signal, fail });
      await pump.run();
    } catch (error) {
      this.#fail(ProxyError.from(error));
    }
    const ending = this.#ending;
    if (ending !== undefined) await this.#sink.drained(ending.drainMs);
    await this.#holding.finish();
    if (ending !== undefined) this.#sink.close(ending.code, ending.reason);
    await this.#holding.release();
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

  /** Ends the session: stops sending, waits up to `drainMs` for the client, commits, closes. */
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

  #newHolding(): Holding {
    const { request: { group, partitions } } = this.plan;
    if (group === undefined) return new ReaderHolding(this.plan, this.#services.reader);
    if (partitions === "all") {
      return new BalancedHolding(this.plan, group, this.#sink, this.#services);
    }
    return new PinnedHolding(this.plan, group, this.#sink, this.#services, this);
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
