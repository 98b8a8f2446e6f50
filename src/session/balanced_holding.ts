import type {
  FrameSink,
  GroupMember,
  GroupMembers,
  GroupPositions,
  LogReader,
} from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { Log } from "../observe/events.ts";
import { GroupCommitter } from "./group_committer.ts";
import type { Holding, HoldingSession } from "./holding.ts";
import type { Ledger } from "./ledger.ts";
import { committedOffsets, type Gap, resolveStarts, type Starts } from "./start_offsets.ts";
import type { TopicPlan } from "./topic_plan.ts";

/** What members of a balanced group are made with. */
export interface BalancedServices {
  readonly reader: LogReader;
  readonly groups: GroupPositions;
  readonly members: GroupMembers;
  readonly events: Log;
  readonly commitIntervalMs: number;
  /** Called with what Kafka has taken. */
  readonly onCommitted?: (next: ReadonlyMap<number, bigint>) => void;
}

/** Before a rebalance the client gets so long to take what is under way, in ms. */
const REVOKE_DRAIN_MS = 500;

/**
 * A member of the client's own group: Kafka shares the topic's partitions between all members, ours
 * and others. Partitions that are kept over a rebalance go on exactly where they were; new ones
 * start where the group has committed. Commits carry the generation of their assignment.
 */
export class BalancedHolding implements Holding {
  readonly #plan: TopicPlan;
  readonly #group: string;
  readonly #sink: FrameSink;
  readonly #services: BalancedServices;
  readonly #ledger: Ledger;
  #member: GroupMember | undefined;
  #committer: GroupCommitter | undefined;
  #kept: ReadonlyMap<number, bigint> = new Map();
  #topicId: string | undefined;
  #isFirst = true;

  constructor(
    plan: TopicPlan,
    group: string,
    sink: FrameSink,
    services: BalancedServices,
    ledger: Ledger,
  ) {
    this.#plan = plan;
    this.#topicId = plan.topicId;
    this.#ledger = ledger;
    this.#group = group;
    this.#sink = sink;
    this.#services = services;
  }

  begin(session: HoldingSession): Promise<void> {
    const { topic } = this.#plan;
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
      onCommitted: this.#services.onCommitted,
      // A refused commit belongs to partitions that are about to be revoked; it is not repeated.
      onRefused: () => {},
    });
    return Promise.resolve();
  }

  mayGo(): true {
    return true;
  }

  commitSoon(): void {
    this.#committer?.soon();
  }

  async finish(): Promise<void> {
    await this.#committer?.finish();
  }

  async release(): Promise<void> {
    await this.#member?.leave();
  }

  async #assigned(session: HoldingSession, partitions: readonly number[]): Promise<void> {
    const { topic } = this.#plan;
    const starts = await this.#starts(partitions);
    if (session.signal.aborted) return;
    this.#isFirst = false;
    this.#ledger.keep(partitions);
    await session.assign({ ...starts, topicId: this.#topicId });
    if (session.signal.aborted) return;
    this.#committer?.start();
    const { id } = session;
    this.#services.events.emit("assigned", {
      session: id,
      group: this.#group,
      topic,
      partitions: [...partitions],
    });
  }

  async #starts(partitions: readonly number[]): Promise<Starts> {
    const { topic, isolation, start, onRange } = this.#plan;
    const { reader, groups } = this.#services;
    const isOther = await this.#isOtherTopic();
    const before = [...this.#kept].filter(([partition]) => partitions.includes(partition));
    const kept = new Map(isOther ? [] : before);
    const added = partitions.filter((partition) => !kept.has(partition));
    this.#kept = new Map();
    if (added.length === 0) return { offsets: kept, gaps: [] };
    const target = { topic, partitions: added, isolation };
    const asked = this.#isFirst && start !== undefined
      ? await resolveStarts(target, start, reader, onRange)
      : { offsets: new Map<number, bigint>(), gaps: [] };
    const rest = added.filter((partition) => !asked.offsets.has(partition));
    const going = rest.length === 0
      ? { offsets: new Map<number, bigint>(), gaps: [] }
      : await committedOffsets(
        { ...target, partitions: rest },
        this.#group,
        await groups.committed(this.#group, topic, rest),
        this.#services,
      );
    const gone = before.filter(([partition]) => !kept.has(partition))
      .map(([partition, from]): Gap => {
        return { partition, from, to: going.offsets.get(partition)!, reason: "recreated" };
      });
    return {
      offsets: new Map([...kept, ...asked.offsets, ...going.offsets]),
      gaps: [...gone, ...asked.gaps, ...going.gaps],
    };
  }

  /**
   * Whether the topic was deleted and made anew since the last assignment: positions are of another
   * one then.
   *
   * @throws {ProxyError} `topic_deleted`, also for a topic made anew where no gap was asked for
   */
  async #isOtherTopic(): Promise<boolean> {
    const { topic, onRange = "error" } = this.#plan;
    let topicId: string | undefined;
    try {
      ({ topicId } = await this.#services.reader.topic(topic, { fresh: true }));
    } catch (error) {
      const known = ProxyError.from(error);
      if (known.code !== "unknown_topic") throw known;
      throw new ProxyError("topic_deleted", `"${topic}" does not exist any more`);
    }
    const isOther = this.#topicId !== undefined && topicId !== undefined &&
      topicId !== this.#topicId;
    this.#topicId = topicId;
    if (isOther && onRange === "error") {
      throw new ProxyError(
        "topic_deleted",
        `"${topic}" was deleted, and another topic has its name`,
      );
    }
    return isOther;
  }

  /** Stops, lets the client take what is under way, commits it: then the partitions may go. */
  async #revoking(session: HoldingSession): Promise<void> {
    this.#kept = session.revoke("rebalance");
    await this.#ledger.settled(this.#sink, REVOKE_DRAIN_MS);
    await this.#committer?.pause();
  }

  #lost(session: HoldingSession): Promise<void> {
    session.revoke("lost");
    this.#kept = new Map();
    this.#ledger.keep([]);
    return Promise.resolve();
  }
}
