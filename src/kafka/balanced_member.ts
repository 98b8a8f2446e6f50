import type { GroupMember, GroupMemberEvents, GroupMembers } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { sleep } from "../stream/sleep.ts";
import {
  ASSIGNORS,
  readAssignment,
  readSubscriptions,
  subscription,
  writeAssignments,
} from "./assignors.ts";
import type { GroupCoordinators } from "./group_coordinators.ts";
import { commitOffsets } from "./group_positions.ts";
import { mayRetry } from "./kafka_error.ts";
import { type Joined, type JoinedMember, Membership } from "./membership.ts";
import type { KafkaReader } from "./kafka_reader.ts";

/** Heartbeats tell us of a rebalance; Kafka waits for all members before it goes on. */
const HEARTBEAT_MS = 1_000;

/** A member that has died holds its partitions for so long. */
const SESSION_TIMEOUT_MS = 10_000;
const REBALANCE_TIMEOUT_MS = 30_000;

/** The leader looks for new partitions so often, in ms. */
const PARTITION_CHECK_MS = 5_000;

/** Joins balanced groups, each member with its own place in the group. */
export class KafkaGroupMembers implements GroupMembers {
  readonly #coordinators: GroupCoordinators;
  readonly #reader: KafkaReader;
  readonly #clientId: string;

  constructor(coordinators: GroupCoordinators, reader: KafkaReader, clientId: string) {
    this.#coordinators = coordinators;
    this.#reader = reader;
    this.#clientId = clientId;
  }

  join(group: string, topic: string, events: GroupMemberEvents): GroupMember {
    const member = new BalancedMember(group, topic, events, {
      coordinators: this.#coordinators,
      reader: this.#reader,
      clientId: this.#clientId,
    });
    member.start();
    return member;
  }
}

interface MemberContext {
  readonly coordinators: GroupCoordinators;
  readonly reader: KafkaReader;
  readonly clientId: string;
}

/**
 * One member of a balanced group, for one topic: joins, beats, joins again at each rebalance, and
 * waits for its session at every step. Eager rebalances: all partitions are given up before a join,
 * which is what the assignors that all Kafka clients share require.
 */
class BalancedMember implements GroupMember {
  readonly #group: string;
  readonly #topic: string;
  readonly #events: GroupMemberEvents;
  readonly #context: MemberContext;
  readonly #membership: Membership;
  readonly #ending = new AbortController();
  /** Partitions the topic had when we, the leader, divided them. */
  #divided: number | undefined;
  #finished: Promise<void> = Promise.resolve();

  constructor(group: string, topic: string, events: GroupMemberEvents, context: MemberContext) {
    this.#group = group;
    this.#topic = topic;
    this.#events = events;
    this.#context = context;
    const metadata = subscription(topic);
    this.#membership = new Membership(context.coordinators, {
      group,
      clientId: context.clientId,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      protocols: Object.keys(ASSIGNORS).map((name) => ({ name, metadata })),
    });
  }

  start(): void {
    this.#finished = this.#run();
  }

  async commit(topic: string, next: ReadonlyMap<number, bigint>): Promise<void> {
    const { generation, memberId } = this.#membership;
    await commitOffsets(this.#context.coordinators, this.#group, topic, next, {
      generation,
      memberId,
    });
  }

  async leave(): Promise<void> {
    this.#ending.abort();
    await this.#membership.leave();
    await this.#finished;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#ending.signal.aborted) {
        const joined = await this.#membership.join((protocol, members) =>
          this.#assign(protocol, members)
        );
        if (this.#ending.signal.aborted) return;
        await this.#events.assigned(readAssignment(joined.assignment, this.#topic));
        const end = await this.#stay(joined);
        if (this.#ending.signal.aborted) return;
        if (end === "lost") {
          await this.#events.lost();
          this.#membership.reset();
        } else {
          await this.#whileBeating(this.#events.revoking());
        }
      }
    } catch (error) {
      if (!this.#ending.signal.aborted) this.#events.failed(ProxyError.from(error));
    }
  }

  /** Beats until the group rebalances, or we are no member any more. */
  async #stay({ isLeader }: Joined): Promise<"rebalance" | "lost"> {
    const { signal } = this.#ending;
    let checkedMs = performance.now();
    let heardMs = checkedMs;
    for (;;) {
      await sleep(HEARTBEAT_MS, signal);
      if (signal.aborted) return "rebalance";
      const nowMs = performance.now();
      try {
        const state = await this.#membership.heartbeat();
        if (state !== "ok") return state;
        heardMs = nowMs;
      } catch (error) {
        if (!mayRetry(ProxyError.from(error))) throw error;
        if (performance.now() - heardMs > SESSION_TIMEOUT_MS) return "lost";
      }
      if (isLeader && nowMs - checkedMs > PARTITION_CHECK_MS) {
        checkedMs = nowMs;
        if (await this.#hasGrown()) return "rebalance";
      }
    }
  }

  /** Kafka counts a member as alive while it still commits what it had before a rebalance. */
  async #whileBeating(work: Promise<void>): Promise<void> {
    const timer = setInterval(() => {
      this.#membership.heartbeat().catch(() => {
        // The join that follows meets the same trouble.
      });
    }, HEARTBEAT_MS);
    try {
      await work;
    } finally {
      clearInterval(timer);
    }
  }

  async #hasGrown(): Promise<boolean> {
    try {
      const { leaders } = await this.#context.reader.topic(this.#topic);
      return this.#divided !== undefined && leaders.size !== this.#divided;
    } catch {
      return false; // a topic that is gone ends its readers through their cursors
    }
  }

  async #assign(protocol: string, members: readonly JoinedMember[]) {
    const subscribers = readSubscriptions(members);
    const topics = new Set(subscribers.flatMap(({ topics }) => topics));
    const partitions = new Map<string, number[]>();
    for (const topic of topics) {
      try {
        const { leaders } = await this.#context.reader.topic(topic, { fresh: true });
        partitions.set(topic, [...leaders.keys()]);
      } catch (error) {
        // Another member's topic may not exist (yet); ours has to.
        if (topic === this.#topic) throw error;
      }
    }
    this.#divided = partitions.get(this.#topic)?.length;
    return writeAssignments(ASSIGNORS[protocol](subscribers, partitions));
  }
}
