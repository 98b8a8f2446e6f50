import { freePorts } from "../kafka/free_ports.ts";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FaultRelay } from "../support/fault_relay.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { SlowDns } from "../support/slow_dns.ts";
import { TcpRelay } from "../support/tcp_relay.ts";

/** What of the world can be had only on some machines. */
export interface FaultWorldOptions {
  /** The brokers have a name, which has to be looked up. Needs root. */
  readonly names?: boolean;
  /** The clocks of the proxy and of the brokers can be set. Needs libfaketime. */
  readonly clocks?: boolean;
  readonly onProgress?: (line: string) => void;
}

/** The brokers' name, as long as their address. */
const NAME = "kafka.lan";

const NODES = 3;

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
  /** Tells the brokers' addresses; undefined where they need no name. */
  readonly dns: SlowDns | undefined;
  /** Of the proxy, and of each broker by its id; undefined where clocks cannot be set. */
  readonly clocks: Clocks | undefined;
  readonly #port: number;
  readonly #resources: AsyncDisposableStack;
  #proxy!: ProxyProcess;

  private constructor(parts: Parts, port: number, resources: AsyncDisposableStack) {
    this.cluster = parts.cluster;
    this.helper = parts.helper;
    this.kafkaRelay = parts.kafkaRelay;
    this.dns = parts.dns;
    this.clocks = parts.clocks;
    this.#port = port;
    this.#resources = resources;
    this.clientRelay = resources.use(new TcpRelay(`ws://127.0.0.1:${port}/`));
  }

  static async start(options: FaultWorldOptions = {}): Promise<FaultWorld> {
    const { names = false, clocks: haveClocks = false, onProgress } = options;
    await using resources = new AsyncDisposableStack();
    const clocks = haveClocks ? await newClocks(resources) : undefined;
    const env = clocks && (({ id }: { id: number }) => clocks.node(id).env);
    const cluster = resources.use(await KafkaCluster.start({ nodes: NODES, onProgress, env }));
    const helper = resources.use(await KafkaHelper.start(cluster.bootstrap, cluster));
    const dns = names ? resources.use(await SlowDns.start(NAME)) : undefined;
    const kafkaRelay = resources.use(new FaultRelay(cluster.bootstrap, names ? NAME : undefined));
    const [port] = freePorts(1);
    const world = new FaultWorld(
      { cluster, helper, kafkaRelay, dns, clocks },
      port,
      resources.move(),
    );
    try {
      await world.startProxy();
    } catch (error) {
      await world.#resources.disposeAsync();
      throw error;
    }
    return world;
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

  /** Starts the proxy on its port: at first, and after it was ended. */
  async startProxy(): Promise<void> {
    const proxy = await ProxyProcess.start({
      args: ["--kafka", this.kafkaRelay.bootstrap, "--port", `${this.#port}`]
        .concat("--record-interval", "0", "--commit-interval-ms", "500"),
      env: this.clocks?.proxy.env,
      before: this.dns?.asked,
    });
    this.#proxy = proxy;
    await proxy.event("kafka_connected");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy[Symbol.asyncDispose]();
    await this.#resources.disposeAsync();
  }
}

interface Clocks {
  readonly proxy: FakeClock;
  readonly node: (id: number) => FakeClock;
}

interface Parts {
  readonly cluster: KafkaCluster;
  readonly helper: KafkaHelper;
  readonly kafkaRelay: FaultRelay;
  readonly dns: SlowDns | undefined;
  readonly clocks: Clocks | undefined;
}

async function newClocks(resources: AsyncDisposableStack): Promise<Clocks> {
  const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-clocks-" });
  resources.defer(() => Deno.remove(folder, { recursive: true }));
  const nodes = Array.from({ length: NODES }, (_, i) => new FakeClock(`${folder}/node-${i + 1}`));
  return { proxy: new FakeClock(`${folder}/proxy`), node: (id) => nodes[id - 1] };
}
