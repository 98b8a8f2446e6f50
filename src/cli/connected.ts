import type { KafkaProxyClient } from "../client/kafka_proxy_client.ts";

/**
 * Waits until a client is connected. Later it comes back by itself; but whoever types a command wants
 * to know at once that there is nobody.
 *
 * @throws {Error} with the reason, at the first attempt that fails
 */
export async function connected(client: KafkaProxyClient, url: string): Promise<void> {
  for await (const state of client.states()) {
    if (state === "live" || state === "catching up") return;
    if (state === "connecting") continue;
    throw new Error(`Cannot connect to ${url}: ${client.trouble ?? "it does not answer"}`);
  }
}
