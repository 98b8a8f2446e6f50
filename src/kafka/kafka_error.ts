import { ProxyError } from "../core/proxy_error.ts";
import type { ErrorCode } from "../core/error_table.ts";
import { errorCodes } from "./kafkajs_internals.ts";

const NAMES = new Map(errorCodes.map(({ code, type }) => [code, type]));

/** The protocol guide's name of an error code, or the number where KafkaJS does not know it. */
export function errorName(code: number): string {
  return NAMES.get(code) ?? LATER_NAMES.get(code) ?? `error code ${code}`;
}

/** Codes younger than KafkaJS 2.2.4 that a consumer can meet (Kafka protocol guide). */
const LATER_NAMES = new Map([
  [100, "UNKNOWN_TOPIC_ID"],
  [103, "INCONSISTENT_TOPIC_ID"],
  [108, "NEW_LEADER_ELECTED"],
  [109, "OFFSET_MOVED_TO_TIERED_STORAGE"],
  [113, "STALE_MEMBER_EPOCH"],
]);

/** What a refused request means for our clients; everything else is `kafka_unavailable`. */
const MEANINGS: Readonly<Record<string, ErrorCode>> = {
  UNKNOWN_TOPIC_OR_PARTITION: "unknown_topic",
  UNKNOWN_TOPIC_ID: "unknown_topic",
  INVALID_TOPIC_EXCEPTION: "unknown_topic",
  TOPIC_AUTHORIZATION_FAILED: "forbidden",
  GROUP_AUTHORIZATION_FAILED: "forbidden",
  CLUSTER_AUTHORIZATION_FAILED: "forbidden",
  INVALID_GROUP_ID: "bad_parameter",
  UNKNOWN_MEMBER_ID: "group_in_use",
  ILLEGAL_GENERATION: "group_in_use",
  REBALANCE_IN_PROGRESS: "group_in_use",
  STALE_MEMBER_EPOCH: "group_in_use",
};

/** An error for our clients from one of Kafka's. */
export function kafkaError(code: number, what: string): ProxyError {
  const name = errorName(code);
  return new ProxyError(MEANINGS[name] ?? "kafka_unavailable", `${what}: Kafka says ${name}`);
}

/** Kafka cannot be reached, or not in time. */
export function unavailable(what: string, cause: unknown): ProxyError {
  if (cause instanceof ProxyError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ProxyError("kafka_unavailable", `${what}: ${message}`, { cause });
}

/** Whether asking Kafka again may help; not once we are on our way out. */
export function mayRetry({ code, row }: ProxyError): boolean {
  return row.retriable && code !== "leaving";
}
