/**
 * What an error code of a Produce answer says of a batch:
 * - `again`: it is not stored and may be later, perhaps at another broker
 * - `unsure`: it is, or may be, in a log without being safe there yet; sent again it is safe
 * - `restart`: it was not stored now, for its numbers do not fit: the broker has seen later ones, has
 *   lost earlier ones, or has forgotten the producer
 * - `stored`: it was stored before, and the broker does not remember where
 * - `too_large`: larger than the topic takes
 * - `records`: some of its records cannot be stored at all
 * - `refused`: nothing of it ever will be
 */
export type ProduceVerdict =
  | "again"
  | "unsure"
  | "restart"
  | "stored"
  | "too_large"
  | "records"
  | "refused";

/** Names of the codes: Kafka protocol guide, "Error Codes". */
const VERDICTS: Readonly<Record<number, ProduceVerdict>> = {
  2: "again", // CORRUPT_MESSAGE: damaged on its way
  3: "again", // UNKNOWN_TOPIC_OR_PARTITION: deleted, or not known here yet
  5: "again", // LEADER_NOT_AVAILABLE
  6: "again", // NOT_LEADER_OR_FOLLOWER
  7: "unsure", // REQUEST_TIMED_OUT: the replicas have not got it yet
  8: "again", // BROKER_NOT_AVAILABLE
  10: "too_large", // MESSAGE_TOO_LARGE
  13: "unsure", // NETWORK_EXCEPTION
  17: "refused", // INVALID_TOPIC_EXCEPTION
  18: "too_large", // RECORD_LIST_TOO_LARGE: than a segment
  19: "again", // NOT_ENOUGH_REPLICAS
  20: "unsure", // NOT_ENOUGH_REPLICAS_AFTER_APPEND
  21: "refused", // INVALID_REQUIRED_ACKS
  29: "refused", // TOPIC_AUTHORIZATION_FAILED
  31: "refused", // CLUSTER_AUTHORIZATION_FAILED
  32: "records", // INVALID_TIMESTAMP
  35: "refused", // UNSUPPORTED_VERSION
  43: "refused", // UNSUPPORTED_FOR_MESSAGE_FORMAT
  44: "refused", // POLICY_VIOLATION
  45: "restart", // OUT_OF_ORDER_SEQUENCE_NUMBER
  46: "stored", // DUPLICATE_SEQUENCE_NUMBER
  47: "restart", // INVALID_PRODUCER_EPOCH
  56: "again", // KAFKA_STORAGE_ERROR
  59: "restart", // UNKNOWN_PRODUCER_ID
  74: "again", // FENCED_LEADER_EPOCH
  75: "again", // UNKNOWN_LEADER_EPOCH
  76: "refused", // UNSUPPORTED_COMPRESSION_TYPE
  87: "records", // INVALID_RECORD
  89: "again", // THROTTLING_QUOTA_EXCEEDED
  90: "restart", // PRODUCER_FENCED
};

/** The verdict of an error code; of one that is not known here, that it may mean anything. */
export function produceVerdict(errorCode: number): ProduceVerdict {
  return VERDICTS[errorCode] ?? "unsure";
}
