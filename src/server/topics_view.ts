import { checkTopic } from "../auth/topic_rules.ts";
import type { ApiPartition, ApiTopic, ApiTopics } from "../core/api.ts";
import type { LogReader } from "../core/ports.ts";
import type { Principal } from "../core/principal.ts";
import { Semaphore } from "../stream/semaphore.ts";

/** Topics whose offsets are looked up for one answer; beyond that only a named topic's are. */
const MOST_LOOKED_UP = 200;

/** Topics that are looked up at a time. */
const AT_A_TIME = 8;

/** What topics are shown from. */
export interface TopicSources {
  readonly reader: LogReader;
  /** Names of all topics of the cluster. */
  readonly names: () => Promise<readonly string[]>;
  /** The setting `internalTopics`. */
  readonly internalTopics: () => readonly string[];
}

/**
 * The topics a principal may read or write, or one of them.
 *
 * @throws {ProxyError} `unknown_topic` for a named one that is not there, `forbidden` for one that is
 * not for the principal, `kafka_unavailable`
 */
export async function topicsView(
  { reader, names, internalTopics }: TopicSources,
  principal: Principal,
  wanted: string | undefined,
): Promise<ApiTopics> {
  const shown = internalTopics();
  if (wanted !== undefined) {
    const operation = principal.may("consume", wanted) ? "consume" : "produce";
    checkTopic(wanted, { principal, operation, internalTopics: shown });
  }
  const all = wanted === undefined ? await names() : [wanted];
  const visible = all.filter((name) => !name.startsWith("__") || shown.includes(name))
    .map((topic) => ({
      topic,
      consume: principal.may("consume", topic),
      produce: principal.may("produce", topic),
    }))
    .filter(({ consume, produce }) => consume || produce)
    .sort((a, b) => a.topic < b.topic ? -1 : 1);
  const turns = new Semaphore(AT_A_TIME);
  const withOffsets = visible.length <= MOST_LOOKED_UP;
  const views = await Promise.all(
    visible.map((row) =>
      turns.run(async (): Promise<ApiTopic | undefined> => {
        if (!row.consume) return { ...row, partitions: [] };
        try {
          return { ...row, partitions: await partitionsOf(reader, row.topic, withOffsets) };
        } catch (error) {
          if (wanted !== undefined) throw error;
          return undefined; // deleted since it was listed
        }
      })
    ),
  );
  const topics = views.filter((topic) => topic !== undefined);
  return { timestampMs: Date.now(), topics };
}

async function partitionsOf(
  reader: LogReader,
  topic: string,
  withOffsets: boolean,
): Promise<ApiPartition[]> {
  const { leaders } = await reader.topic(topic);
  const partitions = [...leaders.keys()].filter((one) => leaders.get(one) !== undefined);
  const [earliest, end] = withOffsets
    ? await Promise.all(
      (["earliest", "latest"] as const).map((at) =>
        reader.offsets(topic, partitions, at, "uncommitted")
      ),
    )
    : [new Map<number, bigint>(), new Map<number, bigint>()];
  return [...leaders].map(([partition, leader]) => ({
    partition,
    ...(leader === undefined ? {} : { leader }),
    ...offset("earliest", earliest.get(partition)),
    ...offset("end", end.get(partition)),
  }));
}

function offset<Name extends string>(name: Name, value: bigint | undefined) {
  return value === undefined ? {} : { [name]: `${value}` } as Record<Name, string>;
}
