import type { GroupMember, GroupMemberEvents, GroupMembers, LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { Moment } from "../stream/moment.ts";
import { sleep } from "../stream/sleep.ts";
import { Ticker } from "../stream/ticker.ts";
import {
  ASSIGNORS,
  readAssignment,
  readSubscriptions,
  subscription,
  writeAssignments,
} from "./assignors.ts";
import type { GroupCoordinators } from "./group_coordinators.ts";
import type { GroupLooks } from "./group_looks.ts";
import { commitOffsets } from "./group_positions.ts";
import { mayRetry } from "./kafka_error.ts";
import { type Joined, type JoinedMember, Membership } from "./membership.ts";

/** Members look so often whether the group rebalances; Kafka waits for all before it goes on. */
const LOOK_MS = 1_000;

/** The looks of all members of this process: they look at their groups together. */
const LOOKS = new Ticker(LOOK_MS);

/** A member that has died holds its partitions for so long. */
const SESSION_TIMEOUT_MS = 10_000;
/**
 * A rebalance waits so long for members to come back; ours take a second. It is also how long a join
 * may go unanswered (and 5 s more), and so what a connection that died without a word costs.
 */
const REBALANCE_TIMEOUT_MS = 10_000;

/** The leader looks for new partitions so often, in ms. */
const PARTITION_CHECK_MS = 5_000;

/** Joins balanced groups, each member with its own place in the group. */
export class KafkaGroupMembers implements GroupMembers {
  readonly #context: MemberContext;

  constructor(context: MemberContext) {
    this.#context = context;
  }

  join(group: string, topics: readonly string[], events: GroupMemberEvents): GroupMember {
    const member = new BalancedMember(group, topics, events, this.#context);
    member.start();
    return member;
  }
}

/** What members are made with. */
export interface MemberContext {
  readonly coordinators: GroupCoordinators;
  readonly looks: GroupLooks;
  readonly reader: Pick<LogReader, "topic">;
  readonly clientId: string;
}

/**
 * One member of a balanced group, for its topics: joins, beats, joins again at each rebalance, and
 * waits for its session at every step. Eager rebalances: all partitions are given up before a join,
 * which is what the assignors that all Kafka clients share require.
 */
class BalancedMember implements GroupMember {
  readonly #group: string;
  readonly #topics: readonly string[];
  readonly #events: GroupMemberEvents;
  readonly #context: MemberContext;
  readonly #membership: Membership;
  readonly #ending = new AbortController();
  /** The assignment we have; commits for one that is over are refused by Kafka. */
  #joined: Joined | undefined;
  /** Partitions by topic as we, the leader, divided them; 0 of a topic that was not there. */
  #divided = new Map<string, number>();
  #finished: Promise<void> = Promise.resolve();

  constructor(
    group: string,
    topics: readonly string[],
    events: GroupMemberEvents,
    context: MemberContext,
  ) {
    this.#group = group;
    this.#topics = topics;
    this.#events = events;
    this.#context = context;
    const metadata = subscription(topics);
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
    if (this.#joined === undefined) {
      throw new ProxyError("group_in_use", `Group "${this.#group}" gave its partitions to others`);
    }
    await commitOffsets(this.#context.coordinators, this.#group, topic, next, this.#joined);
  }

  async leave(): Promise<void> {
    this.#ending.abort();
    await this.#membership.leave();
    await this.#finished;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    try {
      while (!signal.aborted) {
        const joined = await this.#membership.join((protocol, members) =>
          this.#assign(protocol, members)
        );
        if (signal.aborted) return;
        if (this.#joined !== undefined && !isNext(this.#joined, joined)) await this.#events.lost();
        this.#joined = joined;
        const end = await this.#begin(joined) ?? await this.#stay(joined);
        if (signal.aborted) return;
        if (end === "lost") {
          this.#joined = undefined;
          await this.#events.lost();
        } else {
          await this.#whileBeating(this.#events.revoking());
        }
      }
    } catch (error) {
      if (!signal.aborted) this.#events.failed(ProxyError.from(error));
    }
  }

  /**
   * Has the session begin with what we were assigned; `lost` when Kafka was away meanwhile, so that
   * its positions could not be read: then we join again, as one whose time was over.
   */
  async #begin({ assignment }: Joined): Promise<"lost" | undefined> {
    try {
      await this.#whileBeating(this.#events.assigned(readAssignment(assignment, this.#topics)));
      return undefined;
    } catch (error) {
      if (!mayRetry(ProxyError.from(error))) throw error;
      await sleep(LOOK_MS, this.#ending.signal);
      return "lost";
    }
  }

  /** Beats until the group rebalances, or we are no member any more. */
  async #stay({ isLeader }: Joined): Promise<"rebalance" | "lost"> {
    const { signal } = this.#ending;
    let checked = new Moment();
    let heard = checked;
    for (;;) {
      await LOOKS.next(signal);
      if (signal.aborted) return "rebalance";
      const sent = new Moment();
      const state = await this.#look(SESSION_TIMEOUT_MS - heard.ageMs);
      if (state === "rebalance" || state === "lost") return state;
      if (state === "ok") heard = sent;
      else if (heard.ageMs >= SESSION_TIMEOUT_MS) return "lost";
      if (isLeader && checked.ageMs > PARTITION_CHECK_MS) {
        checked = new Moment();
        if (await this.#hasChanged()) return "rebalance";
      }
    }
  }

  /** Looks once; `unheard` when there was no answer within the time that is left. */
  async #look(leftMs: number): Promise<"ok" | "rebalance" | "lost" | "unheard"> {
    const late = new AbortController();
    const looking = this.#lookOnce().catch((error) => {
      if (!mayRetry(ProxyError.from(error))) throw error;
      return "unheard" as const;
    });
    try {
      return await Promise.race([
        looking,
        sleep(Math.max(leftMs, 0), late.signal).then(() => "unheard" as const),
      ]);
    } finally {
      late.abort();
    }
  }

  async #lookOnce(): Promise<"ok" | "rebalance" | "lost"> {
    return await this.#membership.stay(await this.#context.looks.look(this.#group));
  }

  /** Kafka counts a member as alive while it still commits what it had before a rebalance. */
  async #whileBeating(work: Promise<void>): Promise<void> {
    const timer = setInterval(() => {
      this.#membership.heartbeat().catch(() => {
        // The join that follows meets the same trouble.
      });
    }, LOOK_MS);
    try {
      await work;
    } finally {
      clearInterval(timer);
    }
  }

  /** Whether a topic of the group has other partitions than were divided, as far as we can see. */
  async #hasChanged(): Promise<boolean> {
    const now = await this.#partitions([...this.#divided.keys()], false);
    return [...this.#divided].some(([topic, count]) => {
      const found = now.get(topic)?.length;
      return found !== undefined && found !== count;
    });
  }

  async #assign(protocol: string, members: readonly JoinedMember[]) {
    const subscribers = readSubscriptions(members);
    const topics = [...new Set(subscribers.flatMap(({ topics }) => topics))];
    // Another member's topic may not exist (yet); ours have to.
    const others = topics.filter((topic) => !this.#topics.includes(topic));
    const partitions = new Map([
      ...await this.#ownPartitions(),
      ...await this.#partitions(others, true),
    ]);
    this.#divided = new Map(topics.map((topic) => [topic, partitions.get(topic)?.length ?? 0]));
    return writeAssignments(ASSIGNORS[protocol](subscribers, partitions));
  }

  async #ownPartitions(): Promise<Map<string, number[]>> {
    const { reader } = this.#context;
    const own = await Promise.all(
      this.#topics.map((topic) => reader.topic(topic, { fresh: true })),
    );
    return new Map(own.map(({ topic, leaders }) => [topic, [...leaders.keys()]]));
  }

  /** Those of the topics that can be looked up. */
  async #partitions(topics: readonly string[], fresh: boolean): Promise<Map<string, number[]>> {
    const { reader } = this.#context;
    const looks = await Promise.allSettled(topics.map((topic) => reader.topic(topic, { fresh })));
    const found = looks.filter((look) => look.status === "fulfilled").map(({ value }) => value);
    return new Map(found.map(({ topic, leaders }) => [topic, [...leaders.keys()]]));
  }
}

/**
 * Whether a generation is the same or followed right on the other: if not, one that did not have us
 * may have given our partitions to others and taken them back.
 */
function isNext(one: Joined, next: Joined): boolean {
  const generations = next.generation - one.generation;
  return next.memberId === one.memberId && (generations === 0 || generations === 1);
}
