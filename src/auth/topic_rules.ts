import { ProxyError } from "../core/proxy_error.ts";

/**
 * Refuses topics whose names begin with `__`, Kafka's own (`__consumer_offsets`,
 * `__transaction_state`), unless they are among `named`, the ones the server's settings open.
 *
 * @throws {ProxyError} `forbidden`
 */
export function checkTopic(topic: string, named: readonly string[]): void {
  if (!topic.startsWith("__") || named.includes(topic)) return;
  throw new ProxyError(
    "forbidden",
    `Cannot read ${JSON.stringify(topic)}: topics that begin with "__" are Kafka's own, and the ` +
      "server's settings do not name this one",
  );
}

/**
 * Refuses groups with the names that leases live under: a member there would take part in them.
 *
 * @throws {ProxyError} `forbidden`
 */
export function checkGroup(group: string | undefined, leasePrefix: string): void {
  if (!group?.startsWith(leasePrefix)) return;
  throw new ProxyError(
    "forbidden",
    `Cannot read for group "${group}": names beginning with "${leasePrefix}" are the server's own`,
  );
}
