import { Buffer } from "node:buffer";
import { AssignerProtocol } from "kafkajs";
import type { JoinedMember } from "./membership.ts";

/** Members with the topics each wants, in the order in which assignors go through them. */
export interface Subscriber {
  readonly memberId: string;
  readonly topics: readonly string[];
}

/** Partitions by topic, for each member by its id. */
export type Assignment = Map<string, Record<string, number[]>>;

type Assignor = (
  subscribers: readonly Subscriber[],
  partitions: ReadonlyMap<string, readonly number[]>,
) => Assignment;

/**
 * The assignors we speak, by preference. Java's consumers offer `range` by default, librdkafka's
 * `range` and `roundrobin`, KafkaJS's `RoundRobinAssigner`; the group takes one that all offer.
 */
export const ASSIGNORS: Readonly<Record<string, Assignor>> = {
  range,
  roundrobin: roundRobin,
  RoundRobinAssigner: roundRobin,
};

const PROTOCOL_VERSION = 0;

/** What we tell the group's leader: the topics we want (ConsumerProtocolSubscription version 0). */
export function subscription(topics: readonly string[]): Buffer {
  return AssignerProtocol.MemberMetadata.encode({
    version: PROTOCOL_VERSION,
    topics: [...topics],
    userData: Buffer.alloc(0),
  });
}

/**
 * What the members want, sorted by their ids so that every leader divides alike. A member that
 * cannot be understood gets nothing: failing would let it stop the whole group.
 */
export function readSubscriptions(members: readonly JoinedMember[]): Subscriber[] {
  return members
    .map(({ memberId, memberMetadata }) => ({ memberId, topics: readTopics(memberMetadata) }))
    .sort((a, b) => a.memberId < b.memberId ? -1 : 1);
}

function readTopics(metadata: Buffer): string[] {
  try {
    return AssignerProtocol.MemberMetadata.decode(metadata)?.topics ?? [];
  } catch {
    return [];
  }
}

/** The assignments as the coordinator passes them on (ConsumerProtocolAssignment version 0). */
export function writeAssignments(
  assignment: Assignment,
): { memberId: string; memberAssignment: Buffer }[] {
  return [...assignment].map(([memberId, partitions]) => ({
    memberId,
    memberAssignment: AssignerProtocol.MemberAssignment.encode({
      version: PROTOCOL_VERSION,
      assignment: partitions,
      userData: Buffer.alloc(0),
    }),
  }));
}

/**
 * Our partitions by topic, ascending, from what the leader sent. Topics without any are left out,
 * and those that we did not ask for.
 */
export function readAssignment(bytes: Buffer, topics: readonly string[]): Map<string, number[]> {
  if (bytes.length === 0) return new Map();
  const assignment = AssignerProtocol.MemberAssignment.decode(bytes)?.assignment ?? {};
  return new Map(
    Object.entries(assignment)
      .filter(([topic, partitions]) => topics.includes(topic) && partitions.length > 0)
      .map(([topic, partitions]) => [topic, partitions.toSorted((a, b) => a - b)]),
  );
}

/** Each topic by itself in runs, the first members getting one more (Java's RangeAssignor). */
function range(
  subscribers: readonly Subscriber[],
  partitions: ReadonlyMap<string, readonly number[]>,
): Assignment {
  const assignment = empty(subscribers);
  for (const [topic, numbers] of partitions) {
    const members = subscribers.filter(({ topics }) => topics.includes(topic));
    let next = 0;
    members.forEach(({ memberId }, index) => {
      const left = members.length - index;
      const count = Math.ceil((numbers.length - next) / left);
      if (count > 0) assignment.get(memberId)![topic] = numbers.slice(next, next + count);
      next += count;
    });
  }
  return assignment;
}

/** All partitions of all topics dealt out in turn, past those who do not want the topic. */
function roundRobin(
  subscribers: readonly Subscriber[],
  partitions: ReadonlyMap<string, readonly number[]>,
): Assignment {
  const assignment = empty(subscribers);
  let turn = 0;
  for (const [topic, numbers] of [...partitions].sort(([a], [b]) => a < b ? -1 : 1)) {
    if (!subscribers.some(({ topics }) => topics.includes(topic))) continue;
    for (const number of numbers) {
      while (!subscribers[turn % subscribers.length].topics.includes(topic)) turn++;
      const { memberId } = subscribers[turn++ % subscribers.length];
      (assignment.get(memberId)![topic] ??= []).push(number);
    }
  }
  return assignment;
}

function empty(subscribers: readonly Subscriber[]): Assignment {
  return new Map(subscribers.map(({ memberId }) => [memberId, Object.create(null)]));
}
