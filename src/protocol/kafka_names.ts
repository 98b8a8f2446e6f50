/** What {@linkcode isTopicName} accepts, for messages. */
export const TOPIC_NAME_FORM =
  'the name of a topic: 1 to 249 letters, digits, ".", "_" or "-", and not "." or ".."';

/** What {@linkcode isGroupName} accepts, for messages. */
export const GROUP_NAME_FORM =
  'a consumer group of at most 200 letters, digits, ".", "_" or "-", or nothing to read without one';

/**
 * Whether Kafka can have a topic of this name (`org.apache.kafka.common.internals.Topic`: ASCII
 * letters and digits, `.`, `_` and `-`, at most 249, because it names a folder).
 */
export function isTopicName(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(text) && text !== "." && text !== "..";
}

/**
 * Whether this is a consumer group we serve. Kafka itself allows any text; ours are limited because
 * they become part of the names of the groups that hold leases.
 */
export function isGroupName(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,200}$/.test(text);
}
