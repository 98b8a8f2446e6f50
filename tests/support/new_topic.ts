import type { NewTopic } from "../kafka/helper_requests.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";

/**
 * Creates a topic, and waits until every partition's leader takes requests.
 *
 * Metadata shows a leader a little before the broker has made it one. What Kafka's producer sends in
 * between is refused and sent again, and with several partitions the idempotent producer (4.3) then
 * starts its sequence numbers over: the broker answers OUT_OF_ORDER_SEQUENCE_NUMBER for ever.
 */
export async function newTopic(
  helper: KafkaHelper,
  topic: string,
  options: NewTopic = {},
): Promise<void> {
  await helper.createTopic(topic, options);
  await leadersReady(helper, topic, options.partitions ?? 1);
}

/** Grows a topic, and waits in the same way. */
export async function morePartitions(
  helper: KafkaHelper,
  topic: string,
  total: number,
): Promise<void> {
  await helper.addPartitions(topic, total);
  await leadersReady(helper, topic, total);
}

async function leadersReady(helper: KafkaHelper, topic: string, partitions: number): Promise<void> {
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  await Promise.all(numbers.map((partition) => helper.listOffsets(topic, partition)));
}
