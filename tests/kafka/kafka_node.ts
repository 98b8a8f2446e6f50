import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import type { NodeAddress } from "./broker_properties.ts";
import type { DetachedProcess } from "./detached_process.ts";
import type { GuardedFolder } from "./guarded_folder.ts";
import type { KafkaJars } from "./kafka_jars.ts";
import { probeMetadata } from "./metadata_probe.ts";

/** How a node's Java is run. */
export interface JvmOptions {
  /** @default {512} */
  readonly heapMb?: number;
  /** Starts fast and needs little memory, but never optimizes: `false` for benchmarks. */
  readonly fast?: boolean;
  /** More flags of `java`. */
  readonly javaFlags?: readonly string[];
  /** Of the process, beside what this one has. */
  readonly env?: (node: NodeAddress) => Readonly<Record<string, string>>;
}

/** A start that fails within this time is a failure; it takes 1 s on an idle machine. */
const START_TIMEOUT_MS = 60_000;

/** One broker and controller of a cluster: a Java process that can be stopped and started again. */
export class KafkaNode {
  readonly id: number;
  readonly clusterId: string;
  readonly port: number;
  readonly dataFolder: string;
  readonly #logFile: string;
  readonly #command: readonly string[];
  readonly #folder: GuardedFolder;
  readonly #java: string;
  readonly #env: Readonly<Record<string, string>> | undefined;
  #process: DetachedProcess | undefined;

  /** For `KafkaCluster`. */
  constructor(
    address: NodeAddress,
    { clusterId, folder, jars, jvm }: {
      clusterId: string;
      folder: GuardedFolder;
      jars: KafkaJars;
      jvm: JvmOptions;
    },
  ) {
    this.clusterId = clusterId;
    this.id = address.id;
    this.port = address.port;
    this.#folder = folder;
    this.#java = jars.java;
    this.#env = jvm.env?.(address);
    this.dataFolder = join(folder.path, `node-${this.id}`);
    this.#logFile = join(folder.path, `node-${this.id}.log`);
    this.#command = [
      ...jvmFlags(jvm),
      "-cp",
      jars.classpath,
      "kafka.Kafka",
      this.propertiesFile,
    ];
  }

  /** HOST:PORT. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Its `server.properties`. */
  get propertiesFile(): string {
    return join(this.#folder.path, `node-${this.id}.properties`);
  }

  /** Of its Java process; `undefined` before the first start. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether its process is there (a paused one is). */
  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === undefined;
  }

  /** Starts the process, and returns before it answers; `ready` waits. */
  async launch(): Promise<void> {
    if (this.isRunning) throw new Error(`Cannot start node ${this.id}: it runs`);
    this.#process = await this.#folder.start(this.#java, this.#command, this.#logFile, this.#env);
  }

  /**
   * Waits until it answers and the cluster has let it in (no leader is elected and no topic created
   * on it before), and until it sees `nodeIds`.
   *
   * @throws {Error} with the last lines of its log
   */
  async ready(nodeIds: readonly number[] = [this.id]): Promise<void> {
    try {
      await eventually(`node ${this.id} of Apache Kafka to be ready`, async () => {
        if (!this.isRunning) {
          throw new Error(`Node ${this.id} ended with code ${this.#process?.exitCode}`);
        }
        const view = await probeMetadata(this.address);
        // Not one of another cluster that took the port first.
        return view?.clusterId === this.clusterId &&
          nodeIds.every((id) => view.nodeIds.includes(id));
      }, { timeoutMs: START_TIMEOUT_MS });
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${await this.log()}`, { cause: error });
    }
  }

  /** Starts it again on the same port and data, and waits until it is ready. */
  async start(): Promise<void> {
    await this.launch();
    await this.ready();
  }

  /** SIGTERM, an orderly end: leaders are moved to other nodes first. Waits for the end. */
  async stop(): Promise<void> {
    this.#process?.signal("SIGTERM");
    await this.#process?.ended();
  }

  /** SIGKILL. Waits for the end. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** Stops it and starts it again. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** SIGSTOP: its connections stay open and nothing answers. */
  pause(): void {
    this.#process?.signal("SIGSTOP");
  }

  /** SIGCONT. */
  resume(): void {
    this.#process?.signal("SIGCONT");
  }

  /** The last lines of its output, over all its starts. */
  async log(lines = 40): Promise<string> {
    const text = await Deno.readTextFile(this.#logFile).catch(() => "");
    return text.trimEnd().split("\n").slice(-lines).join("\n");
  }
}

function jvmFlags({ heapMb = 512, fast = true, javaFlags = [] }: JvmOptions): string[] {
  return [
    ...javaFlags,
    `-Xmx${heapMb}m`,
    ...(fast ? ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] : [`-Xms${heapMb}m`]),
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server=info",
  ];
}
