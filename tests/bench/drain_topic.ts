import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { ensureKafkaJars } from "../kafka/kafka_jars.ts";
import { segmentBatches } from "../kafka/segment_batches.ts";
import { median } from "./statistics.ts";

/** Size of each value. */
export const VALUE_BYTES = 100;

/** `batch.size` of the producer, Kafka's default. */
export const PRODUCER_BATCH_BYTES = 16_384;

const BROKER_HEAP_MB = 1024;

/** What is drained: one partition of numbered records, uncompressed, written once. */
export class DrainTopic implements AsyncDisposable {
  /** HOST:PORT. */
  readonly bootstrap: string;
  readonly name: string;
  readonly records: number;
  /** Of Kafka's tools, and of the broker unless it is somebody else's. */
  readonly version: string;
  /** Of the broker; undefined when it is somebody else's. */
  readonly brokerPid: number | undefined;
  /** Broker and batches, for the report. */
  readonly settings: Readonly<Record<string, string | number>>;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    fields: Pick<
      DrainTopic,
      "bootstrap" | "name" | "records" | "version" | "brokerPid" | "settings"
    >,
    resources: AsyncDisposableStack,
  ) {
    this.bootstrap = fields.bootstrap;
    this.name = fields.name;
    this.records = fields.records;
    this.version = fields.version;
    this.brokerPid = fields.brokerPid;
    this.settings = fields.settings;
    this.#resources = resources;
  }

  /** Starts a broker unless `kafka` names one, and writes the records. */
  static async create(
    { records, kafka, onProgress }: {
      records: number;
      kafka: string | undefined;
      onProgress: (message: string) => void;
    },
  ): Promise<DrainTopic> {
    await using resources = new AsyncDisposableStack();
    const cluster = kafka !== undefined ? undefined : resources.use(
      await KafkaCluster.start({ fast: false, heapMb: BROKER_HEAP_MB, onProgress }),
    );
    const bootstrap = kafka ?? cluster!.bootstrap;
    const { version, javaVersion } = await ensureKafkaJars({ onProgress });
    const helper = resources.use(await KafkaHelper.start(bootstrap));
    const name = `bench-drain-${Date.now()}`;
    onProgress(`Writing ${records} records of ${VALUE_BYTES} bytes to ${name}`);
    await helper.createTopic(name, { replicationFactor: 1 });
    resources.defer(() => helper.deleteTopic(name));
    await helper.produce({
      topic: name,
      count: records,
      valueBytes: VALUE_BYTES,
      batchBytes: PRODUCER_BATCH_BYTES,
      compression: "none",
    });
    // The cluster's first group waits for its offsets topic to be created: that is not measured.
    await helper.setGroupOffset(`${name}-first`, { topic: name, partition: 0, offset: 0 });
    const settings = {
      records,
      valueBytes: VALUE_BYTES,
      producerBatchBytes: PRODUCER_BATCH_BYTES,
      compression: "none",
      ...(cluster === undefined ? { broker: bootstrap } : {
        broker: `Apache Kafka ${version}, one node, heap ${BROKER_HEAP_MB} MB, full JIT`,
        ...await writtenBatches(cluster.nodes[0].dataFolder, name),
      }),
      javaVersion,
    };
    const brokerPid = cluster?.nodes[0].pid;
    return new DrainTopic(
      { bootstrap, name, records, version, brokerPid, settings },
      resources.move(),
    );
  }

  /** Deletes the topic, and ends the broker if it is ours. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Batches as the producer made them. */
async function writtenBatches(dataFolder: string, topic: string) {
  const batches = await segmentBatches(dataFolder, topic, 0);
  return {
    batches: batches.length,
    medianBatchBytes: median(batches.map(({ bytes }) => bytes)),
    medianBatchRecords: median(batches.map(({ recordCount }) => recordCount)),
  };
}
