import type { ClusterClient } from "./cluster_client.ts";

/** The resource type of a topic (Kafka protocol guide, DescribeConfigs). */
const TOPIC = 2;
const LIMIT = "max.message.bytes";

/** How long an answer, or that there was none, is believed. */
const BELIEVED_MS = 60_000;

/** Topics are only looked up after a batch was refused; still there is no end to their names. */
const MOST_KNOWN = 1_000;

interface DescribeConfigsAnswer {
  readonly resources: readonly {
    readonly errorCode: number;
    readonly configEntries: readonly {
      readonly configName: string;
      readonly configValue: string;
    }[];
  }[];
}

/** The largest record batches that topics take: `max.message.bytes`, where Kafka tells us. */
export class TopicLimits {
  readonly #cluster: ClusterClient;
  readonly #known = new Map<string, { bytes: number | undefined; atMs: number }>();

  constructor(cluster: ClusterClient) {
    this.#cluster = cluster;
  }

  /** What was learnt a while ago. */
  known(topic: string): number | undefined {
    const known = this.#known.get(topic);
    if (known === undefined) return undefined;
    if (performance.now() - known.atMs < BELIEVED_MS) return known.bytes;
    this.#known.delete(topic);
    return undefined;
  }

  /** Asks for it; `undefined` where the right to describe the topic's settings is missing. */
  async learn(topic: string): Promise<number | undefined> {
    const known = this.#known.get(topic);
    if (known !== undefined && performance.now() - known.atMs < BELIEVED_MS) return known.bytes;
    const bytes = await this.#ask(topic);
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(topic, { bytes, atMs: performance.now() });
    return bytes;
  }

  async #ask(topic: string): Promise<number | undefined> {
    try {
      const { resources: [found] } = await this.#cluster.any((link) =>
        link.send<DescribeConfigsAnswer>("DescribeConfigs", {
          resources: [{ type: TOPIC, name: topic, configNames: [LIMIT] }],
          includeSynonyms: false,
        })
      );
      const entry = found?.configEntries.find(({ configName }) => configName === LIMIT);
      const bytes = Number(entry?.configValue);
      return found?.errorCode === 0 && bytes > 0 ? bytes : undefined;
    } catch {
      // It is for a better message only: a batch that was too large can be split without it.
      return undefined;
    }
  }
}
