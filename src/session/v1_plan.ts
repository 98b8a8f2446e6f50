import type { GroupPositions, LogReader } from "../core/ports.ts";
import type { V1Request } from "../protocol/v1_request.ts";
import { planTopic, type TopicPlan } from "./topic_plan.ts";

/** A v1 request that Kafka can serve, checked against it. */
export interface V1Plan extends TopicPlan {
  readonly request: V1Request;
}

/**
 * Checks a request against Kafka, before the upgrade.
 *
 * @throws {ProxyError} `unknown_topic`, `unknown_partition`, `out_of_range`, `group_in_use`,
 * `kafka_unavailable`, `forbidden`
 */
export async function planV1(
  request: V1Request,
  services: { reader: LogReader; groups: GroupPositions },
): Promise<V1Plan> {
  const { topic, group, partitions, isolation, start } = request;
  const plan = await planTopic({ topic, group, partitions, isolation, start }, services);
  return { ...plan, request };
}
