import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { sleep } from "../../../src/stream/sleep.ts";
import type { SharedKafka } from "../../kafka/shared_kafka.ts";
import { ProxyProcess } from "../proxy_process.ts";
import { TcpRelay } from "../tcp_relay.ts";
import { V2Client } from "../v2_client.ts";
import type { World } from "./contract.ts";

/** Close code of a client that an operator has disconnected. */
const DISCONNECTED = 1008;

/** A client that came back would have done so by then, in ms. */
const STAY_MS = 1_500;

/** The contract's world with the proxy, a process of its own, and Kafka. */
export class RealWorld implements World {
  readonly #shared: SharedKafka;
  readonly #relay: TcpRelay;
  #proxy: ProxyProcess;
  #newer: V2Client | undefined;

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

  /** Disconnects all clients as an operator does. */
  async endForGood(): Promise<number> {
    const sessions = `${this.#proxy.httpUrl}api/sessions`;
    const { sessions: open } = await (await fetch(sessions)).json();
    assert.ok(open.length > 0, "there is somebody to disconnect");
    for (const { session } of open) {
      const answer = await fetch(`${sessions}/${session}`, { method: "DELETE" });
      assert.ok(answer.ok, `${answer.status} ${await answer.text()}`);
    }
    return DISCONNECTED;
  }

  /**
   * A newer client takes a group's partition 0, and keeps it; the returned function says whether it
   * still has it.
   */
  async takeOver(topic: string, group: string): Promise<() => Promise<boolean>> {
    const newer = this.#newer = await V2Client.open(this.#proxy.url);
    await newer.ask({ type: "subscribe", topics: [topic], group, partitions: [0], credit: 100 });
    return async () => {
      await sleep(STAY_MS);
      return newer.of("ended").length === 0 && newer.closeInfo === undefined;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#newer?.close();
    await this.#relay[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
  }
}

async function newProxy({ kafka }: SharedKafka, port: string): Promise<ProxyProcess> {
  return await ProxyProcess.start({
    args: ["--kafka", kafka.bootstrap, "--port", port, "--commit-interval-ms", "20"],
  });
}
