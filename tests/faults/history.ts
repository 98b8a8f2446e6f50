/** A place in a topic. */
export interface Place {
  readonly partition: number;
  readonly offset: bigint;
}

/** What a producer was told of a record it wrote; `value` is unlike every other. */
export interface Written {
  readonly kind: "written";
  readonly value: string;
  /** Where it was said to be; `failed`: said not to be there; `unknown`: nothing is claimed. */
  readonly outcome: Place | "failed" | "unknown";
}

/** A record that came to a consumer. */
export interface Received extends Place {
  readonly kind: "received";
  readonly consumer: string;
  /** Counts the times its consumer began anew, without what it knew. */
  readonly session: number;
  readonly value: string;
}

/** A consumer is about to begin anew where its group has committed. */
export interface Began {
  readonly kind: "began";
  readonly consumer: string;
  readonly session: number;
  /** The only one it reads; all of them without it. */
  readonly partition?: number;
}

/** The server said that everything of a partition before `next` is committed. */
export interface Confirmed {
  readonly kind: "confirmed";
  readonly consumer: string;
  readonly partition: number;
  readonly next: bigint;
}

/** The server said that a subscription goes on by its token without a gap, or with one. */
export interface Claimed {
  readonly kind: "claimed";
  readonly consumer: string;
  readonly partition: number;
  readonly recovered: boolean;
}

/** A member of a group was given a partition, or lost it, as far as it was told. */
export interface Owned {
  readonly kind: "assigned" | "revoked";
  readonly consumer: string;
  readonly member: string;
  readonly partition: number;
  readonly atMs: number;
}

/** A record that came to one member of a group. */
export interface MemberReceived extends Place {
  readonly kind: "memberReceived";
  readonly consumer: string;
  readonly member: string;
  readonly value: string;
}

/** What Kafka's own client saw committed for a group: the offset is the next to be read. */
export interface Looked extends Place {
  readonly kind: "looked";
  readonly group: string;
  /** When it was asked. */
  readonly askedMs: number;
}

/** Somebody moves a group's positions by hand, and then has: they may go backwards. */
export interface Reset {
  readonly kind: "reset";
  readonly group: string;
  /** When it was done; infinite where it begins. What was asked before says nothing any more. */
  readonly doneMs: number;
}

/** A consumer was told that offsets will not come: `from` inclusive, `to` exclusive. */
export interface Missed {
  readonly kind: "missed";
  readonly consumer: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** Retention is about to take what is before an offset: who has not read it, cannot any more. */
export interface Trimmed {
  readonly kind: "trimmed";
  readonly partition: number;
  readonly first: bigint;
  /** By offset, what Kafka's own consumer read before; from an earlier trim on. */
  readonly values: readonly string[];
}

/** Something that happened, in the order in which it was seen. */
export type Entry =
  | Written
  | Received
  | Began
  | Confirmed
  | Claimed
  | Owned
  | MemberReceived
  | Looked
  | Reset
  | Missed
  | Trimmed;

/** What is promised to a consumer, in the words of docs/PROTOCOL.md. */
export type Guarantee = "exactly once" | "at least once";

/** A consumer as the checker knows it. */
export interface ConsumerPromise {
  readonly guarantee: Guarantee;
  /** The group it reads for. */
  readonly group?: string;
  /** Of what retention has taken, the server's log alone knows. */
  readonly isUntold?: boolean;
}

/** All that the checker goes by. */
export interface History {
  readonly entries: readonly Entry[];
  /** What each consumer was promised. */
  readonly consumers: ReadonlyMap<string, ConsumerPromise>;
  /** The values of each partition from offset 0 on, as Kafka's own consumer read them. */
  readonly log: ReadonlyMap<number, readonly string[]>;
  /** It was ended before consumers had reached the end: what they lack there is not lost. */
  readonly isCut?: boolean;
  /** Two members may think they own a partition for so long, in ms: until the older one is told. */
  readonly overlapMs: number;
}
