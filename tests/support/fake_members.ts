import type { GroupMember, GroupMemberEvents, GroupMembers } from "../../src/core/ports.ts";
import type { ProxyError } from "../../src/core/proxy_error.ts";

/** A member of a balanced group to which a test says what the group decides. */
export class FakeMember implements GroupMember {
  readonly group: string;
  readonly topics: readonly string[];
  readonly events: GroupMemberEvents;
  readonly commits: ReadonlyMap<number, bigint>[] = [];
  /** What the next commits are answered, one each. */
  readonly failures: ProxyError[] = [];
  hasLeft = false;

  constructor(group: string, topics: readonly string[], events: GroupMemberEvents) {
    this.group = group;
    this.topics = topics;
    this.events = events;
  }

  commit(_topic: string, next: ReadonlyMap<number, bigint>): Promise<void> {
    const failure = this.failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    this.commits.push(new Map(next));
    return Promise.resolve();
  }

  leave(): Promise<void> {
    this.hasLeft = true;
    return Promise.resolve();
  }
}

/** Groups that a test plays. */
export class FakeMembers implements GroupMembers {
  readonly joined: FakeMember[] = [];

  join(group: string, topics: readonly string[], events: GroupMemberEvents): GroupMember {
    const member = new FakeMember(group, topics, events);
    this.joined.push(member);
    return member;
  }
}
