import { freePorts } from "../kafka/free_ports.ts";
import { KafkaCluster, type KafkaClusterOptions } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { RelayProcess } from "./relay_process.ts";

/**
 * One broker with two doors: a plain one for whoever writes, and one behind a relay that counts the
 * bytes the broker sends to whoever reads.
 */
export class RelayedKafka implements AsyncDisposable {
  readonly cluster: KafkaCluster;
  readonly helper: KafkaHelper;
  /** HOST:PORT of the door behind the relay. */
  readonly bootstrap: string;
  readonly #relay: RelayProcess;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    cluster: KafkaCluster,
    helper: KafkaHelper,
    relay: RelayProcess,
    resources: AsyncDisposableStack,
  ) {
    this.cluster = cluster;
    this.helper = helper;
    this.bootstrap = `127.0.0.1:${relay.port}`;
    this.#relay = relay;
    this.#resources = resources;
  }

  static async start(options: KafkaClusterOptions = {}): Promise<RelayedKafka> {
    await using resources = new AsyncDisposableStack();
    const [port] = await freePorts(1);
    const relay = resources.use(await RelayProcess.start(`http://127.0.0.1:${port}`));
    const cluster = resources.use(
      await KafkaCluster.start({
        ...options,
        properties: (node) => ({
          "listeners": `PLAINTEXT://127.0.0.1:${node.port},RELAYED://127.0.0.1:${port},` +
            `CONTROLLER://127.0.0.1:${node.controllerPort}`,
          "advertised.listeners":
            `PLAINTEXT://127.0.0.1:${node.port},RELAYED://127.0.0.1:${relay.port}`,
          "listener.security.protocol.map":
            "PLAINTEXT:PLAINTEXT,RELAYED:PLAINTEXT,CONTROLLER:PLAINTEXT",
          "inter.broker.listener.name": "PLAINTEXT",
        }),
      }),
    );
    const helper = resources.use(await KafkaHelper.start(cluster.bootstrap, cluster));
    return new RelayedKafka(cluster, helper, relay, resources.move());
  }

  /** Bytes the broker has sent through the relay. */
  sentBytes(): Promise<number> {
    return this.#relay.movedBytes();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
