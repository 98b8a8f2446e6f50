import { join } from "node:path";
import type { NodeAddress, Properties } from "../kafka/broker_properties.ts";
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
  /** The proxies sign in at the brokers with a password, which can be changed. */
  readonly passwords?: boolean;
  readonly onProgress?: (line: string) => void;
}

/** The brokers' name, as long as their address. */
const NAME = "kafka.lan";

/** How the proxies sign in: their user, and the mechanism. */
const SIGN_IN = { user: "proxy", mechanism: "SCRAM-SHA-256" } as const;

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
  /** Where the proxies read their password at the brokers; undefined where they need none. */
  readonly passwordFile: string | undefined;
  readonly #ports: readonly number[];
  readonly #proxies: ProxyProcess[] = [];
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: Parts, ports: readonly number[], resources: AsyncDisposableStack) {
    this.cluster = parts.cluster;
    this.helper = parts.helper;
    this.kafkaRelay = parts.kafkaRelay;
    this.dns = parts.dns;
    this.clocks = parts.clocks;
    this.passwordFile = parts.passwordFile;
    this.#ports = ports;
    this.#resources = resources;
    const urls = ports.map((port) => `ws://127.0.0.1:${port}/`);
    this.clientRelay = resources.use(new TcpRelay(...urls));
  }

  static async start(options: FaultWorldOptions = {}): Promise<FaultWorld> {
    const { names = false, clocks: haveClocks = false, passwords = false, onProgress } = options;
    await using resources = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "kafka-proxy-faults-" });
    resources.defer(() => Deno.remove(folder, { recursive: true }));
    const clocks = haveClocks ? newClocks(folder) : undefined;
    const env = clocks && (({ id }: { id: number }) => clocks.node(id).env);
    const doors = passwords ? freePorts(NODES) : undefined;
    const properties = doors && ((node: NodeAddress) => signInProperties(node, doors[node.id - 1]));
    const started = await KafkaCluster.start({ nodes: NODES, onProgress, env, properties });
    const cluster = resources.use(started);
    const helper = resources.use(await KafkaHelper.start(cluster.bootstrap, cluster));
    const dns = names ? resources.use(await SlowDns.start(NAME)) : undefined;
    const brokers = doors?.map((port) => `127.0.0.1:${port}`).join(",") ?? cluster.bootstrap;
    const kafkaRelay = resources.use(new FaultRelay(brokers, names ? NAME : undefined));
    const passwordFile = passwords ? join(folder, "password") : undefined;
    const world = new FaultWorld(
      { cluster, helper, kafkaRelay, dns, clocks, passwordFile },
      freePorts(PROXIES),
      resources.move(),
    );
    try {
      if (passwordFile !== undefined) await world.tellProxies(await world.newPassword());
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

  /** Gives the proxies' user at the brokers another password, which they do not know yet. */
  async newPassword(): Promise<string> {
    const password = `changed-${crypto.randomUUID()}`;
    await this.helper.setPassword({ ...SIGN_IN, password });
    return password;
  }

  /** Writes down the password for the proxies. */
  async tellProxies(password: string): Promise<void> {
    const file = this.passwordFile!;
    await Deno.writeTextFile(`${file}.new`, password);
    await Deno.rename(`${file}.new`, file);
  }

  /** Starts a proxy on its port: at first, and after it was ended. */
  async startProxy(index: number): Promise<void> {
    const file = this.passwordFile;
    const signIn = file === undefined
      ? []
      : ["--kafka-sasl", SIGN_IN.mechanism.toLowerCase(), "--kafka-user", SIGN_IN.user]
        .concat("--kafka-password-file", file);
    const proxy = await ProxyProcess.start({
      args: ["--kafka", this.kafkaRelay.bootstrap, "--port", `${this.#ports[index]}`]
        .concat("--record-interval", "0", "--commit-interval-ms", "500")
        // A client gone without a word keeps its partitions for so long; two minutes by default.
        .concat("--ping-timeout-seconds", "10", ...signIn),
      permissions: ["-P=server", ...file === undefined ? [] : [`--allow-read=${file}`]],
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
  readonly passwordFile: string | undefined;
}

function newClocks(folder: string): Clocks {
  const nodes = Array.from({ length: NODES }, (_, i) => new FakeClock(`${folder}/node-${i + 1}`));
  const proxies = Array.from({ length: PROXIES }, (_, i) => new FakeClock(`${folder}/proxy-${i}`));
  return { proxy: (index) => proxies[index], node: (id) => nodes[id - 1] };
}

/** One more listener, where only who has signed in comes in. */
function signInProperties({ port, controllerPort }: NodeAddress, door: number): Properties {
  const open = `PLAINTEXT://127.0.0.1:${port},SASL_PLAINTEXT://127.0.0.1:${door}`;
  return {
    "listeners": `${open},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": open,
    "listener.security.protocol.map":
      "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": SIGN_IN.mechanism,
    "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config":
      "org.apache.kafka.common.security.scram.ScramLoginModule required;",
  };
}
