import type { Operation, Principal } from "../core/principal.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { unknownTopic } from "../core/unknown_topic.ts";

/** What decides whether a topic may be used. */
export interface TopicRules {
  readonly principal: Principal;
  readonly operation: "consume" | "produce";
  /** Topics beginning with `__` that the server's settings open. */
  readonly internalTopics: readonly string[];
}

/**
 * Refuses topics that the principal has no right to, and those whose names begin with `__`, Kafka's
 * own (`__consumer_offsets`, `__transaction_state`), unless the server's settings open them.
 *
 * Whoever may do nothing with a topic gets the same answer as for one that does not exist.
 *
 * @throws {ProxyError} `unknown_topic`, `forbidden`
 */
export function checkTopic(
  topic: string,
  { principal, operation, internalTopics }: TopicRules,
): void {
  if (!principal.may(operation, topic)) {
    const mayKnow = principal.may("consume", topic) || principal.may("produce", topic);
    throw mayKnow ? missingRight(operation, `"${topic}"`) : unknownTopic(topic);
  }
  if (!topic.startsWith("__") || internalTopics.includes(topic)) return;
  throw new ProxyError(
    "forbidden",
    `Cannot read ${JSON.stringify(topic)}: topics that begin with "__" are Kafka's own, and the ` +
      "server's settings do not name this one",
  );
}

/** What decides whether a group may be used. */
export interface GroupRules {
  readonly principal: Principal;
  /** Beginning of the names of the groups that leases live in. */
  readonly leasePrefix: string;
}

/**
 * Refuses groups that the principal has no right to, and those with the names that leases live
 * under: a member there would take part in them. No group is everybody's right.
 *
 * @throws {ProxyError} `forbidden`
 */
export function checkGroup(
  group: string | undefined,
  { principal, leasePrefix }: GroupRules,
): void {
  if (group === undefined) return;
  if (!principal.may("group", group)) throw missingRight("group", `"${group}"`);
  if (!group.startsWith(leasePrefix)) return;
  throw new ProxyError(
    "forbidden",
    `Cannot read for group "${group}": names beginning with "${leasePrefix}" are the server's own`,
  );
}

/**
 * Refuses what has no name, `observe` and `admin`.
 *
 * @throws {ProxyError} `forbidden`
 */
export function checkRight(principal: Principal, operation: "observe" | "admin"): void {
  if (!principal.may(operation)) throw missingRight(operation, "this server");
}

/**
 * Refuses encodings that the principal's rights leave out.
 *
 * @throws {ProxyError} `forbidden`
 */
export function checkEncoding(encoding: string, { limits }: Principal): void {
  const allowed = limits?.encodings;
  if (allowed === undefined || allowed.includes(encoding)) return;
  throw new ProxyError(
    "forbidden",
    `Cannot give values as ${encoding}: the credentials allow ${allowed.join(", ") || "none"}`,
  );
}

function missingRight(operation: Operation, what: string): ProxyError {
  return new ProxyError("forbidden", `The credentials have no right to ${operation} ${what}`);
}
