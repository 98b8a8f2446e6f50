import type { TopicInfo } from "../core/ports.ts";
import { unknownTopic } from "../core/unknown_topic.ts";
import { Backoff } from "../stream/backoff.ts";
import { sleep } from "../stream/sleep.ts";
import type { ClusterClient } from "./cluster_client.ts";
import { kafkaError, mayRetry, unavailable } from "./kafka_error.ts";

/** How long a topic's metadata is believed without being asked for again. */
const BELIEVED_MS = 5_000;

/** A topic that was just asked for is not asked for again by those who come in the meantime. */
const FRESH_MS = 50;

/** How long a request that clients wait for is tried again while leaders move. */
const RETRY_MS = 5_000;

const UNKNOWN_TOPIC = 3;
const LEADER_NOT_AVAILABLE = 5;

/** Topics with their leaders; each is asked for by itself, so one broken topic harms no other. */
export class TopicCatalog {
  readonly #cluster: ClusterClient;
  readonly #known = new Map<string, { info: TopicInfo; atMs: number }>();
  readonly #asking = new Map<string, Promise<TopicInfo>>();

  constructor(cluster: ClusterClient) {
    this.#cluster = cluster;
  }

  /** @throws {ProxyError} `unknown_topic`, `forbidden`, `kafka_unavailable` */
  async topic(name: string, fresh: boolean): Promise<TopicInfo> {
    const known = this.#known.get(name);
    const believedMs = fresh ? FRESH_MS : BELIEVED_MS;
    if (known !== undefined && performance.now() - known.atMs < believedMs) return known.info;
    let asking = this.#asking.get(name);
    if (asking === undefined) {
      asking = this.#ask(name).finally(() => this.#asking.delete(name));
      this.#asking.set(name, asking);
    }
    return await asking;
  }

  /**
   * Does something with a topic's leaders, again with new ones when they have moved meanwhile.
   *
   * @throws {ProxyError} the last error, after 5 s of trying or when trying again cannot help
   */
  async retrying<T>(name: string, work: (info: TopicInfo) => Promise<T>): Promise<T> {
    const backoff = new Backoff(50, 500);
    const untilMs = performance.now() + RETRY_MS;
    for (let fresh = false;; fresh = true) {
      try {
        return await work(await this.topic(name, fresh));
      } catch (error) {
        const known = unavailable(`Cannot read "${name}"`, error);
        const { closing } = this.#cluster;
        if (!mayRetry(known) || closing.aborted || performance.now() > untilMs) throw known;
        await sleep(backoff.next(), closing);
      }
    }
  }

  async #ask(name: string): Promise<TopicInfo> {
    const what = `Cannot read "${name}"`;
    const [found] = await this.#cluster.metadata([name]);
    const errorCode = found?.topicErrorCode ?? UNKNOWN_TOPIC;
    if (errorCode !== 0 && errorCode !== LEADER_NOT_AVAILABLE) {
      this.#known.delete(name);
      if (errorCode === UNKNOWN_TOPIC) {
        throw unknownTopic(name);
      }
      throw kafkaError(errorCode, what);
    }
    const leaders = new Map(
      found.partitionMetadata
        .map(({ partitionId, leader }): [number, number | undefined] => [
          partitionId,
          leader < 0 ? undefined : leader,
        ])
        .sort(([a], [b]) => a - b),
    );
    const { topicId } = found;
    const info = { topic: name, leaders, ...(topicId === undefined ? {} : { topicId }) };
    this.#known.set(name, { info, atMs: performance.now() });
    this.#prune();
    return info;
  }

  /** Topics nobody asks for any more are forgotten. */
  #prune(): void {
    if (this.#known.size < 1_000) return;
    const now = performance.now();
    for (const [name, { atMs }] of this.#known) {
      if (now - atMs > BELIEVED_MS) this.#known.delete(name);
    }
  }
}
