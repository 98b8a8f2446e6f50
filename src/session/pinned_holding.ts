import type { FrameSink, GroupPositions, Lease, Leases, LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { Log } from "../observe/events.ts";
import { type Claimant, claimKey, type Claims } from "./claims.ts";
import { GroupCommitter } from "./group_committer.ts";
import type { Holding, HoldingSession } from "./holding.ts";
import { PositionLedger } from "./position_ledger.ts";
import { committedOffsets } from "./start_offsets.ts";
import type { V1Plan } from "./v1_plan.ts";

/** What pinned partitions are held with. */
export interface PinnedServices {
  readonly reader: LogReader;
  readonly groups: GroupPositions;
  readonly leases: Leases;
  readonly claims: Claims;
  readonly events: Log;
  readonly commitIntervalMs: number;
}

/**
 * Partitions pinned by a client of a group: the newest client has them, on this process by the table
 * of claims and on the whole cluster by leases. Positions are committed as a standalone consumer
 * does, and only while the leases are sure: whoever may have been replaced writes nothing.
 */
export class PinnedHolding implements Holding {
  readonly #plan: V1Plan;
  readonly #group: string;
  readonly #sink: FrameSink;
  readonly #services: PinnedServices;
  readonly #claimant: Claimant;
  readonly #keys: readonly string[];
  readonly #ledger = new PositionLedger();
  #leases: readonly Lease[] = [];
  #committer: GroupCommitter | undefined;
  /** What Kafka had when it was last known that nobody else wrote, and the doubts up to then. */
  #known: ReadonlyMap<number, bigint> = new Map();
  #doubts = 0;

  constructor(
    plan: V1Plan,
    group: string,
    sink: FrameSink,
    services: PinnedServices,
    claimant: Claimant,
  ) {
    const { partitions, request: { topic } } = plan;
    this.#plan = plan;
    this.#group = group;
    this.#sink = sink;
    this.#services = services;
    this.#claimant = claimant;
    this.#keys = partitions.map((partition) => claimKey(topic, group, partition));
  }

  async begin(session: HoldingSession): Promise<void> {
    const { request: { topic, isolation }, partitions, starts } = this.#plan;
    const { leases, claims, groups, events, commitIntervalMs } = this.#services;
    const group = this.#group;
    // An older session of this process passes its leases on, so they are asked for before it ends.
    const acquiring = partitions.map((partition) =>
      leases.acquire({ group, topic, partition }, session.signal)
    );
    const settled = Promise.allSettled(acquiring);
    await claims.claim(this.#keys, this.#claimant);
    this.#leases = (await settled).filter((one) => one.status === "fulfilled")
      .map((one) => one.value);
    await Promise.all(acquiring);
    for (const lease of this.#leases) void lease.lost.then((error) => session.fail(error));
    if (session.signal.aborted) return;

    const target = { topic, partitions, isolation };
    this.#known = await groups.committed(group, topic, partitions);
    session.pump.assign(
      starts ?? await committedOffsets(target, group, this.#known, this.#services),
    );
    this.#committer = new GroupCommitter({
      group,
      topic,
      session: session.id,
      ledger: this.#ledger,
      sink: this.#sink,
      groups: { commit: (_group, _topic, next) => this.#commit(next) },
      intervalMs: commitIntervalMs,
      events,
      onRefused: (error) => session.fail(error),
    });
    this.#committer.start();
  }

  mayGo(signal: AbortSignal): true | Promise<void> {
    for (const lease of this.#leases) if (!lease.isSure) return lease.sure(signal);
    return true;
  }

  onReached(partition: number, next: bigint): void {
    this.#ledger.reached(partition, next, this.#sink.sentBytes);
  }

  async finish(): Promise<void> {
    await this.#committer?.finish();
  }

  async release(): Promise<void> {
    this.#services.claims.release(this.#keys, this.#claimant);
    await Promise.all(this.#leases.map((lease) => lease.release()));
  }

  /** Commits while the leases are sure; after a doubt only if nobody has committed meanwhile. */
  async #commit(next: ReadonlyMap<number, bigint>): Promise<void> {
    const { groups } = this.#services;
    const { topic } = this.#plan.request;
    if (this.#leases.some((lease) => !lease.isSure)) {
      throw new ProxyError("kafka_unavailable", "It is not known whether the partition is ours");
    }
    const doubts = this.#leases.reduce((sum, lease) => sum + lease.doubts, 0);
    if (doubts !== this.#doubts) {
      const found = await groups.committed(this.#group, topic, this.#plan.partitions);
      if (!isSame(found, this.#known)) throw replaced(this.#group);
      this.#doubts = doubts;
    }
    await groups.commit(this.#group, topic, next);
    this.#known = new Map([...this.#known, ...next]);
  }
}

function isSame(one: ReadonlyMap<number, bigint>, other: ReadonlyMap<number, bigint>): boolean {
  return one.size === other.size &&
    [...one].every(([partition, offset]) => other.get(partition) === offset);
}

function replaced(group: string): ProxyError {
  return new ProxyError(
    "taken_over",
    `taken over: group "${group}" was read on by somebody else while Kafka was out of reach`,
  );
}
