import { Buffer } from "node:buffer";
import { ProxyError } from "../core/proxy_error.ts";
import { Backoff } from "../stream/backoff.ts";
import { Moment } from "../stream/moment.ts";
import { sleep } from "../stream/sleep.ts";
import type { BrokerLink } from "./broker_link.ts";
import { checkGroupError, type GroupCoordinators } from "./group_coordinators.ts";
import type { GroupLook } from "./group_looks.ts";
import { errorName, mayRetry, unavailable } from "./kafka_error.ts";

/** What a member tells its group about itself. */
export interface MembershipOptions {
  readonly group: string;
  /** Shown to whoever describes the group. */
  readonly clientId: string;
  /** The coordinator takes a member out that has sent no heartbeat for so long. */
  readonly sessionTimeoutMs: number;
  /** How long a rebalance waits for members to come back. */
  readonly rebalanceTimeoutMs: number;
  /** Assignors by preference, with what this member has to say to each. */
  readonly protocols: readonly { readonly name: string; readonly metadata: Buffer }[];
}

/** A member as the group's leader sees it. */
export interface JoinedMember {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

/** The outcome of a rebalance for one member. */
export interface Joined {
  readonly generation: number;
  /** Who we are in that generation. */
  readonly memberId: string;
  readonly isLeader: boolean;
  /** Bytes of the assignment; empty for none. */
  readonly assignment: Buffer;
}

/** Divides a topic's partitions: bytes for each member, asked of the leader only. */
export type Assign = (
  protocol: string,
  members: readonly JoinedMember[],
) => Promise<{ memberId: string; memberAssignment: Buffer }[]>;

interface JoinAnswer {
  readonly errorCode: number;
  readonly generationId: number;
  readonly groupProtocol: string;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly JoinedMember[];
}

/** A member is heard of so often; it is missed after its session time-out, several times that. */
const HEARTBEAT_MS = 3_000;

const UNKNOWN_MEMBER = new Set([22, 25, 82]); // ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID
const REBALANCING = 27;
const MEMBER_ID_REQUIRED = 79;

/** Errors of a join that trying again cannot mend. */
const JOIN_REFUSED: Readonly<Record<number, string>> = {
  23: "its members have no assignor in common with us",
  26: "the broker does not allow our session time-out",
  81: "it has as many members as the broker allows",
};

/**
 * One membership in one group, by Kafka's classic protocol (JoinGroup, SyncGroup, Heartbeat,
 * LeaveGroup): only its steps, who takes them decides when.
 *
 * KafkaJS's consumer is not used: it brings two connections, a fetch loop and timers with each
 * membership, does not wait for anybody before it joins again, and forgets positions when it does.
 * A join is held back by the broker, so it has a connection of its own for as long as it takes.
 */
export class Membership {
  readonly #coordinators: GroupCoordinators;
  readonly #options: MembershipOptions;
  #memberId = "";
  #generation = -1;
  /** The coordinator has heard of us since then. */
  #heard = new Moment();
  #lane: BrokerLink | undefined;
  /** The broker holds a join back: it knows us, and cutting the connection ends the wait. */
  #isHeld = false;
  #joining: Promise<unknown> | undefined;
  readonly #leaving = new AbortController();

  constructor(coordinators: GroupCoordinators, options: MembershipOptions) {
    this.#coordinators = coordinators;
    this.#options = options;
  }

  /** What whoever describes the group sees of us. */
  get clientId(): string {
    return this.#options.clientId;
  }

  /**
   * Joins, or joins again, and waits for the rebalance to end.
   *
   * @throws {ProxyError} `group_in_use` when the group does not take us, `forbidden`, `leaving`
   * after {@linkcode leave}
   */
  join(assign: Assign): Promise<Joined> {
    const joining = this.#join(assign);
    this.#joining = joining.catch(() => {});
    return joining;
  }

  /** Whether a look at the group says that all is well, and no heartbeat is due. */
  isSettled({ state, members }: GroupLook): boolean {
    return state === "Stable" && this.#heard.ageMs < HEARTBEAT_MS &&
      members.some(({ memberId }) => memberId === this.#memberId);
  }

  /**
   * How we stand in the group, by a look at it or, where that leaves it open, a heartbeat.
   * `rebalance`: the group waits for us to join again; `lost`: we are no member any more.
   *
   * @throws {ProxyError} `kafka_unavailable` when nobody could be told
   */
  async stay(look: GroupLook): Promise<"ok" | "rebalance" | "lost"> {
    return this.isSettled(look) ? "ok" : await this.heartbeat();
  }

  /** Says that we are alive; otherwise like {@linkcode stay}. */
  async heartbeat(): Promise<"ok" | "rebalance" | "lost"> {
    const { group } = this.#options;
    const sent = new Moment();
    const errorCode = await this.#coordinators.ask(group, async (link) => {
      const answer = await link.send<{ errorCode: number }>("Heartbeat", {
        groupId: group,
        groupGenerationId: this.#generation,
        memberId: this.#memberId,
      });
      const { errorCode } = answer;
      if (errorCode === REBALANCING || UNKNOWN_MEMBER.has(errorCode)) return errorCode;
      checkGroupError(errorCode, `Cannot stay in group "${group}"`);
      return 0;
    });
    if (UNKNOWN_MEMBER.has(errorCode)) return "lost";
    this.#heard = sent;
    return errorCode === REBALANCING ? "rebalance" : "ok";
  }

  /** Forgets who we were; the next join is a newcomer's. */
  reset(): void {
    this.#memberId = "";
    this.#generation = -1;
  }

  /** Leaves the group, in the middle of a join too; nothing of ours stays there. Never rejects. */
  async leave(): Promise<void> {
    this.#leaving.abort();
    if (this.#isHeld) this.#lane?.close();
    await this.#joining;
    this.#lane?.close();
    if (this.#memberId === "") return;
    const memberId = this.#memberId;
    this.reset();
    try {
      await takeOut(this.#coordinators, this.#options.group, memberId);
    } catch {
      // Kafka is away; it takes us out by itself after the session time-out.
    }
  }

  async #join(assign: Assign): Promise<Joined> {
    const { group } = this.#options;
    const backoff = new Backoff(50, 1_000);
    for (;;) {
      if (this.#leaving.signal.aborted) throw this.#left();
      try {
        const joined = await this.#joinOnce(assign);
        if (joined !== undefined) return joined;
        backoff.reset();
      } catch (error) {
        this.#coordinators.forget(group);
        const known = unavailable(`Cannot join group "${group}"`, error);
        if (!mayRetry(known)) throw known;
        await sleep(backoff.next(), this.#leaving.signal);
      }
    }
  }

  /** One round; undefined asks for another one at once. */
  async #joinOnce(assign: Assign): Promise<Joined | undefined> {
    const { group, clientId } = this.#options;
    const lane = this.#lane = await this.#coordinators.own(group, clientId);
    try {
      let answer = await this.#sendJoin(lane);
      if (answer.errorCode === MEMBER_ID_REQUIRED) {
        this.#memberId = answer.memberId;
        answer = await this.#sendJoin(lane);
      }
      if (UNKNOWN_MEMBER.has(answer.errorCode)) {
        this.reset();
        return undefined;
      }
      const refused = JOIN_REFUSED[answer.errorCode];
      if (refused !== undefined) {
        throw new ProxyError("group_in_use", `Cannot join group "${group}": ${refused}`);
      }
      checkGroupError(answer.errorCode, `Cannot join group "${group}"`);
      this.#memberId = answer.memberId;
      this.#generation = answer.generationId;
      return await this.#sync(lane, answer, assign);
    } finally {
      this.#lane = undefined;
      lane.close();
    }
  }

  async #sendJoin(lane: BrokerLink): Promise<JoinAnswer> {
    const { group, sessionTimeoutMs, rebalanceTimeoutMs, protocols } = this.#options;
    const args = {
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      memberId: this.#memberId,
      protocolType: "consumer",
      groupProtocols: protocols,
    };
    // A newcomer is answered at once, with its name; without that nobody could take it out again.
    if (this.#memberId === "") return await lane.send<JoinAnswer>("JoinGroup", args);
    return await this.#held<JoinAnswer>(lane, "JoinGroup", args);
  }

  /** Sends what the broker may hold back; not once we are leaving, which would wait for it. */
  async #held<T>(lane: BrokerLink, api: string, args: Record<string, unknown>): Promise<T> {
    if (this.#leaving.signal.aborted) throw this.#left();
    this.#isHeld = true;
    try {
      return await lane.send<T>(api, args);
    } finally {
      this.#isHeld = false;
    }
  }

  #left(): ProxyError {
    return new ProxyError("leaving", `Group "${this.#options.group}" is being left`);
  }

  async #sync(lane: BrokerLink, answer: JoinAnswer, assign: Assign): Promise<Joined | undefined> {
    const { group } = this.#options;
    const isLeader = answer.leaderId === answer.memberId;
    const groupAssignment = isLeader ? await assign(answer.groupProtocol, answer.members) : [];
    const { generationId: generation, memberId } = answer;
    const sent = new Moment();
    const synced = await this.#held<{ errorCode: number; memberAssignment: Buffer | null }>(
      lane,
      "SyncGroup",
      { groupId: group, generationId: generation, memberId, groupAssignment },
    );
    if (synced.errorCode === REBALANCING) return undefined;
    if (UNKNOWN_MEMBER.has(synced.errorCode)) {
      this.reset();
      return undefined;
    }
    checkGroupError(synced.errorCode, `Cannot join group "${group}"`);
    this.#heard = sent;
    const assignment = synced.memberAssignment ?? Buffer.alloc(0);
    return { generation, memberId, isLeader, assignment };
  }
}

/** Takes a member out of its group, ourselves or one that is dead. */
export async function takeOut(
  coordinators: GroupCoordinators,
  group: string,
  memberId: string,
): Promise<void> {
  await coordinators.ask(group, async (link) => {
    const { errorCode } = await link.send<{ errorCode: number }>("LeaveGroup", {
      groupId: group,
      memberId,
    });
    if (UNKNOWN_MEMBER.has(errorCode)) return;
    checkGroupError(errorCode, `Cannot leave group "${group}" (${errorName(errorCode)})`);
  });
}
