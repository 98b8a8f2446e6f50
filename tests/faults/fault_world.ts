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
const PROXIES = 2;

/**
 * What faults are done to: clients, a relay that spreads them, two proxies, another relay, three
 * brokers.
 *
 * Kafka's own tools and clients go straight to the brokers: what they say is the truth.
 */
export class FaultWorld implements AsyncDisposable {
  readonly cluster: KafkaCluster;
  readonly helper: KafkaHelper;
  /** Between the proxies and the brokers. */
  readonly kafkaRelay: FaultRelay;
  /** Between clients and the proxies, to each in turn. */
  readonly clientRelay: TcpRelay;
  /** Tells the brokers' addresses; undefined where they need no name. */
  readonly dns: SlowDns | undefined;
  /** Of each proxy, and of each broker by its id; undefined where clocks cannot be set. */
  readonly clocks: Clocks | undefined;
  readonly #ports: readonly number[];
  readonly #proxies: ProxyProcess[] = [];
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: Parts, ports: readonly number[], resources: AsyncDisposableStack) {
    this.cluster = parts.cluster;
    this.helper = parts.helper;
    this.kafkaRelay = parts.kafkaRelay;
    this.dns = parts.dns;
    this.clocks = parts.clocks;
    this.#ports = ports;
    this.#resources = resources;
    const urls = ports.map((port) => `ws://127.0.0.1:${port}/`);
    this.clientRelay = resources.use(new TcpRelay(...urls));
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
    const world = new FaultWorld(
      { cluster, helper, kafkaRelay, dns, clocks },
      freePorts(PROXIES),
      resources.move(),
    );
    try {
      for (let proxy = 0; proxy < PROXIES; proxy++) await world.startProxy(proxy);
    } catch (error) {
      await world.#resources.disposeAsync();
      throw error;
    }
    return world;
  }

  get proxies(): readonly ProxyProcess[] {
    return this.#proxies;
  }

  /** Straight to one of the proxies: what its operating system has taken, comes. */
  directUrl(time: number): string {
    return this.#proxies[time % PROXIES].url;
  }

  /** Through the relay. */
  get relayedUrl(): string {
    return this.clientRelay.through(this.#proxies[0].url);
  }

  /** Starts a proxy on its port: at first, and after it was ended. */
  async startProxy(index: number): Promise<void> {
    const proxy = await ProxyProcess.start({
      args: ["--kafka", this.kafkaRelay.bootstrap, "--port", `${this.#ports[index]}`]
        .concat("--record-interval", "0", "--commit-interval-ms", "500")
        // A client gone without a word keeps its partitions for so long; two minutes by default.
        .concat("--ping-timeout-seconds", "10"),
      env: this.clocks?.proxy(index).env,
      before: this.dns?.asked,
    });
    this.#proxies[index] = proxy;
    await proxy.event("kafka_connected");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    await this.#resources.disposeAsync();
  }
}

interface Clocks {
  readonly proxy: (index: number) => FakeClock;
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
  const proxies = Array.from({ length: PROXIES }, (_, i) => new FakeClock(`${folder}/proxy-${i}`));
  return { proxy: (index) => proxies[index], node: (id) => nodes[id - 1] };
}
