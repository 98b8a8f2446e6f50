import type { RecordHeader } from "./record_header.ts";

/** One record as a subscription yields it. */
export class ConsumedRecord<V = string, K = string> {
  /** Topic it is from. */
  readonly topic: string;
  /** Partition it is from. */
  readonly partition: number;
  /** Its place in the partition: exact, where a number would not be. */
  readonly offset: bigint;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** The key, decoded; Kafka's null is null. */
  readonly key: K | null;
  /** The value, decoded; null is a tombstone. */
  readonly value: V | null;
  /** In their order, duplicates kept. */
  readonly headers: readonly RecordHeader[];
  readonly #ack: (topic: string, partition: number, offset: bigint) => void;

  /** @ignore made by a subscription */
  constructor(
    place: { topic: string; partition: number; offset: bigint; timestamp: number },
    content: { key: K | null; value: V | null; headers: readonly RecordHeader[] },
    ack: (topic: string, partition: number, offset: bigint) => void,
  ) {
    this.topic = place.topic;
    this.partition = place.partition;
    this.offset = place.offset;
    this.timestamp = place.timestamp;
    this.key = content.key;
    this.value = content.value;
    this.headers = content.headers;
    this.#ack = ack;
  }

  /**
   * Says that this record, and every one before it in its partition, has been processed. Sent
   * within milliseconds, several as one; {@linkcode Subscription.flush} waits until it is committed.
   * Without a group, or with another `ack` than `client`, it does nothing.
   */
  ack(): void {
    this.#ack(this.topic, this.partition, this.offset);
  }
}
