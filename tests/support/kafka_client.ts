import { KafkaClient, type KafkaClientOptions } from "../../src/kafka/kafka_client.ts";

/** A client of a cluster that is closed at the end of the block. */
export function openKafkaClient(
  bootstrap: string,
  options: Partial<KafkaClientOptions> = {},
): KafkaClient & AsyncDisposable {
  const client = new KafkaClient({
    brokers: bootstrap.split(","),
    clientId: "test",
    maxBatchBytes: 1 << 26,
    onLog: () => {},
    ...options,
  });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}
