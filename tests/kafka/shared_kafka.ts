import { KafkaCluster, type KafkaClusterOptions } from "./kafka_cluster.ts";
import { KafkaHelper } from "./kafka_helper.ts";

/** A cluster and its helper. */
export interface SharedKafka {
  readonly kafka: KafkaCluster;
  readonly helper: KafkaHelper;
}

/**
 * One cluster for all tests of a file: started by the first that asks, gone after the last. Call it
 * at the top of the file.
 *
 * ```ts ignore
 * const sharedKafka = shareKafka();
 *
 * Deno.test("records arrive", async () => {
 *   const { kafka, helper } = await sharedKafka();
 * });
 * ```
 */
export function shareKafka(options: KafkaClusterOptions = {}): () => Promise<SharedKafka> {
  const started = new AsyncDisposableStack();
  let shared: Promise<SharedKafka> | undefined;
  Deno.test.afterAll(() => started.disposeAsync());
  const start = async () => {
    const kafka = started.use(await KafkaCluster.start(options));
    const helper = started.use(await KafkaHelper.start(kafka.bootstrap, kafka));
    return { kafka, helper };
  };
  return () => shared ??= start();
}
