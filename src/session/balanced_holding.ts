import type {
  FrameSink,
  GroupMember,
  GroupMembers,
  GroupPositions,
  LogReader,
} from "../core/ports.ts";
import type { Log } from "../observe/events.ts";
import { GroupCommitter } from "./group_committer.ts";
import type { Holding, HoldingSession } from "./holding.ts";
import { PositionLedger } from "./position_ledger.ts";
import { committedOffsets, startOffsets } from "./start_offsets.ts";
import type { V1Plan } from "./v1_plan.ts";

/** What members of a balanced group are made with. */
export interface BalancedServices {
  readonly reader: LogReader;
  readonly groups: GroupPositions;
  readonly members: GroupMembers;
  readonly events: Log;
  readonly commitIntervalMs: number;
}

/** Before a rebalance the client gets so long to take what is under way, in ms. */
const REVOKE_DRAIN_MS = 500;

/**
 * A member of the client's own group: Kafka shares the topic's partitions between all members, ours
 * and others. Partitions that are kept over a rebalance go on exactly where they were; new ones
 * start where the group has committed. Commits carry the generation of their assignment.
 */
export class BalancedHolding implements Holding {
  readonly #plan: V1Plan;
  readonly #group: string;
  readonly #sink: FrameSink;
  readonly #services: BalancedServices;
  readonly #ledger = new PositionLedger();
  #member: GroupMember | undefined;
  #committer: GroupCommitter | undefined;
  #kept: ReadonlyMap<number, bigint> = new Map();
  #isFirst = true;

  constructor(plan: V1Plan, group: string, sink: FrameSink, services: BalancedServices) {
    this.#plan = plan;
    this.#group = group;
    this.#sink = sink;
    this.#services = services;
  }

  begin(session: HoldingSession): Promise<void> {
    const { topic } = this.#plan.request;
    const { members, events, commitIntervalMs } = this.#services;
    const group = this.#group;
    const member = this.#member = members.join(group, [topic], {
      assigned: (partitions) => this.#assigned(session, partitions.get(topic) ?? []),
      revoking: () => this.#revoking(session),
      lost: () => this.#lost(session),
      failed: (error) => session.fail(error),
    });
    this.#committer = new GroupCommitter({
      group,
      topic,
      session: session.id,
      ledger: this.#ledger,
      sink: this.#sink,
      groups: { commit: (_group, name, next) => member.commit(name, next) },
      intervalMs: commitIntervalMs,
      events,
      // A refused commit belongs to partitions that are about to be revoked; it is not repeated.
      onRefused: () => {},
    });
    return Promise.resolve();
  }

  mayGo(): true {
    return true;
  }

  onReached(partition: number, next: bigint): void {
    this.#ledger.reached(partition, next, this.#sink.sentBytes);
  }

  async finish(): Promise<void> {
    await this.#committer?.finish();
  }

  async release(): Promise<void> {
    await this.#member?.leave();
  }

  async #assigned(session: HoldingSession, partitions: readonly number[]): Promise<void> {
    const { topic } = this.#plan.request;
    const starts = await this.#starts(partitions);
    if (session.signal.aborted) return;
    this.#isFirst = false;
    this.#ledger.keep(partitions);
    session.pump.assign(starts);
    this.#committer?.start();
    const { id } = session;
    this.#services.events.emit("assigned", {
      session: id,
      group: this.#group,
      topic,
      partitions: [...partitions],
    });
  }

  async #starts(partitions: readonly number[]): Promise<Map<number, bigint>> {
    const { request: { topic, isolation, start } } = this.#plan;
    const { reader, groups } = this.#services;
    const kept = new Map([...this.#kept].filter(([partition]) => partitions.includes(partition)));
    const added = partitions.filter((partition) => !kept.has(partition));
    this.#kept = new Map();
    if (added.length === 0) return kept;
    const target = { topic, partitions: added, isolation };
    if (this.#isFirst && start !== undefined) {
      return new Map([...kept, ...await startOffsets(target, start, reader)]);
    }
    const committed = await groups.committed(this.#group, topic, added);
    return new Map([
      ...kept,
      ...await committedOffsets(target, this.#group, committed, this.#services),
    ]);
  }

  /** Stops, lets the client take what is under way, commits it: then the partitions may go. */
  async #revoking({ pump }: HoldingSession): Promise<void> {
    this.#kept = pump.revoke();
    await this.#sink.drained(REVOKE_DRAIN_MS);
    await this.#committer?.pause();
  }

  #lost({ pump }: HoldingSession): Promise<void> {
    pump.revoke();
    this.#kept = new Map();
    this.#ledger.keep([]);
    return Promise.resolve();
  }
}
