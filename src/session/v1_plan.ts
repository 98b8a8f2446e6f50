import type { GroupPositions, LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import type { V1Request } from "../protocol/v1_request.ts";
import { startOffsets } from "./start_offsets.ts";

/** A v1 request that Kafka can serve, checked against it. */
export interface V1Plan {
  readonly request: V1Request;
  readonly partitions: readonly number[];
  /** Where to start; undefined where the group's committed position decides. */
  readonly starts: ReadonlyMap<number, bigint> | undefined;
}

/**
 * Checks a request against Kafka, before the upgrade: topic, partitions, start, and that the group
 * has no live members. What another client may still change, its committed position, is read later.
 *
 * @throws {ProxyError} `unknown_topic`, `unknown_partition`, `out_of_range`, `group_in_use`,
 * `kafka_unavailable`, `forbidden`
 */
export async function planV1(
  request: V1Request,
  { reader, groups }: { reader: LogReader; groups: GroupPositions },
): Promise<V1Plan> {
  const { topic, group, isolation, start } = request;
  const { leaders } = await reader.topic(topic);
  const partitions = request.partitions === "all" ? [...leaders.keys()] : request.partitions;
  for (const partition of partitions) {
    if (leaders.has(partition)) continue;
    throw new ProxyError(
      "unknown_partition",
      `Cannot read "${topic}" partition ${partition}: it has ${leaders.size} partitions, ` +
        `0 to ${leaders.size - 1}`,
      { details: { partitions: leaders.size } },
    );
  }
  const target = { topic, partitions, isolation };
  if (group === undefined) {
    const starts = await startOffsets(target, start ?? { kind: "latest" }, reader);
    return { request, partitions, starts };
  }
  if (request.partitions === "all") return { request, partitions, starts: undefined };
  const [members, starts] = await Promise.all([
    groups.members(group),
    start === undefined ? undefined : startOffsets(target, start, reader),
  ]);
  if (members.length > 0) {
    throw new ProxyError(
      "group_in_use",
      `Cannot pin a partition for group "${group}": it has ${members.length} live members ` +
        `(${members.slice(0, 3).join(", ")})`,
    );
  }
  return { request, partitions, starts };
}
