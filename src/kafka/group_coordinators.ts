import { ProxyError } from "../core/proxy_error.ts";
import { Backoff } from "../stream/backoff.ts";
import { sleep } from "../stream/sleep.ts";
import { type BrokerLink, Refused } from "./broker_link.ts";
import type { ClusterClient } from "./cluster_client.ts";
import { errorName, kafkaError, mayRetry, unavailable } from "./kafka_error.ts";

/** How long a request is tried again while the coordinator moves or starts. */
const RETRY_MS = 5_000;

/**
 * Error codes of a coordinator that is elsewhere or not ready yet, or whose commits are not all
 * there: look it up again, try again.
 */
const COORDINATOR_MOVED = new Set([14, 15, 16, 88]);

/** Coordinators that are remembered; clients choose the names of groups, so there is no end to them. */
const MOST_KNOWN = 10_000;

interface CoordinatorAnswer {
  readonly errorCode: number;
  readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
}

/** Signals that the coordinator has to be looked up again. */
class CoordinatorMoved extends Error {}

/** Which broker coordinates which group, and requests that follow it when it moves. */
export class GroupCoordinators {
  readonly #cluster: ClusterClient;
  readonly #known = new Map<string, number>();

  constructor(cluster: ClusterClient) {
    this.#cluster = cluster;
  }

  /**
   * Asks a group's coordinator, for up to 5 s while it moves.
   *
   * @param ask judges error codes with {@linkcode checkGroupError}
   * @throws what the guard of a request threw, at once
   */
  async ask<T>(group: string, ask: (link: BrokerLink) => Promise<T>): Promise<T> {
    const backoff = new Backoff(50, 500);
    const untilMs = performance.now() + RETRY_MS;
    for (;;) {
      try {
        return await ask(await this.#cluster.node(await this.#nodeId(group)));
      } catch (error) {
        if (error instanceof Refused) throw error.cause;
        this.#known.delete(group);
        const known = unavailable(`Cannot reach the coordinator of group "${group}"`, error);
        const { closing } = this.#cluster;
        if (!mayRetry(known) || closing.aborted || performance.now() > untilMs) throw known;
        await sleep(backoff.next(), closing);
      }
    }
  }

  /**
   * Lists of groups that have a coordinator in common, as far as it is known: a group whose
   * coordinator is not has a list of its own.
   */
  together(groups: readonly string[]): string[][] {
    const lists = new Map<number | string, string[]>();
    for (const group of groups) {
      const key = this.#known.get(group) ?? group;
      const list = lists.get(key);
      if (list === undefined) lists.set(key, [group]);
      else list.push(group);
    }
    return [...lists.values()];
  }

  /** Asks a group's coordinator, once. */
  async askOnce<T>(group: string, ask: (link: BrokerLink) => Promise<T>): Promise<T> {
    return await ask(await this.#cluster.node(await this.#nodeId(group)));
  }

  /**
   * A connection of its own to the coordinator, for requests that the broker holds back: nothing
   * else can pass them on a connection. The client id is what other members see of its user.
   */
  async own(group: string, clientId: string): Promise<BrokerLink> {
    return await this.#cluster.own(await this.#nodeId(group), clientId);
  }

  /** The coordinator is to be looked up again before the next request. */
  forget(group: string): void {
    this.#known.delete(group);
  }

  async #nodeId(group: string): Promise<number> {
    const known = this.#known.get(group);
    if (known !== undefined) return known;
    const { errorCode, coordinator } = await this.#cluster.any((link) =>
      link.send<CoordinatorAnswer>("GroupCoordinator", { groupId: group, coordinatorType: 0 })
    );
    checkGroupError(errorCode, `Cannot find the coordinator of group "${group}"`);
    this.#cluster.learn(coordinator.nodeId, coordinator.host, coordinator.port);
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(group, coordinator.nodeId);
    return coordinator.nodeId;
  }
}

/** Passes 0, asks for another try where the coordinator moves, throws our error for the rest. */
export function checkGroupError(errorCode: number, what: string): void {
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
