import type { FrameSink, GroupPositions, Lease, Leases, LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { Log } from "../observe/events.ts";
import { type Claimant, claimKey, type Claims } from "./claims.ts";
import { GroupCommitter } from "./group_committer.ts";
import type { Holding, HoldingSession } from "./holding.ts";
import type { Ledger } from "./ledger.ts";
import { committedOffsets } from "./start_offsets.ts";
import type { TopicPlan } from "./topic_plan.ts";
import type { UnansweredCommits } from "./unanswered_commits.ts";

/** What pinned partitions are held with. */
export interface PinnedServices {
  readonly reader: LogReader;
  readonly groups: GroupPositions;
  readonly leases: Leases;
  readonly claims: Claims;
  readonly unanswered: UnansweredCommits;
  readonly events: Log;
  readonly commitIntervalMs: number;
  /** Called with what Kafka has taken. */
  readonly onCommitted?: (next: ReadonlyMap<number, bigint>) => void;
}

/** At the end a doubt gets so long to pass, in ms: without the last commit records come again. */
const DOUBT_MS = 500;

/**
 * Partitions pinned by a client of a group: the newest client has them, on this process by the table
 * of claims and on the whole cluster by leases. Positions are committed as a standalone consumer
 * does, and only while the leases are sure: whoever may have been replaced writes nothing.
 */
export class PinnedHolding implements Holding {
  readonly #plan: TopicPlan;
  readonly #group: string;
  readonly #sink: FrameSink;
  readonly #services: PinnedServices;
  readonly #claimant: Claimant;
  readonly #keys: readonly string[];
  readonly #ledger: Ledger;
  #session: HoldingSession | undefined;
  #leases: readonly Lease[] = [];
  #committer: GroupCommitter | undefined;
  /** What Kafka had when it was last known that nobody else wrote, and the doubts up to then. */
  #known: ReadonlyMap<number, bigint> = new Map();
  #doubts = 0;
  #checking: Promise<void> | undefined;

  constructor(
    plan: TopicPlan,
    group: string,
    sink: FrameSink,
    services: PinnedServices,
    claimant: Claimant,
    ledger: Ledger,
  ) {
    this.#ledger = ledger;
    this.#plan = plan;
    this.#group = group;
    this.#sink = sink;
    this.#services = services;
    this.#claimant = claimant;
    this.#keys = plan.partitions.map((partition) => this.#key(partition));
  }

  async begin(session: HoldingSession): Promise<void> {
    const { topic, isolation, partitions, starts } = this.#plan;
    const { leases, claims, groups, events, commitIntervalMs } = this.#services;
    const group = this.#group;
    this.#session = session;
    // An older session of this process passes its leases on, so they are asked for before it ends.
    const acquiring = partitions.map((partition) =>
      leases.acquire({ group, topic, partition }, session.signal, () => void this.#checked())
    );
    const settled = Promise.allSettled(acquiring);
    await claims.claim(this.#keys, this.#claimant);
    this.#leases = (await settled).filter((one) => one.status === "fulfilled")
      .map((one) => one.value);
    await Promise.all(acquiring);
    for (const lease of this.#leases) void lease.lost.then((error) => session.fail(error));
    if (session.signal.aborted) return;

    this.#doubts = this.#doubtsNow();
    this.#known = await groups.committed(group, topic, partitions);
    const rest = partitions.filter((partition) => !starts.offsets.has(partition));
    const target = { topic, partitions: rest, isolation };
    const going = rest.length === 0
      ? starts
      : await committedOffsets(target, group, this.#known, this.#services);
    await session.assign({
      offsets: new Map([...starts.offsets, ...going.offsets]),
      gaps: [...new Set([...starts.gaps, ...going.gaps])],
      topicId: this.#plan.topicId,
    });
    if (session.signal.aborted) return;
    this.#committer = new GroupCommitter({
      group,
      topic,
      session: session.id,
      ledger: this.#ledger,
      sink: this.#sink,
      groups: { commit: (_group, _topic, next) => this.#commit(next) },
      intervalMs: commitIntervalMs,
      events,
      onCommitted: this.#services.onCommitted,
      onRefused: (error) => session.fail(error),
    });
    this.#committer.start();
  }

  mayGo(signal: AbortSignal): true | Promise<void> {
    for (const lease of this.#leases) if (!lease.isSure) return lease.sure(signal);
    return this.#doubtsNow() === this.#doubts ? true : this.#checked();
  }

  commitSoon(): void {
    this.#committer?.soon();
  }

  async finish(): Promise<void> {
    if (this.#committer === undefined) return;
    await this.#sureWithin(DOUBT_MS);
    await this.#committer.finish();
  }

  async release(): Promise<void> {
    this.#services.claims.release(this.#keys, this.#claimant);
    await Promise.all(this.#leases.map((lease) => lease.release()));
  }

  /** Commits while the leases are sure; after a doubt only if nobody has committed meanwhile. */
  async #commit(next: ReadonlyMap<number, bigint>): Promise<void> {
    const { groups, unanswered } = this.#services;
    if (this.#doubtsNow() !== this.#doubts) await this.#check();
    this.#checkSure();
    await groups.commit(this.#group, this.#plan.topic, next, () => {
      this.#checkSure();
      for (const [partition, offset] of next) unanswered.add(this.#key(partition), offset);
    });
    for (const [partition, offset] of next) unanswered.answered(this.#key(partition), offset);
    this.#known = new Map([...this.#known, ...next]);
  }

  /** Kafka may take a while to be reached, and is asked again: the leases may be gone by then. */
  #checkSure(): void {
    const isSure = this.#leases.every((lease) => lease.isSure);
    if (isSure && this.#doubtsNow() === this.#doubts) return;
    throw new ProxyError("kafka_unavailable", "It is not known whether the partition is ours");
  }

  async #sureWithin(timeoutMs: number): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    await Promise.all(this.#leases.map((lease) => lease.sure(late.signal)));
    clearTimeout(timer);
  }

  #doubtsNow(): number {
    return this.#leases.reduce((sum, { doubts }) => sum + doubts, 0);
  }

  #key(partition: number): string {
    return claimKey(this.#plan.topic, this.#group, partition);
  }

  /** Compares after a doubt, before anything more is sent; ends the session if that was in vain. */
  #checked(): Promise<void> {
    if (this.#committer === undefined) return Promise.resolve(); // it has read nothing yet
    return this.#checking ??= this.#check().catch((error) => {
      const known = ProxyError.from(error);
      if (!known.row.retriable) this.#session?.fail(known);
    }).finally(() => this.#checking = undefined);
  }

  /** @throws {ProxyError} `taken_over` when somebody else has committed since it was last known */
  async #check(): Promise<void> {
    const doubts = this.#doubtsNow();
    const { partitions, topic } = this.#plan;
    const { groups, unanswered } = this.#services;
    const found = await groups.committed(this.#group, topic, partitions);
    const isOurs = (partition: number) => {
      const next = found.get(partition);
      if (next === this.#known.get(partition)) return true;
      return next !== undefined && unanswered.has(this.#key(partition), next);
    };
    if (!partitions.every(isOurs)) throw replaced(this.#group);
    this.#known = found;
    this.#doubts = doubts;
  }
}

function replaced(group: string): ProxyError {
  return new ProxyError(
    "taken_over",
    `taken over: group "${group}" was read on by somebody else while Kafka was out of reach`,
  );
}
