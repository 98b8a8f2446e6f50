import { brokerProperties, type NodeAddress, type Properties } from "./broker_properties.ts";
import { classArchive } from "./class_archive.ts";
import { freePorts, isFreePort } from "./free_ports.ts";
import { GuardedFolder } from "./guarded_folder.ts";
import { ensureKafkaJars, type KafkaJars, type KafkaJarsOptions } from "./kafka_jars.ts";
import { type JvmOptions, KafkaNode } from "./kafka_node.ts";
import { formatStorage, kafkaUuid } from "./storage_format.ts";

/** What a cluster is made of. */
export interface KafkaClusterOptions extends JvmOptions, KafkaJarsOptions {
  /** @default {1} */
  readonly nodes?: number;
  /** Settings of `server.properties` over the launcher's own; a function gets each node's own. */
  readonly properties?: Properties | ((node: NodeAddress) => Properties);
  /** A fixed port for the first node. */
  readonly port?: number;
}

/**
 * Apache Kafka itself, on free ports of 127.0.0.1 and with a data folder of its own.
 *
 * Ownership: processes and data are gone after dispose, and also when this process ends without
 * it. Between calls nothing is held that the test sanitizers would see, so that one cluster can
 * serve all tests of a file.
 *
 * ```ts ignore
 * await using kafka = await KafkaCluster.start();
 * await using helper = await KafkaHelper.start(kafka.bootstrap);
 * await helper.createTopic("orders", { partitions: 3 });
 * ```
 */
export class KafkaCluster implements AsyncDisposable {
  readonly version: string;
  /** By position; ids count from 1. */
  readonly nodes: readonly KafkaNode[];
  readonly #folder: GuardedFolder;

  private constructor(version: string, nodes: readonly KafkaNode[], folder: GuardedFolder) {
    this.version = version;
    this.nodes = nodes;
    this.#folder = folder;
  }

  /**
   * Starts a cluster and waits until topics can be created on all of its nodes.
   *
   * @throws {Error} one sentence that says what to install, when Java or Maven is missing; the end
   * of the broker's log when it does not start
   */
  static async start(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
    const { onProgress = () => {}, port } = options;
    if (port !== undefined && !isFreePort(port)) {
      throw new Error(`Cannot start Apache Kafka on port ${port}: it is taken`);
    }
    const jars = await ensureKafkaJars(options);
    const archive = await classArchive(jars, async (file) => {
      onProgress(`Preparing Apache Kafka ${jars.version} for fast starts (once)`);
      const javaFlags = [`-XX:ArchiveClassesAtExit=${file}`];
      await using training = await KafkaCluster.#launch(jars, { javaFlags });
      await training.nodes[0].stop();
    });
    const javaFlags = [...archive, ...(options.javaFlags ?? [])];
    onProgress(`Starting Apache Kafka ${jars.version}`);
    return await KafkaCluster.#launch(jars, { ...options, javaFlags });
  }

  static async #launch(jars: KafkaJars, options: KafkaClusterOptions): Promise<KafkaCluster> {
    const { nodes: count = 1, properties = {} } = options;
    const addresses = nodeAddresses(count, options.port);
    const folder = await GuardedFolder.create("kafka-proxy-kafka-");
    try {
      const common = { clusterId: kafkaUuid(), folder, jars, jvm: options };
      const nodes = addresses.map((it) => new KafkaNode(it, common));
      await Promise.all(nodes.map(async (node, i) => {
        const own = typeof properties === "function" ? properties(addresses[i]) : properties;
        const text = brokerProperties(addresses[i], addresses, node.dataFolder, own);
        await Deno.writeTextFile(node.propertiesFile, text);
        await formatStorage(jars, node);
        await node.launch();
      }));
      const ids = nodes.map((node) => node.id);
      await Promise.all(nodes.map((node) => node.ready(ids)));
      return new KafkaCluster(jars.version, nodes, folder);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** HOST:PORT of all nodes, with commas between them. */
  get bootstrap(): string {
    return this.nodes.map((node) => node.address).join(",");
  }

  /** The node of that id, as brokers name it in their metadata. */
  node(id: number): KafkaNode {
    const found = this.nodes.find((node) => node.id === id);
    if (!found) throw new RangeError(`Cannot find node ${id}: there are ${this.nodes.length}`);
    return found;
  }

  /** The last lines of the output of all nodes, for the message of a failure. */
  async logs(lines = 40): Promise<string> {
    const logs = await Promise.all(this.nodes.map((node) => node.log(lines)));
    return logs.map((log, i) => `--- node ${this.nodes[i].id}\n${log}`).join("\n");
  }

  /** Kills all nodes and removes their data. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

function nodeAddresses(count: number, firstPort: number | undefined): NodeAddress[] {
  const ports = freePorts(count * 2);
  return Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    port: (i === 0 ? firstPort : undefined) ?? ports[2 * i],
    controllerPort: ports[2 * i + 1],
  }));
}
