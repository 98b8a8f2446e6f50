import type { BrokerLink } from "./broker_link.ts";
import { checkGroupError, type GroupCoordinators } from "./group_coordinators.ts";

/** GROUP_ID_NOT_FOUND, from brokers that say so instead of describing a dead group. */
const GROUP_NOT_FOUND = 69;

/** Groups in one request: its answer is read in one go, and nothing else happens meanwhile. */
const MOST_GROUPS = 100;

/** A live member of a group, as its coordinator shows it in every state of the group. */
export interface MemberInfo {
  readonly memberId: string;
  readonly clientId: string;
  readonly clientHost: string;
}

/** A group as its coordinator shows it now; an unused one is `Dead` and has no members. */
export interface GroupLook {
  /** For example `Stable`, `PreparingRebalance`, `Empty` (Kafka's `ClassicGroupState`). */
  readonly state: string;
  readonly members: readonly MemberInfo[];
}

interface DescribedGroup extends GroupLook {
  readonly errorCode: number;
  readonly groupId: string;
}

type Pending = Map<string, PromiseWithResolvers<GroupLook>>;

const DEAD: GroupLook = { state: "Dead", members: [] };

/**
 * Looks at groups. All that are asked for in the same turn of the event loop are looked at with one
 * request to each coordinator: two hundred idle leases cost a broker two requests a second.
 */
export class GroupLooks {
  readonly #coordinators: GroupCoordinators;
  #pending: Pending = new Map();

  constructor(coordinators: GroupCoordinators) {
    this.#coordinators = coordinators;
  }

  /**
   * A group as it is now.
   *
   * @throws {ProxyError} `kafka_unavailable`, `forbidden`
   */
  look(group: string): Promise<GroupLook> {
    let waiting = this.#pending.get(group);
    if (waiting === undefined) {
      if (this.#pending.size === 0) queueMicrotask(() => this.#lookAtAll());
      this.#pending.set(group, waiting = Promise.withResolvers());
    }
    return waiting.promise;
  }

  #lookAtAll(): void {
    const pending = this.#pending;
    this.#pending = new Map();
    // Each coordinator by itself: one that does not answer holds up no group of another.
    for (const groups of this.#coordinators.together([...pending.keys()])) {
      for (let from = 0; from < groups.length; from += MOST_GROUPS) {
        void this.#lookAt(groups.slice(from, from + MOST_GROUPS), pending);
      }
    }
  }

  async #lookAt(groups: readonly string[], pending: Pending): Promise<void> {
    const found = groups.length === 1 ? new Map() : await this.#lookTogether(groups);
    for (const group of groups) {
      const { resolve, reject } = pending.get(group)!;
      const look = found.get(group);
      if (look !== undefined) resolve(look);
      else this.#lookAtOne(group).then(resolve, reject);
    }
  }

  /** Those of the groups that the coordinator of the first one has; none when it does not answer. */
  async #lookTogether(groups: readonly string[]): Promise<Map<string, GroupLook>> {
    const found = new Map<string, GroupLook>();
    try {
      const described = await this.#coordinators.askOnce(
        groups[0],
        (link) => describe(link, groups),
      );
      for (const group of described) {
        if (group.errorCode === 0) found.set(group.groupId, group);
        else if (group.errorCode === GROUP_NOT_FOUND) found.set(group.groupId, DEAD);
      }
    } catch {
      // Each one is asked about by itself then, which finds a coordinator that has moved.
    }
    return found;
  }

  /** For a group alone, and for one whose coordinator is not where it was. */
  #lookAtOne(group: string): Promise<GroupLook> {
    return this.#coordinators.ask(group, async (link) => {
      const [described] = await describe(link, [group]);
      if (described.errorCode === GROUP_NOT_FOUND) return DEAD;
      checkGroupError(described.errorCode, `Cannot look at group "${group}"`);
      return described;
    });
  }
}

async function describe(
  link: BrokerLink,
  groupIds: readonly string[],
): Promise<readonly DescribedGroup[]> {
  const answer = await link.send<{ groups: readonly DescribedGroup[] }>("DescribeGroups", {
    groupIds,
  });
  return answer.groups;
}
