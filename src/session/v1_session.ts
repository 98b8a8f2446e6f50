import type { Slice } from "../core/chunk.ts";
import type { Frame, FrameSink, GroupPositions, LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { Cursor } from "../log/cursor.ts";
import type { FrameEncoder, SharedFrames } from "../log/shared_frames.ts";
import type { SharedLog } from "../log/shared_log.ts";
import type { Log } from "../observe/events.ts";
import { type V1Format, v1FormatKey, V1FrameEncoder } from "../protocol/v1_frames.ts";
import { Pacer } from "../stream/pacer.ts";
import { sleep } from "../stream/sleep.ts";
import { type Claimant, claimKey, type Claims } from "./claims.ts";
import { GroupCommitter } from "./group_committer.ts";
import { PositionLedger } from "./position_ledger.ts";
import { committedOffsets } from "./start_offsets.ts";
import type { V1Plan } from "./v1_plan.ts";

/** What sessions share. */
export interface SessionServices {
  readonly reader: LogReader;
  readonly groups: GroupPositions;
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

/** A reader of all partitions looks for new ones so often, in ms. */
const PARTITION_CHECK_MS = 5_000;

/** With a rate, a frame carries a tenth of a second's records. */
const FRAMES_PER_SECOND = 10;

/**
 * One v1 client, from the open socket to the last commit.
 *
 * Order: by offset within a partition. Delivery: "auto", committed when the operating system has
 * taken the bytes. Backpressure: nothing is pulled from the cursor while the sink has no room.
 */
export class V1Session implements Claimant {
  readonly id: string;
  readonly #plan: V1Plan;
  readonly #sink: FrameSink;
  readonly #services: SessionServices;
  readonly #format: Omit<V1Format, "frameBytes">;
  /** Kept for a group only: a reader's position is its own business. */
  readonly #ledger: PositionLedger | undefined;
  readonly #pacer: Pacer;
  readonly #stopping = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  #ending: Ending | undefined;
  #records = 0;

  constructor(id: string, plan: V1Plan, sink: FrameSink, services: SessionServices) {
    this.id = id;
    this.#plan = plan;
    this.#sink = sink;
    this.#services = services;
    const { group, fields, encoding, maxBytes, rate, idleTimeoutMs } = plan.request;
    this.#ledger = group === undefined ? undefined : new PositionLedger();
    this.#pacer = new Pacer(rate, idleTimeoutMs);
    this.#format = {
      encoding,
      key: fields.includes("key"),
      partition: fields.includes("partition"),
      timestamp: fields.includes("timestamp"),
      headers: fields.includes("headers"),
      maxBytes,
      maxRecords: rate === undefined ? 2 ** 31 : Math.ceil(rate / FRAMES_PER_SECOND),
    };
  }

  /** Serves the client until the end; never rejects. */
  async run(opened: Promise<void>): Promise<void> {
    const startMs = performance.now();
    const keys = this.#claimKeys();
    let committer: GroupCommitter | undefined;
    this.#sink.closed.then(() => this.#stopping.abort());
    try {
      await opened;
      // Even a client that is gone by now takes over: it may be back with the same claim.
      await this.#services.claims.claim(keys, this);
      if (!this.#stopping.signal.aborted) {
        const starts = await this.#starts();
        committer = this.#committer();
        committer?.start();
        await this.#serve(starts);
      }
    } catch (error) {
      this.#fail(ProxyError.from(error));
    }
    const ending = this.#ending;
    if (ending !== undefined) await this.#sink.drained(ending.drainMs);
    await committer?.finish();
    if (ending !== undefined) this.#sink.close(ending.code, ending.reason);
    this.#services.claims.release(keys, this);
    this.#finished.resolve();
    await this.#report(performance.now() - startMs);
  }

  /** Ends the session: stops sending, waits up to `drainMs` for the client, commits, closes. */
  async stop(code: number, reason: string, drainMs: number): Promise<void> {
    this.#end({ code, reason, drainMs });
    await this.#finished.promise;
  }

  evict(): Promise<void> {
    const { topic, group } = this.#plan.request;
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
    this.#end({ code: error.row.closeCode, reason: error.message, drainMs: 0 });
  }

  #claimKeys(): string[] {
    const { topic, group } = this.#plan.request;
    if (group === undefined) return [];
    return this.#plan.partitions.map((partition) => claimKey(topic, group, partition));
  }

  async #starts(): Promise<ReadonlyMap<number, bigint>> {
    const { request: { topic, group, isolation }, partitions, starts } = this.#plan;
    if (starts !== undefined) return starts;
    return await committedOffsets({ topic, partitions, isolation }, group!, this.#services);
  }

  #committer(): GroupCommitter | undefined {
    const { topic, group } = this.#plan.request;
    if (group === undefined || this.#ledger === undefined) return undefined;
    const { groups, events, commitIntervalMs } = this.#services;
    return new GroupCommitter({
      group,
      topic,
      session: this.id,
      ledger: this.#ledger,
      sink: this.#sink,
      groups,
      intervalMs: commitIntervalMs,
      events,
      onRefused: (error) => this.#fail(error),
    });
  }

  async #serve(starts: ReadonlyMap<number, bigint>): Promise<void> {
    const { topic, isolation, partitions } = this.#plan.request;
    const cursor = this.#services.log.open(topic, starts, isolation);
    this.#stopping.signal.addEventListener("abort", () => cursor.close());
    if (this.#stopping.signal.aborted) cursor.close();
    const growing = partitions === "all"
      ? setInterval(() => this.#addPartitions(cursor), PARTITION_CHECK_MS)
      : undefined;
    try {
      for await (const slice of cursor) await this.#send(slice, cursor);
    } finally {
      clearInterval(growing);
    }
  }

  async #send(slice: Slice, cursor: Cursor): Promise<void> {
    const sink = this.#sink;
    const { maxBytes } = this.#plan.request;
    const { partition, next } = slice.chunk;
    const frames = this.#frames(slice, cursor.isShared(partition));
    for (;;) {
      if (!sink.hasRoom) await sink.room(this.#stopping.signal);
      const made = frames.next();
      const frame = made instanceof Promise ? await made : made;
      if (this.#stopping.signal.aborted) return;
      if (frame === undefined) break;
      sink.send(frame.data, frame.bytes);
      this.#ledger?.reached(partition, frame.next, sink.sentBytes);
      this.#records += frame.records;
      if (frame.payloadBytes > maxBytes) this.#reportOversize(frame, maxBytes);
      const pauseMs = this.#pacer.pauseAfter(frame.records, performance.now());
      if (pauseMs > 0) await sleep(pauseMs, this.#stopping.signal);
    }
    this.#ledger?.reached(partition, next, sink.sentBytes);
  }

  #frames(slice: Slice, isShared: boolean): FrameEncoder {
    const format = { ...this.#format, frameBytes: this.#sink.frameBytes };
    const encode = () => new V1FrameEncoder(slice.chunk, slice.from, format);
    // Frames are kept only where another socket may want them, and only whole chunks are shared.
    if (!isShared || slice.from !== slice.chunk.from) return encode();
    return this.#services.frames.open(slice, v1FormatKey(format), encode);
  }

  /** Partitions the topic has got since; nothing of theirs has been missed, so from the first on. */
  async #addPartitions(cursor: Cursor): Promise<void> {
    const { reader, log } = this.#services;
    const { topic, isolation } = this.#plan.request;
    try {
      const { leaders } = await reader.topic(topic);
      const known = new Set(cursor.partitions);
      const added = [...leaders.keys()].filter((partition) => !known.has(partition));
      if (added.length === 0) return;
      const starts = await reader.offsets(topic, added, "earliest", isolation);
      for (const [partition, offset] of starts) {
        if (!cursor.partitions.includes(partition)) {
          cursor.add(log.log(topic, partition, isolation), offset);
        }
      }
    } catch {
      // The next round tries again; a topic that is gone ends the session through its cursor.
    }
  }

  #reportOversize({ topic, partition, next, payloadBytes }: Frame, maxBytes: number): void {
    this.#services.events.emit("oversize_record", {
      topic,
      partition,
      offset: next - 1n,
      bytes: payloadBytes,
      maxBytes,
      session: this.id,
    });
  }

  async #report(durationMs: number): Promise<void> {
    const { code, reason } = await this.#sink.closed;
    const { topic, group } = this.#plan.request;
    this.#services.events.emit("session_closed", {
      session: this.id,
      code,
      reason,
      records: this.#records,
      bytes: this.#sink.sentBytes,
      durationMs: Math.round(durationMs),
      topic,
      group,
    });
  }
}
