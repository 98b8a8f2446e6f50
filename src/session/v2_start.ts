import type { LogReader } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { decodeResumeToken } from "../protocol/resume_token.ts";
import type { SubscribeRequest, V2Start } from "../protocol/v2_requests.ts";
import type { Gap, OnRange, TopicStart } from "./start_offsets.ts";

/** Where the topics of a subscription start. */
export interface V2Starts {
  /** By topic; without an entry a group goes on where it committed, a reader begins at the end. */
  readonly starts: ReadonlyMap<string, TopicStart>;
  readonly onRange: OnRange;
  /** Ranges that are missed whatever Kafka holds: positions of other topics than ours. */
  readonly lost: ReadonlyMap<string, readonly Omit<Gap, "to">[]>;
  /** What tokens of this subscription are made for; without a cluster id there are none. */
  readonly clusterId: string | undefined;
  readonly topicIds: ReadonlyMap<string, string | undefined>;
  /** Whether every position of a token is of what we read; absent without a token. */
  readonly isWhole: boolean | undefined;
}

/**
 * Reads where a subscription starts.
 *
 * A token counts for the topics it was made of: on another cluster, and after a topic was deleted
 * and made again, its offsets mean other records, so that reading starts at the earliest and what
 * was missed is said.
 *
 * @throws {ProxyError} `bad_parameter` for a token that is none
 */
export async function readStarts(
  { topics, partitions, from, resume, onRange }: SubscribeRequest,
  reader: LogReader,
): Promise<V2Starts> {
  const clusterId = await reader.clusterId();
  const infos = new Map(
    await Promise.all(topics.map(async (topic) => [topic, await reader.topic(topic)] as const)),
  );
  const topicIds = new Map([...infos].map(([topic, info]) => [topic, info.topicId]));
  if (resume === undefined) {
    return {
      clusterId,
      topicIds,
      starts: new Map(topics.flatMap((topic) => entry(topic, from))),
      onRange: onRange ?? "error",
      lost: new Map(),
      isWhole: undefined,
    };
  }
  const token = decodeResumeToken(resume);
  const isOurCluster = token.clusterId === clusterId;
  const starts = new Map<string, TopicStart>();
  const lost = new Map<string, Omit<Gap, "to">[]>();
  let isWhole = isOurCluster;
  for (const topic of topics) {
    const positions = token.positions.filter((position) => position.topic === topic);
    if (positions.length === 0) {
      isWhole = false;
      starts.set(topic, entry(topic, from)[0]?.[1] ?? { kind: "latest" });
      continue;
    }
    const { topicId, leaders } = infos.get(topic)!;
    const isSame = isOurCluster &&
      positions.every((position) =>
        position.topicId === undefined || topicId === undefined || position.topicId === topicId
      );
    if (isSame) {
      const known = new Map(positions.map(({ partition, next }) => [partition, next]));
      // A partition the token does not know is younger than the token: all of it is due.
      const added = [...leaders.keys()].filter((partition) =>
        !known.has(partition) && partitions?.includes(partition) !== true
      );
      // One that is asked for by its number, and was not when the token was made, is another matter.
      if (partitions?.every((partition) => known.has(partition)) === false) isWhole = false;
      const first = added.length === 0
        ? []
        : await reader.offsets(topic, added, "earliest", "committed");
      starts.set(topic, { kind: "offsets", offsets: new Map([...known, ...first]) });
      const taken = [...first].filter(([, offset]) => offset > 0n);
      if (taken.length > 0) isWhole = false;
      lost.set(topic, taken.map(([partition]) => ({ partition, from: 0n, reason: "retention" })));
      continue;
    }
    isWhole = false;
    starts.set(topic, { kind: "earliest" });
    lost.set(
      topic,
      positions.map(({ partition, next }) => ({ partition, from: next, reason: "recreated" })),
    );
  }
  return { clusterId, topicIds, starts, onRange: onRange ?? "earliest", lost, isWhole };
}

function entry(topic: string, from: V2Start | undefined): [string, TopicStart][] {
  if (from === undefined || from.kind === "committed") return [];
  if (from.kind !== "offsets") return [[topic, from]];
  const offsets = from.offsets.get(topic);
  return offsets === undefined ? [] : [[topic, { kind: "offsets", offsets }]];
}

/** Refuses one offset for several partitions: it could only be right for one of them. */
export function checkSingle(from: V2Start | undefined, partitions: number): void {
  if (from?.kind !== "offset" || partitions === 1) return;
  throw new ProxyError(
    "bad_frame",
    `Cannot start ${partitions} partitions at offset ${from.offset}: wanted "partitions" with one ` +
      `of them, or "from" with an offset for each`,
  );
}
