import type {
  GroupMember,
  GroupMemberEvents,
  GroupMembers,
  GroupPositions,
} from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { BoundedNames } from "./bounded_names.ts";
import type { CommittedOffsets } from "./committed_offsets.ts";
import { metered } from "./metered.ts";
import type { Metrics } from "./metrics.ts";

/** What commits are counted with. */
export interface GroupMeters {
  readonly metrics: Metrics;
  readonly groups: BoundedNames;
  /** Told every position that was read or written. */
  readonly committed: CommittedOffsets;
}

/** Committed positions, with commits counted and what is committed remembered. */
export class MeteredGroupPositions implements GroupPositions {
  readonly #positions: GroupPositions;
  readonly #meters: GroupMeters;

  constructor(positions: GroupPositions, meters: GroupMeters) {
    this.#positions = positions;
    this.#meters = meters;
  }

  members(group: string): Promise<string[]> {
    return metered(this.#meters.metrics, "describe", () => this.#positions.members(group));
  }

  async committed(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, bigint>> {
    const { metrics, committed } = this.#meters;
    const read = () => this.#positions.committed(group, topic, partitions);
    const found = await metered(metrics, "committed", read);
    committed.put(group, topic, found);
    return found;
  }

  commit(
    group: string,
    topic: string,
    next: ReadonlyMap<number, bigint>,
    guard?: () => void,
  ): Promise<void> {
    const commit = () => this.#positions.commit(group, topic, next, guard);
    return meteredCommit(this.#meters, group, topic, next, commit);
  }
}

/** Members of balanced groups, with assignments and commits counted. */
export class MeteredGroupMembers implements GroupMembers {
  readonly #members: GroupMembers;
  readonly #meters: GroupMeters;

  constructor(members: GroupMembers, meters: GroupMeters) {
    this.#members = members;
    this.#meters = meters;
  }

  join(group: string, topics: readonly string[], events: GroupMemberEvents): GroupMember {
    const { metrics, groups } = this.#meters;
    const member = this.#members.join(group, topics, {
      assigned: (partitions) => {
        metrics.add("kafka_proxy_rebalances_total", { group: groups.label(group) });
        return events.assigned(partitions);
      },
      revoking: () => events.revoking(),
      lost: () => events.lost(),
      failed: (error) => events.failed(error),
    });
    return {
      commit: (topic, next) =>
        meteredCommit(this.#meters, group, topic, next, () => member.commit(topic, next)),
      leave: () => member.leave(),
    };
  }
}

async function meteredCommit(
  { metrics, committed }: GroupMeters,
  group: string,
  topic: string,
  next: ReadonlyMap<number, bigint>,
  commit: () => Promise<void>,
): Promise<void> {
  const startMs = performance.now();
  try {
    await commit();
  } catch (error) {
    metrics.add("kafka_proxy_commits_total", { outcome: ProxyError.from(error).code });
    throw error;
  }
  metrics.add("kafka_proxy_commits_total", { outcome: "ok" });
  const seconds = (performance.now() - startMs) / 1_000;
  metrics.observe("kafka_proxy_commit_duration_seconds", seconds);
  committed.put(group, topic, next);
}
