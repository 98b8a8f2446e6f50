import { type FakeV2Options, FakeV2Server } from "../fake_v2_server.ts";
import { eventually } from "../eventually.ts";
import { TcpRelay } from "../tcp_relay.ts";
import type { World } from "./contract.ts";

/** The contract's world without a broker. */
export class FakeWorld implements World {
  readonly server: FakeV2Server;
  readonly #relay: TcpRelay;

  constructor(options: FakeV2Options = {}) {
    this.server = new FakeV2Server(options);
    this.#relay = new TcpRelay(this.server.url);
  }

  get url(): string {
    return this.#relay.through(this.server.url);
  }

  createTopic(topic: string, partitions: number): Promise<void> {
    this.server.create(topic, partitions);
    return Promise.resolve();
  }

  fill(topic: string, count: number, partition: number): Promise<void> {
    this.server.fill(topic, count, { partition });
    return Promise.resolve();
  }

  values(topic: string): Promise<(string | null)[]> {
    const text = new TextDecoder();
    return Promise.resolve(
      this.server.partition(topic).records.map(({ value }) => value && text.decode(value)),
    );
  }

  committed(group: string, topic: string): Promise<bigint | undefined> {
    return Promise.resolve(this.server.commits.get(group)?.get(`${topic}/0`));
  }

  cut(): Promise<void> {
    this.#relay.cut();
    return Promise.resolve();
  }

  async restart(): Promise<void> {
    this.#relay.cut();
    await this.server.stop();
    this.server.start();
  }

  async endForGood(): Promise<number> {
    this.server.close(4409, "taken over");
    await eventually("the sockets to be gone", () => this.server.sockets === 0);
    return 4409;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
