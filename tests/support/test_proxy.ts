import type { LibraryOptions } from "../../src/config/library_options.ts";
import { KafkaProxy, type ProxyHooks } from "../../src/mod.ts";
import { eventually } from "./eventually.ts";
import { httpUpgrade, type UpgradeAnswer, type UpgradeRequest } from "./http_upgrade.ts";
import { RecordClient, type RecordClientOptions } from "./record_client.ts";

/** Query parameters of a v1 client. */
export type V1Query = Readonly<Record<string, string | number | bigint | undefined>>;

/** Options of the proxy: everything but the address of Kafka has a default. */
export type TestProxyOptions =
  & Partial<LibraryOptions>
  & Pick<LibraryOptions, "kafka">
  & { readonly hooks?: ProxyHooks };

/**
 * The proxy in this process, on a free port, connected to Kafka.
 *
 * ```ts ignore
 * await using proxy = await startProxy({ kafka: kafka.bootstrap });
 * await using client = await proxy.connect({ topic: "orders", offset: "earliest" });
 * ```
 */
export class TestProxy implements AsyncDisposable {
  /** `ws://127.0.0.1:PORT/`. */
  readonly url: string;
  readonly proxy: KafkaProxy;

  /** For {@linkcode startProxy}. */
  constructor(proxy: KafkaProxy, port: number) {
    this.proxy = proxy;
    this.url = `ws://127.0.0.1:${port}/`;
  }

  /** The same for plain HTTP. */
  get httpUrl(): string {
    return this.url.replace(/^ws:/, "http:");
  }

  /** What has happened so far, counted by name. */
  get events(): KafkaProxy["events"] {
    return this.proxy.events;
  }

  /** The address with a query. */
  at(query: V1Query): string {
    const entries = Object.entries(query).filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, `${value}`]);
    return `${this.url}?${new URLSearchParams(entries)}`;
  }

  /** Opens a v1 client. */
  async connect(query: V1Query, options: RecordClientOptions = {}): Promise<RecordClient> {
    return await RecordClient.open(this.at(query), options);
  }

  /** Opens a v1 client that is in no group and reads partition 0 from earliest, if not told else. */
  async read(query: V1Query, options: RecordClientOptions = {}): Promise<RecordClient> {
    return await this.connect({ consumerGroup: "", offset: "earliest", ...query }, options);
  }

  /** Asks for an upgrade and gives the server's answer, for refusals. */
  async upgrade(query: V1Query, request: UpgradeRequest = {}): Promise<UpgradeAnswer> {
    return await httpUpgrade(this.at(query), request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.close();
  }
}

/** Starts a proxy and waits until it is ready: it listens and Kafka answers. */
export async function startProxy(
  { hooks, ...options }: TestProxyOptions,
): Promise<TestProxy> {
  const proxy = new KafkaProxy({ wsPort: 0, recordInterval: 0, ...options }, hooks);
  const { port } = await proxy.listen();
  const test = new TestProxy(proxy, port);
  try {
    await eventually("the proxy to be ready", async () => {
      const answer = await fetch(`${test.httpUrl}readyz`);
      await answer.body?.cancel();
      return answer.ok;
    });
  } catch (error) {
    await proxy.close();
    throw error;
  }
  return test;
}
