import { ProxyError } from "../core/proxy_error.ts";
import type { Metrics } from "./metrics.ts";

/** Does some work with Kafka, and counts it when it fails. */
export async function metered<T>(
  metrics: Metrics,
  operation: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = ProxyError.from(error);
    // What a client asked for in vain, or what we end ourselves, is no failure of Kafka's.
    if (code !== "unknown_topic" && code !== "leaving") {
      metrics.add("kafka_proxy_kafka_errors_total", { operation, code });
    }
    throw error;
  }
}
