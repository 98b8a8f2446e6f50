import { quoted } from "../core/quoted.ts";
import { BadValue, type Kind } from "./kind.ts";
import { list } from "./plain_kinds.ts";

/** Names of Kafka's internal topics: they begin with `__`. */
export function internalTopics(): Kind<readonly string[]> {
  const expected = "names of topics that begin with __";
  return list("TOPIC[,TOPIC]", expected, (topic) => {
    if (/^__[\w.-]{0,247}$/.test(topic)) return topic;
    throw new BadValue(`is ${quoted(topic)}: it must be ${expected}; others need no permission`);
  });
}
