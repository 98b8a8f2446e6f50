import type { Leases } from "../core/ports.ts";
import { KafkaGroupMembers } from "./balanced_member.ts";
import { NoLeases, PinLeases } from "./pin_leases.ts";
import { GroupCoordinators } from "./group_coordinators.ts";
import { GroupLooks } from "./group_looks.ts";
import { KafkaGroupPositions } from "./group_positions.ts";
import { ClusterClient } from "./cluster_client.ts";
import type { KafkaSecurity } from "../config/kafka_security.ts";
import { KafkaCredentials } from "./kafka_credentials.ts";
import { KafkaReader } from "./kafka_reader.ts";
import { KafkaRecordWriter, type RecordWriterOptions } from "./record_writer.ts";
import type { KafkaJsLogger } from "./kafkajs_internals.ts";
import { patchRequestQueue } from "./request_queue_patch.ts";

/** How Kafka is reached. */
export interface KafkaClientOptions {
  /** Bootstrap brokers, `host:port`. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Most bytes of a record batch once decompressed. */
  readonly maxBatchBytes: number;
  /** Leases live in groups with this prefix; absent: pins are unique in this process only. */
  readonly leasePrefix?: string;
  /** Absent: plain text, and the brokers do not ask who we are. */
  readonly security?: KafkaSecurity;
  /** Told secrets that are read from files, for whoever keeps them out of the log. */
  readonly onSecret?: (secret: string) => void;
  readonly connectTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /** How records are written. */
  readonly writing?: RecordWriterOptions;
  /** Told what KafkaJS logs as a warning or an error. */
  readonly onLog: (level: "warning" | "error", text: string, namespace: string) => void;
}

/** Everything the proxy does with one Kafka cluster; the rest of the code sees only its ports. */
export class KafkaClient {
  readonly reader: KafkaReader;
  readonly groups: KafkaGroupPositions;
  readonly members: KafkaGroupMembers;
  readonly leases: Leases;
  readonly writer: KafkaRecordWriter;
  readonly #cluster: ClusterClient;

  constructor(options: KafkaClientOptions) {
    const { brokers, clientId, maxBatchBytes, onLog } = options;
    if (!patchRequestQueue()) {
      onLog("error", "request queue not patched: idle connections will cost CPU", "RequestQueue");
    }
    const { security = {}, onSecret } = options;
    const isPlain = security.tls === undefined && security.sasl === undefined;
    const credentials = isPlain ? undefined : new KafkaCredentials(security, onSecret);
    this.#cluster = new ClusterClient(brokers, {
      clientId,
      connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
      requestTimeoutMs: options.requestTimeoutMs ?? 15_000,
      logger: logger(onLog, "Kafka"),
    }, credentials);
    this.reader = new KafkaReader(this.#cluster, { maxBatchBytes });
    this.writer = new KafkaRecordWriter(this.#cluster, this.reader, options.writing);
    const coordinators = new GroupCoordinators(this.#cluster);
    const looks = new GroupLooks(coordinators);
    this.groups = new KafkaGroupPositions(coordinators, looks);
    this.members = new KafkaGroupMembers({ coordinators, looks, reader: this.reader, clientId });
    this.leases = options.leasePrefix === undefined
      ? new NoLeases()
      : new PinLeases(coordinators, looks, { prefix: options.leasePrefix, clientId });
  }

  /**
   * Resolves when some broker answers, and none refuses our credentials.
   *
   * @throws {ProxyError} `kafka_unavailable`, `kafka_auth_failed`
   */
  async ping(): Promise<void> {
    await this.#cluster.ping();
  }

  /**
   * The versions of an API that some broker speaks; `undefined` where it has no such API.
   *
   * @throws {ProxyError} `kafka_unavailable`
   */
  async versions(api: string): Promise<{ readonly maxVersion: number } | undefined> {
    return await this.#cluster.any((link) => Promise.resolve(link.versions(api)));
  }

  /** Ends all connections now; what is being written is reported as it stands. */
  async close(): Promise<void> {
    this.writer.close();
    await this.#cluster.close();
  }
}

/** Debug and info are dropped here: KafkaJS would build their texts for every request. */
function logger(onLog: KafkaClientOptions["onLog"], namespace: string): KafkaJsLogger {
  return {
    namespace: (name) => logger(onLog, name),
    error: (message) => onLog("error", message, namespace),
    warn: (message) => onLog("warning", message, namespace),
    info: () => {},
    debug: () => {},
  };
}
