/** What an error means for the two sides of an upgrade, and for the client's next step. */
export interface ErrorRow {
  /** HTTP status when it is found before the upgrade. */
  readonly status: number;
  /** WebSocket close code when it is found after the upgrade. */
  readonly closeCode: number;
  /** Whether the same request may succeed later without being changed. */
  readonly retriable: boolean;
  /** One line for people; the tables of the docs are tested equal to it. */
  readonly meaning: string;
}

/**
 * Every error a client can see, in one place.
 *
 * Statuses follow RFC 9110, close codes RFC 6455 section 7.4 and, from 4000 on, this project.
 */
export const ERROR_TABLE = {
  bad_request: row(400, 4400, false, "The request is not one this server understands."),
  bad_parameter: row(400, 4400, false, "A parameter is missing, malformed or out of bounds."),
  bad_frame: row(400, 4400, false, "A frame's type or one of its fields is wrong."),
  malformed_json: row(400, 1007, false, "A frame is not JSON."),
  not_text: row(400, 1003, false, "A binary frame came where the protocol has text."),
  unauthorized: row(401, 4401, false, "Credentials are missing or wrong."),
  expired: row(401, 4401, false, "The credentials have run out and were not renewed."),
  forbidden: row(403, 4403, false, "The credentials do not allow this."),
  origin_refused: row(403, 1008, false, "The page's Origin is not allowed."),
  not_found: row(404, 4404, false, "There is nothing at this path."),
  unknown_topic: row(404, 4404, false, "The topic does not exist; topics are never created."),
  unknown_partition: row(404, 4404, false, "The topic has no such partition."),
  topic_deleted: row(404, 4404, false, "The topic was deleted while it was being read."),
  unknown_subscription: row(404, 4404, false, "The socket has no such subscription."),
  method_not_allowed: row(405, 4400, false, "Only GET is answered here."),
  stalled: row(408, 4408, true, "The client took no byte for the stall time-out."),
  group_in_use: row(409, 4409, false, "The group has live members, so no partition can be pinned."),
  taken_over: row(409, 4409, false, "A newer client has the same topic, group and partition."),
  fenced: row(409, 4409, false, "The partition has gone to another member."),
  out_of_range: row(416, 4416, false, "The position does not exist in the partition."),
  too_large: row(413, 4400, false, "A record is larger than the topic takes."),
  invalid_record: row(422, 4400, false, "Kafka does not take such a record."),
  message_too_large: row(413, 1009, false, "A message is larger than the server takes."),
  upgrade_required: row(426, 4400, false, "This address speaks WebSocket (version 13)."),
  too_many_requests: row(429, 4429, true, "The client goes beyond a limit of its own."),
  headers_too_large: row(
    431,
    4400,
    false,
    "The request's headers are larger than the server takes.",
  ),
  protocol_violation: row(400, 1008, false, "The client sent what this protocol does not allow."),
  overdrawn: row(429, 4429, true, "More was sent to be written than there were permits."),
  too_many_subscriptions: row(429, 4429, true, "The socket has as many subscriptions as it may."),
  overloaded: row(503, 1013, true, "A limit of the server is reached."),
  credentials_unavailable: row(
    503,
    1013,
    true,
    "What credentials are checked with cannot be had.",
  ),
  kafka_unavailable: row(503, 1013, true, "Kafka cannot be reached."),
  unknown_outcome: row(504, 1013, false, "Nobody can tell whether the record is stored."),
  kafka_auth_failed: row(503, 1013, true, "Kafka does not accept the server's own credentials."),
  leaving: row(503, 1001, true, "The process is leaving."),
  unsupported: row(501, 4400, false, "This version of the server does not do that."),
  batch_too_large: row(500, 1011, false, "A record batch is over the limit once decompressed."),
  corrupt_batch: row(500, 1011, false, "A record batch cannot be read."),
  old_format: row(500, 1011, false, "The records are in a message format older than version 2."),
  internal: row(500, 1011, true, "The server failed; the log says why."),
} as const satisfies Record<string, ErrorRow>;

/** The name of a row of {@linkcode ERROR_TABLE}. */
export type ErrorCode = keyof typeof ERROR_TABLE;

function row(status: number, closeCode: number, retriable: boolean, meaning: string): ErrorRow {
  return { status, closeCode, retriable, meaning };
}
