import type { GroupPositions } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { type BrokerLink, commonVersion } from "./broker_link.ts";
import { throttledMs } from "./compact.ts";
import { checkGroupError, type GroupCoordinators } from "./group_coordinators.ts";
import type { GroupLooks } from "./group_looks.ts";
import {
  type OffsetFetchAnswer,
  readOffsetFetchResponse,
  STABLE_OFFSET_FETCH,
  stableOffsetFetchRequest,
} from "./offset_fetch_request.ts";

/** Marks a commit of a consumer that is no member (Kafka's "standalone" consumer). */
const STANDALONE = { generation: -1, memberId: "" };

/**
 * UNKNOWN_TOPIC_OR_PARTITION. One broker may hear of a topic later than the others, so a commit that
 * meets it has failed for now; that a topic is gone is for those to find who read it.
 */
const UNKNOWN_TOPIC = 3;

interface OffsetCommitAnswer {
  readonly responses: readonly {
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

/**
 * Reads and writes committed positions on the connections all sessions share, as a consumer that
 * is no member of the group: no join, no heartbeat, no rebalance. Kafka accepts such commits while
 * the group has no members, which is what keeps pinned and balanced clients apart.
 */
export class KafkaGroupPositions implements GroupPositions {
  readonly #coordinators: GroupCoordinators;
  readonly #looks: GroupLooks;

  constructor(coordinators: GroupCoordinators, looks: GroupLooks) {
    this.#coordinators = coordinators;
    this.#looks = looks;
  }

  async members(group: string): Promise<string[]> {
    const { members } = await this.#looks.look(group);
    return members.map(({ clientId, clientHost }) => `${clientId}${clientHost}`);
  }

  committed(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, bigint>> {
    const what = `Cannot read the position of group "${group}"`;
    return this.#coordinators.ask(group, async (link) => {
      const answer = await askCommitted(link, group, topic, partitions);
      checkGroupError(answer.errorCode, what);
      const found = new Map<number, bigint>();
      for (const part of answer.responses.flatMap((response) => response.partitions)) {
        checkGroupError(part.errorCode, what);
        const offset = BigInt(part.offset);
        if (offset >= 0n) found.set(part.partition, offset);
      }
      return found;
    });
  }

  commit(
    group: string,
    topic: string,
    next: ReadonlyMap<number, bigint>,
    guard?: () => void,
  ): Promise<void> {
    return commitOffsets(this.#coordinators, group, topic, next, STANDALONE, guard);
  }
}

/** What is stable where the broker can tell (Kafka 2.5 and newer), else what it shows. */
async function askCommitted(
  link: BrokerLink,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<OffsetFetchAnswer> {
  const version = commonVersion(link, "OffsetFetch", STABLE_OFFSET_FETCH);
  if (version !== undefined) {
    const body = stableOffsetFetchRequest(group, topic, partitions);
    return readOffsetFetchResponse(await link.raw("OffsetFetch", version, body, throttledMs));
  }
  return await link.send<OffsetFetchAnswer>("OffsetFetch", {
    groupId: group,
    topics: [{ topic, partitions: partitions.map((partition) => ({ partition })) }],
  });
}

/**
 * Commits the next offsets to read, as a member or as a standalone consumer.
 *
 * @throws {ProxyError} `group_in_use` when Kafka does not take commits of this one (any more)
 */
export async function commitOffsets(
  coordinators: GroupCoordinators,
  group: string,
  topic: string,
  next: ReadonlyMap<number, bigint>,
  { generation, memberId }: { generation: number; memberId: string },
  guard?: () => void,
): Promise<void> {
  const what = `Cannot commit for group "${group}"`;
  const parts = await coordinators.ask(group, async (link) => {
    const partitions = [...next].map(([partition, offset]) => ({
      partition,
      offset: offset.toString(),
    }));
    const answer = await link.send<OffsetCommitAnswer>("OffsetCommit", {
      groupId: group,
      groupGenerationId: generation,
      memberId,
      topics: [{ topic, partitions }],
    }, guard);
    const parts = answer.responses.flatMap((response) => response.partitions);
    for (const { errorCode } of parts) {
      if (errorCode !== UNKNOWN_TOPIC) checkGroupError(errorCode, what);
    }
    return parts;
  });
  if (parts.some(({ errorCode }) => errorCode === UNKNOWN_TOPIC)) {
    throw new ProxyError("kafka_unavailable", `${what}: its coordinator does not know "${topic}"`);
  }
}
