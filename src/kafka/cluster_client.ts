import { ProxyError } from "../core/proxy_error.ts";
import { BrokerLink, type BrokerOptions, commonVersion } from "./broker_link.ts";
import { throttledMs } from "./compact.ts";
import type { KafkaCredentials } from "./kafka_credentials.ts";
import { unavailable } from "./kafka_error.ts";
import { Refusals } from "./refusals.ts";
import {
  type ClusterMetadata,
  METADATA_WITH_IDS,
  metadataRequest,
  readMetadataResponse,
  type TopicMetadata,
} from "./metadata_request.ts";
import { hedged } from "../stream/hedged.ts";

/** A broker's place in the network, as the cluster advertises it. */
interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * What any broker can answer is asked of the next one too when there is no answer within so long, in
 * ms: a broker that hangs keeps its connections open, and would be waited for until the time-out.
 */
const SLOW_MS = 1_000;

/** Links of their own are for a few small answers, and there may be hundreds; in bytes. */
const OWN_READ_BYTES = 2_048;

/**
 * The brokers of one cluster: who they are, and one {@linkcode BrokerLink} to each that is used.
 *
 * KafkaJS's own cluster object is left out because a single deleted topic makes its metadata
 * refresh fail for all of them; here metadata is asked topic by topic and judged by the caller.
 */
export class ClusterClient {
  readonly #bootstrap: readonly Address[];
  readonly #options: BrokerOptions;
  readonly #addresses = new Map<number, Address>();
  readonly #links = new Map<string, Promise<BrokerLink>>();
  /** Brokers that have had a question for longer than {@linkcode SLOW_MS}. */
  readonly #slow = new Set<string>();
  readonly #closing = new AbortController();
  readonly #credentials: KafkaCredentials | undefined;
  readonly #refusals = new Refusals();
  #clusterId: string | undefined;

  /** @param credentials for TLS and SASL; absent: plain text, and brokers do not ask */
  constructor(
    bootstrap: readonly string[],
    options: BrokerOptions,
    credentials?: KafkaCredentials,
  ) {
    this.#credentials = credentials;
    this.#bootstrap = bootstrap.map((address) => {
      const colon = address.lastIndexOf(":");
      return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
    });
    this.#options = options;
  }

  /** Aborted by {@linkcode close}: whoever waits to ask again need not. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Node ids seen so far. */
  get nodeIds(): number[] {
    return [...this.#addresses.keys()];
  }

  /**
   * The link to a broker. `lane` gives a second pair of connections to the same broker, for long
   * polls that may not share one.
   *
   * @throws {ProxyError} `kafka_unavailable`
   */
  async node(nodeId: number, lane = ""): Promise<BrokerLink> {
    const address = this.#addresses.get(nodeId);
    if (address === undefined) throw unknownBroker(nodeId);
    return await this.#link(address, lane);
  }

  /**
   * A new link to a broker that its user closes, under a client id of its own.
   *
   * @throws {ProxyError} `kafka_unavailable`
   */
  async own(nodeId: number, clientId: string): Promise<BrokerLink> {
    const address = this.#addresses.get(nodeId);
    if (address === undefined) throw unknownBroker(nodeId);
    const known = await this.#links.get(keyOf(address, ""))?.catch(() => undefined);
    const versions = known?.isAlive ? known.apiVersions : undefined;
    try {
      const options = { ...this.#options, clientId, versions, readBytes: OWN_READ_BYTES };
      return await this.#connect(address, options);
    } catch (error) {
      throw unavailable(`Cannot connect to broker ${nodeId}`, error);
    }
  }

  /**
   * Asks any broker that answers: those connected first, then those known, then the bootstrap list,
   * and those that are slow now last. May ask several, so it is for questions only.
   *
   * @throws {ProxyError} `kafka_unavailable` when none does, with the last one's reason
   */
  async any<T>(ask: (link: BrokerLink) => Promise<T>): Promise<T> {
    const ways = this.#candidates().map((address) => () => this.#askOne(address, ask));
    try {
      return await hedged(ways, SLOW_MS);
    } catch (error) {
      throw unavailable("Cannot reach Kafka", error);
    }
  }

  /**
   * Resolves when some broker does what it does only for those it has let in.
   *
   * @throws {ProxyError} `kafka_unavailable`, `kafka_auth_failed`
   */
  async ping(): Promise<void> {
    // Brokers answer ApiVersions to anybody; old ones would name all topics where none is asked for.
    await this.any((link) =>
      versionWithIds(link) === undefined ? link.send("ApiVersions", {}) : askMetadata(link, [])
    );
    await this.#checkCredentials();
  }

  /** Metadata of these topics, or of all there are, as the cluster has it now. */
  async metadata(topics: readonly string[] | undefined): Promise<readonly TopicMetadata[]> {
    return (await this.#metadata(topics)).topicMetadata;
  }

  /**
   * The cluster's id, which it keeps for ever; `undefined` on brokers that give none.
   *
   * @throws {ProxyError} `kafka_unavailable`
   */
  async clusterId(): Promise<string | undefined> {
    if (this.#clusterId === undefined) await this.#metadata([]);
    return this.#clusterId;
  }

  /** Remembers a broker that another answer named, a group's coordinator say. */
  learn(nodeId: number, host: string, port: number): void {
    this.#addresses.set(nodeId, { host, port });
  }

  /**
   * Asks brokers that have refused our credentials once more, now and then or as soon as these are
   * others: connections made before the refusal go on, and would hide that no new one can be made.
   *
   * @throws {ProxyError} `kafka_auth_failed` when one refuses them still
   */
  async #checkCredentials(): Promise<void> {
    for (const address of this.#refusals.addresses) {
      const [host, port] = address.split(":");
      try {
        (await this.#connect({ host, port: Number(port) }, this.#options)).close();
      } catch (error) {
        const known = unavailable(`Cannot connect to the broker at ${address}`, error);
        if (known.code === "kafka_auth_failed") throw known;
      }
    }
  }

  /** Ends all connections now. */
  async close(): Promise<void> {
    this.#closing.abort();
    const links = [...this.#links.values()];
    this.#links.clear();
    for (const link of await Promise.allSettled(links)) {
      if (link.status === "fulfilled") link.value.close();
    }
  }

  async #metadata(topics: readonly string[] | undefined): Promise<ClusterMetadata> {
    const answer = await this.any((link) => askMetadata(link, topics));
    this.#learn(answer.brokers);
    this.#clusterId = answer.clusterId ?? this.#clusterId;
    return answer;
  }

  #learn(brokers: ClusterMetadata["brokers"]): void {
    if (brokers.length === 0) return;
    this.#addresses.clear();
    for (const { nodeId, host, port } of brokers) this.#addresses.set(nodeId, { host, port });
  }

  #candidates(): Address[] {
    const all = [...this.#addresses.values(), ...this.#bootstrap];
    const seen = new Set<string>();
    const unique = all.filter((address) => {
      const key = keyOf(address, "");
      return !seen.has(key) && seen.add(key);
    });
    const rank = (address: Address) => {
      const key = keyOf(address, "");
      return (this.#slow.has(key) ? 2 : 0) + (this.#links.has(key) ? 0 : 1);
    };
    return unique.sort((a, b) => rank(a) - rank(b));
  }

  async #askOne<T>(address: Address, ask: (link: BrokerLink) => Promise<T>): Promise<T> {
    const key = keyOf(address, "");
    const slow = setTimeout(() => this.#slow.add(key), SLOW_MS);
    try {
      return await ask(await this.#link(address, ""));
    } finally {
      clearTimeout(slow);
      this.#slow.delete(key);
    }
  }

  async #link(address: Address, lane: string): Promise<BrokerLink> {
    const key = keyOf(address, lane);
    for (;;) {
      if (this.#closing.signal.aborted) {
        throw new ProxyError("leaving", "The connection to Kafka is closed");
      }
      const opening = this.#links.get(key) ?? this.#open(key, address);
      const link = await opening;
      if (link.isAlive) return link;
      if (this.#links.get(key) === opening) this.#links.delete(key);
    }
  }

  async #connect({ host, port }: Address, options: BrokerOptions): Promise<BrokerLink> {
    const access = await this.#credentials?.access();
    if (access === undefined) return await BrokerLink.open(host, port, options);
    const { tls, sasl, fingerprint } = access;
    return await this.#refusals.pass(
      `${host}:${port}`,
      fingerprint,
      () => BrokerLink.open(host, port, { ...options, tls, sasl }),
    );
  }

  #open(key: string, address: Address): Promise<BrokerLink> {
    const { host, port } = address;
    const opening = this.#connect(address, this.#options).then(
      (link) => {
        if (this.#closing.signal.aborted) link.close();
        return link;
      },
      (error) => {
        if (this.#links.get(key) === opening) this.#links.delete(key);
        throw unavailable(`Cannot connect to the broker at ${host}:${port}`, error);
      },
    );
    this.#links.set(key, opening);
    return opening;
  }
}

function versionWithIds(link: BrokerLink): number | undefined {
  return commonVersion(link, "Metadata", METADATA_WITH_IDS);
}

/** In a version with topic ids where the broker speaks one, else in KafkaJS's newest. */
async function askMetadata(
  link: BrokerLink,
  topics: readonly string[] | undefined,
): Promise<ClusterMetadata> {
  const version = versionWithIds(link);
  if (version === undefined) {
    // An empty list is all topics there.
    return await link.send("Metadata", { topics: topics ?? [], allowAutoTopicCreation: false });
  }
  const body = metadataRequest(topics, version);
  return readMetadataResponse(await link.raw("Metadata", version, body, throttledMs));
}

function keyOf({ host, port }: Address, lane: string): string {
  return `${host}:${port}/${lane}`;
}

function unknownBroker(nodeId: number): ProxyError {
  return new ProxyError("kafka_unavailable", `Broker ${nodeId} is not part of the cluster`);
}
