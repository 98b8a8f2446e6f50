import { ProxyError } from "./proxy_error.ts";

/**
 * That a topic does not exist. Whoever may not know whether it does gets the same text, so that the
 * two cannot be told apart.
 */
export function unknownTopic(topic: string): ProxyError {
  return new ProxyError("unknown_topic", `Cannot read "${topic}": there is no such topic`);
}
