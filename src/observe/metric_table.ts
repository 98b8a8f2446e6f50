/** One metric of `/metrics`. */
export interface MetricRow<Label extends string = string> {
  readonly type: "counter" | "gauge" | "histogram";
  /** One line for people; `docs/OPERATIONS.md` is tested equal to it. */
  readonly help: string;
  readonly labels: readonly Label[];
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

/** From a fetch answered out of memory to a request that is about to time out, in seconds. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];

/** From a client that looked in to one that stays for days, in seconds. */
const SESSION_SECONDS = [1, 10, 60, 600, 3_600, 21_600, 86_400];

/**
 * Everything `/metrics` shows, in its order. Names follow Prometheus (base units, `_total`), words
 * follow Kafka.
 *
 * Labels that clients or the cluster choose (`topic`, `group`, `partition`) are bounded by the
 * setting `maxMetricSeries`; what is beyond it is summed under `other`.
 */
export const METRIC_TABLE = {
  kafka_proxy_build_info: gauge("Always 1; its labels say what runs.", "version", "deno"),
  kafka_proxy_ready: gauge("1 when /readyz says so, else 0."),
  kafka_proxy_kafka_up: gauge("1 when Kafka answers, else 0."),
  kafka_proxy_draining: gauge("1 from SIGTERM or POST /api/drain on, else 0."),

  kafka_proxy_sockets: gauge(
    "WebSockets the runtime holds; closing ones wait for a peer that does not answer.",
    "protocol",
    "state",
  ),
  kafka_proxy_sockets_limit: gauge("The setting maxSockets."),
  kafka_proxy_group_sessions: gauge("Sessions that read for a consumer group."),
  kafka_proxy_group_sessions_limit: gauge("The setting maxGroupSessions."),
  kafka_proxy_upgrades_total: counter(
    "WebSocket upgrades by outcome: accepted, or the code of the refusal.",
    "outcome",
  ),
  kafka_proxy_closes_total: counter("Sockets closed, by close code.", "code"),
  kafka_proxy_stalls_total: counter("Sockets given up because they took no byte (4408)."),
  kafka_proxy_session_duration_seconds: histogram("How long sockets stay.", SESSION_SECONDS),
  kafka_proxy_buffered_bytes: gauge(
    "Bytes sent to sockets that the operating system has not taken.",
  ),

  kafka_proxy_sent_frames_total: counter("Frames of records sent.", "protocol"),
  kafka_proxy_sent_records_total: counter("Records sent to sockets.", "protocol", "topic"),
  kafka_proxy_sent_bytes_total: counter(
    "Bytes of frames of records sent, without WebSocket headers.",
    "protocol",
    "topic",
  ),

  kafka_proxy_received_frames_total: counter("Messages from clients.", "protocol"),
  kafka_proxy_received_bytes_total: counter(
    "Bytes of messages from clients; text counts by its UTF-16 units.",
    "protocol",
  ),

  kafka_proxy_fetches_total: counter(
    "Fetch requests answered: long polls for what comes, immediate ones for what is there.",
    "kind",
  ),
  kafka_proxy_fetch_duration_seconds: histogram(
    "Time to the answer of an immediate fetch.",
    REQUEST_SECONDS,
  ),
  kafka_proxy_fetched_records_total: counter(
    "Records read from Kafka; a batch read from its middle counts whole.",
    "topic",
  ),
  kafka_proxy_fetched_bytes_total: counter(
    "Bytes of chunks read from Kafka, as memory holds them.",
    "topic",
  ),
  kafka_proxy_cache_bytes: gauge("Bytes of chunks and shared frames kept."),
  kafka_proxy_cache_limit_bytes: gauge("The setting cacheBytes."),
  kafka_proxy_cache_reads_total: counter(
    "Chunks given to cursors: from the cache, or fetched for them.",
    "result",
  ),
  kafka_proxy_cursors: gauge(
    "Cursors, a partition of a socket each: live at the end, inside the cache, or catching up.",
    "state",
  ),
  kafka_proxy_partition_logs: gauge("Partitions that are read, or were a moment ago."),
  kafka_proxy_stuck_cursors: gauge(
    "Cursors that have room, stand below the end of their partition, and do not move.",
  ),

  kafka_proxy_group_lag_records: gauge(
    "Records between a group's committed position and the end, for partitions read here.",
    "group",
    "topic",
    "partition",
  ),
  kafka_proxy_group_lag_seconds: gauge(
    "Age of the first record that is not committed; absent while it has not been read here.",
    "group",
    "topic",
    "partition",
  ),
  kafka_proxy_group_committed_offset: gauge(
    "A group's committed position (the next offset), for partitions read here.",
    "group",
    "topic",
    "partition",
  ),
  kafka_proxy_rebalances_total: counter("Assignments a member of a balanced group got.", "group"),
  kafka_proxy_commits_total: counter("Offset commits by outcome: ok, or the code.", "outcome"),
  kafka_proxy_commit_duration_seconds: histogram("Time an offset commit took.", REQUEST_SECONDS),

  kafka_proxy_produced_records_total: counter(
    "Records clients wrote, by outcome: ok, failed, unknown.",
    "topic",
    "outcome",
  ),
  kafka_proxy_produced_bytes_total: counter("Bytes of keys and values clients wrote.", "topic"),
  kafka_proxy_produce_duration_seconds: histogram(
    "Time from a client's records to Kafka's answer.",
    REQUEST_SECONDS,
  ),

  kafka_proxy_kafka_errors_total: counter(
    "Requests to Kafka that failed, by operation and the code clients see.",
    "operation",
    "code",
  ),
  kafka_proxy_events_total: counter("Events of the log, those held back by limits too.", "event"),
  kafka_proxy_event_loop_delay_seconds: gauge(
    "How late timers were in the last ten seconds; quantile 1 is the worst.",
    "quantile",
  ),
  kafka_proxy_heap_used_bytes: gauge("Memory of JavaScript objects."),
  kafka_proxy_external_bytes: gauge("Memory of buffers outside of the heap."),
  process_resident_memory_bytes: gauge("Physical memory of the process."),
  process_cpu_seconds_total: counter("Processor time of the process, user and system."),
  process_start_time_seconds: gauge("When the process started, in seconds since 1970."),
} as const satisfies Record<string, MetricRow>;

/** The name of a row of {@linkcode METRIC_TABLE}. */
export type MetricName = keyof typeof METRIC_TABLE;

/** Names of the metrics of one type. */
export type MetricOf<Type extends MetricRow["type"]> = {
  [Name in MetricName]: typeof METRIC_TABLE[Name]["type"] extends Type ? Name : never;
}[MetricName];

/** A value for each label of a metric. */
export type LabelsOf<Name extends MetricName> = Readonly<
  Record<typeof METRIC_TABLE[Name]["labels"][number], string>
>;

function counter<const Label extends string>(help: string, ...labels: readonly Label[]) {
  return { type: "counter", help, labels } as const;
}

function gauge<const Label extends string>(help: string, ...labels: readonly Label[]) {
  return { type: "gauge", help, labels } as const;
}

function histogram(help: string, buckets: readonly number[]) {
  return { type: "histogram", help, labels: [] as readonly never[], buckets } as const;
}
