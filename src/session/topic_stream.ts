import type { Frame, FrameSink, Isolation } from "../core/ports.ts";
import type { ProxyError } from "../core/proxy_error.ts";
import type { Pacer } from "../stream/pacer.ts";
import { BalancedHolding, type BalancedServices } from "./balanced_holding.ts";
import type { Claimant } from "./claims.ts";
import { type FrameFormat, FramePump, type PumpedPartition, type Trouble } from "./frame_pump.ts";
import type { Gate } from "./gate.ts";
import type { Holding } from "./holding.ts";
import type { Ledger } from "./ledger.ts";
import { PinnedHolding } from "./pinned_holding.ts";
import { ReaderHolding } from "./reader_holding.ts";
import type { SessionServices } from "./session_services.ts";
import type { Starts } from "./start_offsets.ts";
import type { TopicPlan } from "./topic_plan.ts";

/** What has gone through one topic of a client, for reports. */
export interface StreamFigures {
  /** Number of its subscription on the socket; a v1 session has one, numbered 1. */
  readonly subscription: number;
  readonly topic: string;
  /** Absent: a reader. */
  readonly group: string | undefined;
  /** Kafka shares the group's partitions between its members. */
  readonly isBalanced: boolean;
  readonly isolation: Isolation;
  /** The client wants more: it has not paused, and owes no credit and no acknowledgement. */
  readonly isWanted: boolean;
  /** The longest pause between two frames that the client has asked for, in ms. */
  readonly pauseMs: number;
  /** The partitions it has now, and where it stands in them. */
  readonly partitions: ReadonlyMap<number, PumpedPartition>;
}

/** How one topic of a client is sent. */
export interface StreamOptions {
  /** The session's. */
  readonly id: string;
  /** `v1`, `v2`: whose frames these are. */
  readonly protocol: string;
  /** Number of the subscription on its socket. */
  readonly subscription: number;
  readonly sink: FrameSink;
  readonly format: FrameFormat;
  readonly pacer: Pacer;
  /** How long it waits for more records to share a frame while it keeps up, in ms; 0. */
  readonly lingerMs?: number;
  readonly gate?: Gate;
  readonly ledger: Ledger;
  /** Who is asked to give up pinned partitions. */
  readonly claimant: Claimant;
  /** Joins balanced groups; the subscription's own where it has several topics. */
  readonly members: BalancedServices["members"];
  /** Ends the session, or the subscription. */
  readonly fail: (error: ProxyError) => void;
  readonly onFrame: (frame: Frame) => void;
  readonly onReached?: (partition: number, next: bigint) => void;
  /** Waited for before partitions are sent: the client is told. */
  readonly onAssign?: (starts: Starts) => Promise<void>;
  /** Partitions are not sent any more, with the next offset of each. */
  readonly onRevoke?: (next: ReadonlyMap<number, bigint>, why: "rebalance" | "lost") => void;
  readonly onTrouble?: (trouble: Trouble) => bigint | undefined;
  readonly onCommitted?: (next: ReadonlyMap<number, bigint>) => void;
}

/** One topic of one client: how it comes by its partitions, and the pump that sends them. */
export class TopicStream implements StreamFigures {
  readonly plan: TopicPlan;
  readonly #options: StreamOptions;
  readonly #signal: AbortSignal;
  readonly #pump: FramePump;
  readonly #holding: Holding;
  /** What a rebalance has stopped, until it is known what of it is left here. */
  #stopped: ReadonlyMap<number, bigint> = new Map();
  /** Where those go on that the client has moved meanwhile. */
  readonly #moved = new Map<number, bigint>();

  constructor(
    plan: TopicPlan,
    options: StreamOptions,
    services: SessionServices,
    signal: AbortSignal,
  ) {
    this.plan = plan;
    this.#options = options;
    this.#signal = signal;
    const { sink, format, pacer, lingerMs, gate, ledger } = options;
    const { onFrame, onReached, onTrouble } = options;
    const holding = this.#holding = newHolding(plan, options, services);
    const { topic, isolation } = plan;
    const { log, frames } = services;
    const traffic = services.traffic.row(options.protocol, topic);
    this.#pump = new FramePump({
      topic,
      isolation,
      log,
      frames,
      sink,
      format,
      pacer,
      lingerMs,
      gate,
      mayGo: () => holding.mayGo(signal),
      onFrame: (frame) => {
        traffic.frames++;
        traffic.records += frame.records;
        traffic.bytes += frame.bytes;
        onFrame(frame);
      },
      onReached: (partition, next, records) => {
        ledger.reached(partition, next, sink.sentBytes, records);
        onReached?.(partition, next);
      },
      onTrouble,
    }, signal);
  }

  get topic(): string {
    return this.plan.topic;
  }

  get group(): string | undefined {
    return this.plan.group;
  }

  get subscription(): number {
    return this.#options.subscription;
  }

  get isBalanced(): boolean {
    return this.plan.group !== undefined && this.plan.isAll;
  }

  get isolation(): Isolation {
    return this.plan.isolation;
  }

  get isWanted(): boolean {
    const { gate } = this.#options;
    return gate === undefined || gate.allowance > 0;
  }

  get pauseMs(): number {
    return this.#options.pacer.pauseMs;
  }

  get partitions(): ReadonlyMap<number, PumpedPartition> {
    return this.#pump.partitions;
  }

  /** Whether a partition is ours, or may still be after a rebalance. */
  has(partition: number): boolean {
    return this.partitions.has(partition) || this.#stopped.has(partition);
  }

  /** Gets the partitions; resolves when they may be sent. */
  async begin(): Promise<void> {
    await this.#holding.begin({
      id: this.#options.id,
      signal: this.#signal,
      partitions: this.#pump.partitions,
      assign: (starts) => this.#assign(starts),
      revoke: (why) => this.#revoke(why),
      fail: this.#options.fail,
    });
  }

  /**
   * Sends until the signal is aborted.
   *
   * @throws {ProxyError} what makes a partition unreadable
   */
  run(): Promise<void> {
    return this.#pump.run();
  }

  /** Goes on at another offset of a partition, at once or when a rebalance has left it here. */
  move(partition: number, offset: bigint): void {
    if (this.#pump.partitions.has(partition)) this.#pump.move(partition, offset);
    else this.#moved.set(partition, offset);
  }

  /** Sends a partition again that was dropped. */
  resume(partition: number, offset: bigint): void {
    this.#pump.assign(new Map([[partition, offset]]));
  }

  /** Stops sending a partition. */
  drop(partition: number): void {
    this.#pump.drop(partition);
  }

  /** Commits soon: somebody waits for the answer. */
  commitSoon(): void {
    this.#holding.commitSoon();
  }

  /** Writes the last position; called when nothing is sent any more. */
  finish(): Promise<void> {
    return this.#holding.finish();
  }

  /** Lets others have the partitions. */
  release(): Promise<void> {
    return this.#holding.release();
  }

  async #assign(starts: Starts): Promise<void> {
    const { ledger, onAssign } = this.#options;
    for (const [partition, offset] of this.#placed(starts)) ledger.assigned(partition, offset);
    await onAssign?.(starts);
    // The client may have moved some while it was told of them.
    const offsets = this.#placed(starts);
    this.#moved.clear();
    this.#stopped = new Map();
    this.#pump.assign(offsets, starts.topicId);
  }

  #placed({ offsets }: Starts): Map<number, bigint> {
    return new Map(
      [...offsets].map(([partition, offset]) => [partition, this.#moved.get(partition) ?? offset]),
    );
  }

  #revoke(why: "rebalance" | "lost"): Map<number, bigint> {
    const positions = this.#pump.revoke();
    this.#stopped = why === "lost" ? new Map() : positions;
    if (why === "lost") this.#moved.clear();
    this.#options.onRevoke?.(positions, why);
    return positions;
  }
}

function newHolding(plan: TopicPlan, options: StreamOptions, services: SessionServices): Holding {
  const { group, isAll } = plan;
  const { sink, ledger, claimant, members, onCommitted } = options;
  if (group === undefined) return new ReaderHolding(plan, services.reader);
  const shared = { ...services, members, onCommitted };
  return isAll
    ? new BalancedHolding(plan, group, sink, shared, ledger)
    : new PinnedHolding(plan, group, sink, shared, claimant, ledger);
}
