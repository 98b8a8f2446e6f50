/**
 * The frames of a v2 server but the records: JSON objects, one a text frame. Offsets are decimal
 * strings, times are milliseconds since 1970.
 *
 * @module
 */

/** A decimal offset. */
export type OffsetText = string;

/** The first frame of a socket. */
export interface HelloFrame {
  readonly type: "hello";
  readonly protocol: string;
  readonly session: string;
  /** `kafka-proxy/VERSION`. */
  readonly server: string;
  readonly limits: {
    /** Largest frame a client may send, in bytes. */
    readonly frameBytes: number;
    /** Records and bytes that may be written without an answer; `permit` raises them. */
    readonly produceRecords: number;
    readonly produceBytes: number;
    readonly subscriptions: number;
  };
  readonly principal: { readonly name: string; readonly expires?: number };
}

/** Where a subscription stands in a partition. */
export interface PartitionPosition {
  readonly topic: string;
  readonly partition: number;
  /** The next offset that will be sent. */
  readonly next: OffsetText;
  readonly earliest: OffsetText;
  readonly end: OffsetText;
}

/** Answers `subscribe`; partitions of a balanced group come with `assigned`. */
export interface SubscribedFrame {
  readonly type: "subscribed";
  readonly id?: number;
  readonly subscription: number;
  /** In the order in which records name them by index (binary). */
  readonly topics: readonly string[];
  /** Every position of the token was continued exactly; absent without a token. */
  readonly recovered?: boolean;
  readonly partitions: readonly PartitionPosition[];
}

/** Partitions a balanced subscription got, with where it starts; or lost. */
export interface AssignedFrame {
  readonly type: "assigned";
  readonly subscription: number;
  readonly partitions: readonly PartitionPosition[];
}

export interface RevokedFrame {
  readonly type: "revoked";
  readonly subscription: number;
  readonly partitions: readonly (readonly [topic: string, partition: number])[];
}

/** Offsets `from` (inclusive) to `to` (exclusive) will not come. */
export interface GapFrame {
  readonly type: "gap";
  readonly subscription: number;
  readonly topic: string;
  readonly partition: number;
  readonly from: OffsetText;
  readonly to: OffsetText;
  readonly reason: "retention" | "recreated" | "oversize" | "skipped";
}

/** Everything up to `end` has been sent, with `until: "end"`. */
export interface EndFrame {
  readonly type: "end";
  readonly subscription: number;
  readonly topic: string;
  readonly partition: number;
  readonly end: OffsetText;
}

/** A token that continues the subscription after everything sent so far. */
export interface PositionFrame {
  readonly type: "position";
  readonly subscription: number;
  readonly resume: string;
}

/** The subscription is over; the socket goes on. `code` is one of the error table, or `done`. */
export interface EndedFrame {
  readonly type: "ended";
  readonly subscription: number;
  readonly code: string;
  readonly message: string;
}

/** Answers `lag`. */
export interface LagFrame {
  readonly type: "lag";
  readonly id?: number;
  readonly subscription: number;
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly records: OffsetText;
    /** Age of the next record that will be sent, in ms; 0 at the end, absent where unknown. */
    readonly ms?: number;
  }[];
}

/** Answers `ack` with an id: this position is committed. */
export interface CommittedFrame {
  readonly type: "committed";
  readonly id?: number;
  readonly subscription: number;
  readonly topic: string;
  readonly partition: number;
  /** The next offset, as Kafka commits it. */
  readonly next: OffsetText;
}

/** Answers `produce`, a result for each record in their order. */
export interface ProducedFrame {
  readonly type: "produced";
  readonly id: number;
  readonly results: readonly (
    | { readonly partition: number; readonly offset: OffsetText; readonly timestamp: number }
    | {
      readonly code: string;
      readonly outcome: "failed" | "unknown";
      readonly message: string;
    }
  )[];
}

/** Answers `permit` with what may now be outstanding. */
export interface PermittedFrame {
  readonly type: "permitted";
  readonly id?: number;
  readonly records: number;
  readonly bytes: number;
}

/** Answers `ping`. */
export interface PongFrame {
  readonly type: "pong";
  readonly id?: number;
}

/** Answers what has no answer of its own. */
export interface OkFrame {
  readonly type: "ok";
  readonly id: number;
}

/** A request failed; the socket goes on. */
export interface ErrorFrame {
  readonly type: "error";
  readonly id?: number;
  readonly code: string;
  readonly message: string;
  readonly subscription?: number;
}

/** The credentials end soon. */
export interface ExpiringFrame {
  readonly type: "expiring";
  readonly inMs: number;
}

/** The server closes the socket with 1012 soon. */
export interface DrainingFrame {
  readonly type: "draining";
  readonly inMs: number;
}

/** Every control frame of a server. */
export type V2Response =
  | HelloFrame
  | SubscribedFrame
  | AssignedFrame
  | RevokedFrame
  | GapFrame
  | EndFrame
  | PositionFrame
  | EndedFrame
  | LagFrame
  | CommittedFrame
  | ProducedFrame
  | PermittedFrame
  | PongFrame
  | OkFrame
  | ErrorFrame
  | ExpiringFrame
  | DrainingFrame;
