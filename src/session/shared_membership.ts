import type { GroupMember, GroupMemberEvents, GroupMembers } from "../core/ports.ts";

/**
 * One membership for all topics of a subscription: each topic joins for itself, and is told of what
 * becomes of its partitions; Kafka sees one member, when all have joined.
 */
export class SharedMembership implements GroupMembers {
  readonly #members: GroupMembers;
  readonly #topics: readonly string[];
  readonly #joined: GroupMemberEvents[] = [];
  #member: GroupMember | undefined;
  #leaving: Promise<void> | undefined;

  constructor(members: GroupMembers, topics: readonly string[]) {
    this.#members = members;
    this.#topics = topics;
  }

  join(group: string, _topics: readonly string[], events: GroupMemberEvents): GroupMember {
    const joined = this.#joined;
    joined.push(events);
    if (joined.length === this.#topics.length) {
      const all = (tell: (events: GroupMemberEvents) => Promise<void>) =>
        Promise.all(joined.map(tell)).then(() => {});
      this.#member = this.#members.join(group, this.#topics, {
        assigned: (partitions) => all((events) => events.assigned(partitions)),
        revoking: () => all((events) => events.revoking()),
        lost: () => all((events) => events.lost()),
        failed: (error) => joined[0].failed(error),
      });
    }
    return {
      commit: async (topic, next) => await this.#member?.commit(topic, next),
      leave: () => this.#leaving ??= this.#member?.leave() ?? Promise.resolve(),
    };
  }
}
