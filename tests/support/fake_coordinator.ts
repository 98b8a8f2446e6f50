import type { Buffer } from "node:buffer";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { type BrokerLink, Refused } from "../../src/kafka/broker_link.ts";
import type { GroupCoordinators } from "../../src/kafka/group_coordinators.ts";
import { kafkaError, unavailable } from "../../src/kafka/kafka_error.ts";

type State = "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable";

type Answer = Record<string, unknown>;

interface Protocol {
  readonly name: string;
  readonly metadata: Buffer;
}

interface FakeMemberState {
  readonly memberId: string;
  readonly clientId: string;
  protocols: readonly Protocol[];
  join: ((answer: Answer) => void) | undefined;
  sync: ((answer: Answer) => void) | undefined;
  assignment: Buffer | undefined;
}

interface FakeGroup {
  state: State;
  generation: number;
  leader: string;
  readonly pending: Set<string>;
  readonly members: Map<string, FakeMemberState>;
}

const UNKNOWN_MEMBER_ID = 25;
const ILLEGAL_GENERATION = 22;
const REBALANCE_IN_PROGRESS = 27;
const MEMBER_ID_REQUIRED = 79;

/** One request as it reached the coordinator. */
export interface SeenRequest {
  readonly api: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/**
 * Kafka's classic group protocol in memory, for one coordinator: members, generations, rebalances
 * that wait for all members, and commits that are fenced. Nothing in it waits for time; a test says
 * what fails, what is held back, and who is dead.
 */
export class FakeCoordinator {
  /** Every request, in order. */
  readonly requests: SeenRequest[] = [];
  /** Commits that were taken: `partition:offset`, in order. */
  readonly commits: string[] = [];
  /** Error codes for the next requests of an API, one each; 0 lets one pass. */
  readonly errors = new Map<string, number[]>();
  /** While set, an empty group's first rebalance does not end (Kafka's initial delay). */
  isDelayed = false;
  /** While set, no request is answered: all fail as if no broker were there. */
  isAway = false;
  /** Connections that are open for joins. */
  openLanes = 0;
  readonly #groups = new Map<string, FakeGroup>();
  readonly #held = new Map<string, Promise<void>>();
  #lastMember = 0;

  /** As what is under test wants it. */
  get coordinators(): GroupCoordinators {
    const link = this.#link("shared", () => {});
    const fake: Pick<GroupCoordinators, "ask" | "askOnce" | "together" | "own" | "forget"> = {
      ask: async (group, ask) => {
        try {
          return await ask(link);
        } catch (error) {
          if (error instanceof Refused) throw error.cause;
          throw unavailable(`Cannot reach the coordinator of group "${group}"`, error);
        }
      },
      askOnce: (_group, ask) => ask(link),
      together: (groups) => [[...groups]],
      own: (_group, clientId) => this.#lane(clientId),
      forget: () => {},
    };
    return fake as GroupCoordinators;
  }

  /** Requests of an API wait, before they are looked at, until the returned function is called. */
  hold(api: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(api, promise);
    return () => {
      this.#held.delete(api);
      resolve();
    };
  }

  /** Client ids of a group's members. */
  members(group: string): string[] {
    return [...this.#group(group).members.values()].map(({ clientId }) => clientId);
  }

  state(group: string): State {
    return this.#group(group).state;
  }

  generation(group: string): number {
    return this.#group(group).generation;
  }

  /** How many requests of an API there were. */
  count(api: string): number {
    return this.requests.filter((request) => request.api === api).length;
  }

  /** Ends a wait for the initial delay. */
  endDelay(group: string): void {
    this.isDelayed = false;
    this.#complete(this.#group(group));
  }

  /** A member that somebody else runs: it joins, and only joins again when told to. */
  async join(group: string, clientId: string): Promise<string> {
    const memberId = `${clientId}-${++this.#lastMember}`;
    const found = this.#group(group);
    found.pending.add(memberId);
    void this.#join(clientId, { groupId: group, memberId, groupProtocols: [] });
    await Promise.resolve();
    return memberId;
  }

  /** The members join again, all but these, who count as gone. */
  expel(group: string, memberId: string): void {
    this.#leave({ groupId: group, memberId });
  }

  /** A coordinator that has forgotten everything. */
  forget(group: string): void {
    this.#groups.delete(group);
  }

  #group(name: string): FakeGroup {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = {
        state: "Empty",
        generation: 0,
        leader: "",
        pending: new Set(),
        members: new Map(),
      };
      this.#groups.set(name, group);
    }
    return group;
  }

  #lane(clientId: string): Promise<BrokerLink> {
    if (this.isAway) return Promise.reject(new ProxyError("kafka_unavailable", "no broker"));
    this.openLanes++;
    return Promise.resolve(this.#link(clientId, () => this.openLanes--));
  }

  #link(clientId: string, onClose: () => void): BrokerLink {
    const closing = Promise.withResolvers<never>();
    closing.promise.catch(() => {
      // Nobody waits on this link.
    });
    let isClosed = false;
    const link: Pick<BrokerLink, "send" | "close" | "versions"> = {
      versions: () => undefined,
      send: async <T>(api: string, args: Record<string, unknown>, guard?: () => void) => {
        try {
          guard?.();
        } catch (error) {
          throw new Refused("refused", { cause: error });
        }
        return await Promise.race([this.#answer(clientId, api, args), closing.promise]) as T;
      },
      close: () => {
        if (isClosed) return;
        isClosed = true;
        onClose();
        closing.reject(new Error("the connection was closed"));
      },
    };
    return link as BrokerLink;
  }

  // deno-lint-ignore no-explicit-any
  async #answer(clientId: string, api: string, args: any): Promise<Answer> {
    this.requests.push({ api, args });
    await this.#held.get(api);
    if (this.isAway) throw new Error("no broker");
    const errorCode = this.errors.get(api)?.shift() ?? 0;
    if (errorCode !== 0) {
      if (api === "OffsetCommit") return commitAnswer(args, errorCode);
      if (api === "DescribeGroups") throw kafkaError(errorCode, "Cannot look");
      return { errorCode };
    }
    switch (api) {
      case "JoinGroup":
        return await this.#join(clientId, args);
      case "SyncGroup":
        return await this.#sync(args);
      case "Heartbeat":
        return { errorCode: this.#heartbeat(args) };
      case "LeaveGroup":
        return { errorCode: this.#leave(args) };
      case "DescribeGroups":
        return { groups: args.groupIds.map((group: string) => this.#describe(group)) };
      case "OffsetCommit":
        return this.#commit(args);
    }
    throw new Error(`The fake does not know ${api}`);
  }

  // deno-lint-ignore no-explicit-any
  #join(clientId: string, { groupId, memberId, groupProtocols }: any): Promise<Answer> {
    const group = this.#group(groupId);
    if (memberId === "") {
      const named = `${clientId}-${++this.#lastMember}`;
      group.pending.add(named);
      return Promise.resolve({ errorCode: MEMBER_ID_REQUIRED, memberId: named });
    }
    let member = group.members.get(memberId);
    if (member === undefined && !group.pending.delete(memberId)) {
      return Promise.resolve({ errorCode: UNKNOWN_MEMBER_ID, memberId: "" });
    }
    member ??= {
      memberId,
      clientId,
      protocols: [],
      join: undefined,
      sync: undefined,
      assignment: undefined,
    };
    member.protocols = groupProtocols;
    group.members.set(memberId, member);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    member.join = resolve;
    this.#prepare(group);
    return promise;
  }

  #prepare(group: FakeGroup): void {
    group.state = group.members.size === 0 ? "Empty" : "PreparingRebalance";
    for (const member of group.members.values()) {
      member.sync?.({ errorCode: REBALANCE_IN_PROGRESS, memberAssignment: null });
      member.sync = undefined;
    }
    this.#complete(group);
  }

  #complete(group: FakeGroup): void {
    const members = [...group.members.values()];
    if (group.state !== "PreparingRebalance" || members.some(({ join }) => join === undefined)) {
      return;
    }
    if (this.isDelayed && group.generation === 0) return;
    group.generation++;
    group.state = "CompletingRebalance";
    const isThere = members.some(({ memberId }) => memberId === group.leader);
    if (!isThere) group.leader = members[0].memberId;
    const [first] = members[0].protocols;
    for (const member of members) {
      const isLeader = member.memberId === group.leader;
      member.join!({
        errorCode: 0,
        generationId: group.generation,
        groupProtocol: first?.name ?? "",
        leaderId: group.leader,
        memberId: member.memberId,
        members: isLeader
          ? members.map(({ memberId, protocols }) => ({
            memberId,
            memberMetadata: protocols[0]?.metadata,
          }))
          : [],
      });
      member.join = undefined;
      member.assignment = undefined;
    }
  }

  // deno-lint-ignore no-explicit-any
  #sync({ groupId, generationId, memberId, groupAssignment }: any): Promise<Answer> {
    const group = this.#group(groupId);
    const member = group.members.get(memberId);
    if (member === undefined) return Promise.resolve({ errorCode: UNKNOWN_MEMBER_ID });
    if (generationId !== group.generation) {
      return Promise.resolve({ errorCode: ILLEGAL_GENERATION });
    }
    if (group.state === "PreparingRebalance") {
      return Promise.resolve({ errorCode: REBALANCE_IN_PROGRESS });
    }
    const { promise, resolve } = Promise.withResolvers<Answer>();
    member.sync = resolve;
    if (memberId === group.leader) {
      group.state = "Stable";
      for (const { memberId, memberAssignment } of groupAssignment) {
        group.members.get(memberId)!.assignment = memberAssignment;
      }
    }
    if (group.state === "Stable") {
      for (const one of group.members.values()) {
        one.sync?.({ errorCode: 0, memberAssignment: one.assignment ?? null });
        one.sync = undefined;
      }
    }
    return promise;
  }

  // deno-lint-ignore no-explicit-any
  #heartbeat({ groupId, groupGenerationId, memberId }: any): number {
    const group = this.#group(groupId);
    if (!group.members.has(memberId)) return UNKNOWN_MEMBER_ID;
    if (groupGenerationId !== group.generation) return ILLEGAL_GENERATION;
    return group.state === "PreparingRebalance" ? REBALANCE_IN_PROGRESS : 0;
  }

  // deno-lint-ignore no-explicit-any
  #leave({ groupId, memberId }: any): number {
    const group = this.#group(groupId);
    group.pending.delete(memberId);
    const member = group.members.get(memberId);
    if (member === undefined) return UNKNOWN_MEMBER_ID;
    group.members.delete(memberId);
    member.join?.({ errorCode: UNKNOWN_MEMBER_ID, memberId: "" });
    member.sync?.({ errorCode: UNKNOWN_MEMBER_ID, memberAssignment: null });
    this.#prepare(group);
    return 0;
  }

  #describe(groupId: string) {
    const group = this.#groups.get(groupId);
    if (group === undefined) return { errorCode: 0, groupId, state: "Dead", members: [] };
    const members = [...group.members.values()].map(({ memberId, clientId }) => ({
      memberId,
      clientId,
      clientHost: "/127.0.0.1",
    }));
    return { errorCode: 0, groupId, state: group.state, members };
  }

  // deno-lint-ignore no-explicit-any
  #commit(args: any): Answer {
    const { groupId, groupGenerationId, memberId, topics } = args;
    const group = this.#group(groupId);
    const isStandalone = groupGenerationId === -1 && group.members.size === 0;
    if (!isStandalone) {
      if (!group.members.has(memberId)) return commitAnswer(args, UNKNOWN_MEMBER_ID);
      if (groupGenerationId !== group.generation) return commitAnswer(args, ILLEGAL_GENERATION);
    }
    for (const { partitions } of topics) {
      for (const { partition, offset } of partitions) this.commits.push(`${partition}:${offset}`);
    }
    return commitAnswer(args, 0);
  }
}

// deno-lint-ignore no-explicit-any
function commitAnswer({ topics }: any, errorCode: number): Answer {
  return {
    // deno-lint-ignore no-explicit-any
    responses: topics.map(({ topic, partitions }: any) => ({
      topic,
      // deno-lint-ignore no-explicit-any
      partitions: partitions.map(({ partition }: any) => ({ partition, errorCode })),
    })),
  };
}
