import type { GroupPositions, Isolation, LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { type OnRange, resolveStarts, type Starts, type TopicStart } from "./start_offsets.ts";

/** What a client wants of one topic. */
export interface TopicRequest {
  readonly topic: string;
  /** Absent: a reader. */
  readonly group: string | undefined;
  readonly partitions: readonly number[] | "all";
  readonly isolation: Isolation;
  /** Absent: a group goes on where it committed, a reader begins at the end. */
  readonly start: TopicStart | undefined;
  /** What to do about a start that does not exist. */
  readonly onRange?: OnRange;
}

/** A {@linkcode TopicRequest} that Kafka can serve, checked against it. */
export interface TopicPlan extends Omit<TopicRequest, "partitions"> {
  readonly partitions: readonly number[];
  /** Of the topic the plan is of, where brokers have ids. */
  readonly topicId: string | undefined;
  /** All were asked for: in a group they are shared with its other members. */
  readonly isAll: boolean;
  /** Where to start; partitions that are not in it go on where the group has committed. */
  readonly starts: Starts;
}

const NOWHERE: Starts = { offsets: new Map(), gaps: [] };

/**
 * Checks a request against Kafka: topic, partitions, start, and that the group has no live members
 * where partitions are pinned. What another client may still change, its committed position, is read
 * later.
 *
 * @throws {ProxyError} `unknown_topic`, `unknown_partition`, `out_of_range`, `group_in_use`,
 * `kafka_unavailable`, `forbidden`
 */
export async function planTopic(
  request: TopicRequest,
  { reader, groups }: { reader: LogReader; groups: GroupPositions },
): Promise<TopicPlan> {
  const { topic, group, isolation, start, onRange } = request;
  const wanted = request.partitions;
  const isAll = wanted === "all";
  let { leaders, topicId } = await reader.topic(topic);
  if (!isAll && !wanted.every((partition) => leaders.has(partition))) {
    // It may have been added since anybody looked.
    ({ leaders, topicId } = await reader.topic(topic, { fresh: true }));
  }
  const partitions = isAll ? [...leaders.keys()] : wanted;
  for (const partition of partitions) {
    if (leaders.has(partition)) continue;
    throw new ProxyError(
      "unknown_partition",
      `Cannot read "${topic}" partition ${partition}: it has ${leaders.size} partitions, ` +
        `0 to ${leaders.size - 1}`,
      { details: { partitions: leaders.size } },
    );
  }
  const resolve = (wanted: TopicStart) =>
    resolveStarts({ topic, partitions, isolation }, wanted, reader, onRange);
  if (group === undefined) {
    const starts = await resolve(start ?? { kind: "latest" });
    const rest = partitions.filter((partition) => !starts.offsets.has(partition));
    const ends = rest.length === 0 ? [] : await reader.offsets(topic, rest, "latest", isolation);
    return {
      ...request,
      topicId,
      partitions,
      isAll,
      starts: { ...starts, offsets: new Map([...starts.offsets, ...ends]) },
    };
  }
  if (isAll) return { ...request, topicId, partitions, isAll, starts: NOWHERE };
  const [members, starts] = await Promise.all([
    groups.members(group),
    start === undefined ? NOWHERE : resolve(start),
  ]);
  if (members.length > 0) {
    throw new ProxyError(
      "group_in_use",
      `Cannot pin a partition for group "${group}": it has ${members.length} live members ` +
        `(${members.slice(0, 3).join(", ")})`,
    );
  }
  return { ...request, topicId, partitions, isAll, starts };
}
