import { freePorts } from "../kafka/free_ports.ts";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { FaultRelay } from "../support/fault_relay.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { TcpRelay } from "../support/tcp_relay.ts";

/**
 * What faults are done to: clients, a relay, the proxy's process, another relay, three brokers.
 *
 * Kafka's own tools and clients go straight to the brokers: what they say is the truth.
 */
export class FaultWorld implements AsyncDisposable {
  readonly cluster: KafkaCluster;
  readonly helper: KafkaHelper;
  /** Between the proxy and the brokers. */
  readonly kafkaRelay: FaultRelay;
  /** Between clients and the proxy. */
  readonly clientRelay: TcpRelay;
  readonly #port: number;
  readonly #resources: AsyncDisposableStack;
  #proxy: ProxyProcess;

  private constructor(
    cluster: KafkaCluster,
    helper: KafkaHelper,
    kafkaRelay: FaultRelay,
    port: number,
    proxy: ProxyProcess,
    resources: AsyncDisposableStack,
  ) {
    this.cluster = cluster;
    this.helper = helper;
    this.kafkaRelay = kafkaRelay;
    this.#port = port;
    this.#proxy = proxy;
    this.#resources = resources;
    this.clientRelay = resources.use(new TcpRelay(proxy.url));
  }

  static async start(onProgress?: (line: string) => void): Promise<FaultWorld> {
    await using resources = new AsyncDisposableStack();
    const cluster = resources.use(await KafkaCluster.start({ nodes: 3, onProgress }));
    const helper = resources.use(await KafkaHelper.start(cluster.bootstrap, cluster));
    const relay = resources.use(new FaultRelay(cluster.bootstrap));
    const [port] = freePorts(1);
    const proxy = await startProxy(relay, port);
    return new FaultWorld(cluster, helper, relay, port, proxy, resources.move());
  }

  get proxy(): ProxyProcess {
    return this.#proxy;
  }

  /** Straight to the proxy: what its operating system has taken, comes. */
  get directUrl(): string {
    return this.#proxy.url;
  }

  /** Through the relay. */
  get relayedUrl(): string {
    return this.clientRelay.through(this.#proxy.url);
  }

  /** Starts the proxy again on its port, after it was ended. */
  async startProxy(): Promise<void> {
    this.#proxy = await startProxy(this.kafkaRelay, this.#port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy[Symbol.asyncDispose]();
    await this.#resources.disposeAsync();
  }
}

async function startProxy(relay: FaultRelay, port: number): Promise<ProxyProcess> {
  const proxy = await ProxyProcess.start({
    args: ["--kafka", relay.bootstrap, "--port", `${port}`, "--record-interval", "0"]
      .concat("--commit-interval-ms", "500"),
  });
  await proxy.event("kafka_connected");
  return proxy;
}
