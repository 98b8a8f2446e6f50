import { Buffer } from "node:buffer";
import type { SharedKafka } from "../../kafka/shared_kafka.ts";
import { ProxyProcess } from "../proxy_process.ts";
import { TcpRelay } from "../tcp_relay.ts";
import type { World } from "./contract.ts";

/** The contract's world with the proxy, a process of its own, and Kafka. */
export class RealWorld implements World {
  readonly #shared: SharedKafka;
  readonly #relay: TcpRelay;
  #proxy: ProxyProcess;

  private constructor(shared: SharedKafka, proxy: ProxyProcess) {
    this.#shared = shared;
    this.#proxy = proxy;
    this.#relay = new TcpRelay(proxy.url);
  }

  /** Starts a proxy before this Kafka. */
  static async start(shared: SharedKafka): Promise<RealWorld> {
    return new RealWorld(shared, await newProxy(shared, "0"));
  }

  get url(): string {
    return this.#relay.through(this.#proxy.url);
  }

  async createTopic(topic: string, partitions: number): Promise<void> {
    await this.#shared.helper.createTopic(topic, { partitions });
  }

  async fill(topic: string, count: number, partition: number): Promise<void> {
    await this.#shared.helper.produce({ topic, count, partition });
  }

  async values(topic: string): Promise<(string | null)[]> {
    const records = await this.#shared.helper.read({ topic, partition: 0 });
    return records.map(({ value }) => value && Buffer.from(value, "base64").toString());
  }

  async committed(group: string, topic: string): Promise<bigint | undefined> {
    const places = await this.#shared.helper.groupOffsets(group);
    const place = places.find((each) => each.topic === topic && each.partition === 0);
    return place && BigInt(place.offset);
  }

  cut(): Promise<void> {
    this.#relay.cut();
    return Promise.resolve();
  }

  /** Killed, not asked: nothing is said to anybody. */
  async restart(): Promise<void> {
    const { port } = new URL(this.#proxy.url);
    this.#proxy.signal("SIGKILL");
    await this.#proxy.ended();
    await this.#proxy[Symbol.asyncDispose]();
    this.#proxy = await newProxy(this.#shared, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
  }
}

async function newProxy({ kafka }: SharedKafka, port: string): Promise<ProxyProcess> {
  return await ProxyProcess.start({
    args: ["--kafka", kafka.bootstrap, "--port", port, "--commit-interval-ms", "20"],
  });
}
