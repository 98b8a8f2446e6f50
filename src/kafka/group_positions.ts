import type { GroupPositions } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { Backoff } from "../stream/backoff.ts";
import { sleep } from "../stream/sleep.ts";
import type { BrokerLink } from "./broker_link.ts";
import type { ClusterClient } from "./cluster_client.ts";
import { errorName, kafkaError, unavailable } from "./kafka_error.ts";

/** How long a request is tried again while the coordinator moves or starts. */
const RETRY_MS = 5_000;

/** Error codes of a coordinator that is elsewhere or not ready yet: look it up again, try again. */
const COORDINATOR_MOVED = new Set([14, 15, 16]);

/** GROUP_ID_NOT_FOUND, from brokers that say so instead of describing a dead group. */
const GROUP_NOT_FOUND = 69;

/** Marks a commit of a consumer that is no member (Kafka's "standalone" consumer). */
const NO_GENERATION = -1;

interface CoordinatorAnswer {
  readonly errorCode: number;
  readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
}

interface OffsetFetchAnswer {
  readonly errorCode: number;
  readonly responses: readonly {
    readonly partitions: readonly {
      readonly partition: number;
      readonly offset: string;
      readonly errorCode: number;
    }[];
  }[];
}

interface OffsetCommitAnswer {
  readonly responses: readonly {
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

interface DescribeAnswer {
  readonly groups: readonly {
    readonly errorCode: number;
    readonly members: readonly { readonly clientId: string; readonly clientHost: string }[];
  }[];
}

/** Signals that the coordinator has to be looked up again. */
class CoordinatorMoved extends Error {}

/**
 * Reads and writes committed positions on the connections all sessions share, as a consumer that
 * is no member of the group: no join, no heartbeat, no rebalance. Kafka accepts such commits while
 * the group has no members, which is what keeps pinned and balanced clients apart.
 */
export class KafkaGroupPositions implements GroupPositions {
  readonly #cluster: ClusterClient;
  readonly #coordinators = new Map<string, number>();

  constructor(cluster: ClusterClient) {
    this.#cluster = cluster;
  }

  members(group: string): Promise<string[]> {
    return this.#ask(group, async (link) => {
      const answer = await link.send<DescribeAnswer>("DescribeGroups", { groupIds: [group] });
      return answer.groups.flatMap(({ errorCode, members }) => {
        if (errorCode !== GROUP_NOT_FOUND) check(errorCode, `Cannot look at group "${group}"`);
        return members.map(({ clientId, clientHost }) => `${clientId}${clientHost}`);
      });
    });
  }

  committed(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, bigint>> {
    const what = `Cannot read the position of group "${group}"`;
    return this.#ask(group, async (link) => {
      const answer = await link.send<OffsetFetchAnswer>("OffsetFetch", {
        groupId: group,
        topics: [{ topic, partitions: partitions.map((partition) => ({ partition })) }],
      });
      check(answer.errorCode, what);
      const found = new Map<number, bigint>();
      for (const part of answer.responses.flatMap((response) => response.partitions)) {
        check(part.errorCode, what);
        const offset = BigInt(part.offset);
        if (offset >= 0n) found.set(part.partition, offset);
      }
      return found;
    });
  }

  commit(group: string, topic: string, next: ReadonlyMap<number, bigint>): Promise<void> {
    return this.#ask(group, async (link) => {
      const answer = await link.send<OffsetCommitAnswer>("OffsetCommit", {
        groupId: group,
        groupGenerationId: NO_GENERATION,
        memberId: "",
        topics: [{
          topic,
          partitions: [...next].map(([partition, offset]) => ({
            partition,
            offset: offset.toString(),
          })),
        }],
      });
      for (const part of answer.responses.flatMap((response) => response.partitions)) {
        check(part.errorCode, `Cannot commit for group "${group}"`);
      }
    });
  }

  async #ask<T>(group: string, ask: (link: BrokerLink) => Promise<T>): Promise<T> {
    const backoff = new Backoff(50, 500);
    const untilMs = performance.now() + RETRY_MS;
    for (;;) {
      try {
        return await ask(await this.#coordinator(group));
      } catch (error) {
        this.#coordinators.delete(group);
        const known = unavailable(`Cannot reach the coordinator of group "${group}"`, error);
        if (!known.row.retriable || performance.now() > untilMs) throw known;
        await sleep(backoff.next());
      }
    }
  }

  async #coordinator(group: string): Promise<BrokerLink> {
    const known = this.#coordinators.get(group);
    if (known !== undefined) return await this.#cluster.node(known);
    const { errorCode, coordinator } = await this.#cluster.any((link) =>
      link.send<CoordinatorAnswer>("GroupCoordinator", { groupId: group, coordinatorType: 0 })
    );
    check(errorCode, `Cannot find the coordinator of group "${group}"`);
    this.#cluster.learn(coordinator.nodeId, coordinator.host, coordinator.port);
    this.#coordinators.set(group, coordinator.nodeId);
    return await this.#cluster.node(coordinator.nodeId);
  }
}

/** Passes 0, asks for another try where the coordinator moves, throws our error for the rest. */
function check(errorCode: number, what: string): void {
  if (errorCode === 0) return;
  if (COORDINATOR_MOVED.has(errorCode)) {
    throw new CoordinatorMoved(`${what}: ${errorName(errorCode)}`);
  }
  const error = kafkaError(errorCode, what);
  if (error.code === "group_in_use") {
    throw new ProxyError("group_in_use", `${what}: the group has got members of its own`);
  }
  throw error;
}
