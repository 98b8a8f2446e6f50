import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { ProxyProcess } from "../support/proxy_process.ts";

/** A broker at full speed for a benchmark, whoever writes to it, and proxies in front of it. */
export class BenchKafka {
  readonly cluster: KafkaCluster;
  readonly helper: KafkaHelper;
  #topics = 0;

  private constructor(cluster: KafkaCluster, helper: KafkaHelper) {
    this.cluster = cluster;
    this.helper = helper;
  }

  static async start(resources: AsyncDisposableStack): Promise<BenchKafka> {
    const cluster = resources.use(
      await KafkaCluster.start({ fast: false, heapMb: 1024, onProgress: console.error }),
    );
    const helper = resources.use(await KafkaHelper.start(cluster.bootstrap, cluster));
    // The cluster's first group waits for its offsets topic to be created: that is not measured.
    await helper.createTopic("bench-first");
    await helper.setGroupOffset("bench-first", { topic: "bench-first", partition: 0, offset: 0 });
    return new BenchKafka(cluster, helper);
  }

  get bootstrap(): string {
    return this.cluster.bootstrap;
  }

  /** Creates a topic that nobody has read. */
  async newTopic(): Promise<string> {
    const topic = `bench-${++this.#topics}`;
    await this.helper.createTopic(topic);
    return topic;
  }

  /** A fresh proxy that is connected. */
  async startProxy(args: readonly string[] = []): Promise<ProxyProcess> {
    const proxy = await ProxyProcess.start({
      args: [
        "--kafka",
        this.bootstrap,
        "--record-interval",
        "0",
        "--max-sockets",
        "100000",
        ...args,
      ],
    });
    try {
      await proxy.event("kafka_connected");
      return proxy;
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
  }
}
