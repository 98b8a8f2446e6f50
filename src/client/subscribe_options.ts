/**
 * Where a subscription starts: at the group's `committed` position, at an end, at an offset (with
 * one topic and one partition), the last N records of each partition (`-10`), a time
 * (`ts:2026-01-31T09:30:00Z`, `ts:` and milliseconds, a `Date`), or topic -> partition -> offset.
 */
export type SubscribeFrom =
  | "committed"
  | "earliest"
  | "latest"
  | bigint
  | `-${number}`
  | `ts:${string}`
  | Date
  | Readonly<Record<string, Readonly<Record<number, bigint>>>>;

/** Records of a partition that will not come, and why. */
export interface Gap {
  /** Topic of the partition. */
  readonly topic: string;
  /** Number of the partition. */
  readonly partition: number;
  /** The first offset that is missing. */
  readonly from: bigint;
  /** The offset after the last that is missing. */
  readonly to: bigint;
  /**
   * `retention`: Kafka has deleted them. `recreated`: the topic is another one by that name.
   * `oversize`: the server may not read them. `skipped`: `onRange` asked for it.
   */
  readonly reason: "retention" | "recreated" | "oversize" | "skipped";
}

/** What to read, and how. Only `topics` is required. */
export interface SubscribeOptions<V = string, K = string> {
  /** The topics, 1 to 64. */
  readonly topics: readonly string[];
  /**
   * Consumer group. With one, records are shared with the group's other members, and what is
   * acknowledged is not delivered again. Without, this is a reader that keeps its position itself.
   */
  readonly group?: string;
  /** Partitions of each topic; absent: all, balanced over the members in a group. */
  readonly partitions?: readonly number[];
  /** Where to start the first time. @default {"latest"} for a reader, `committed` in a group */
  readonly from?: SubscribeFrom;
  /** {@linkcode Subscription.resumeToken} of an earlier subscription; wins over `from`. */
  readonly resume?: string;
  /** Ends the iteration when everything is read that was there when it started. */
  readonly until?: "end";
  /**
   * In a group: `client` commits what {@linkcode ConsumedRecord.ack} acknowledged, `auto` what the
   * network has taken, which is lost when this process dies before it has read it. @default {"client"}
   */
  readonly ack?: "client" | "auto" | "none";
  /**
   * Records that may be on their way or waiting here; the server is asked for more as the iterator
   * consumes. @default {1000}
   */
  readonly credit?: number;
  /**
   * Bytes that may wait here, however few records they are: over it the server is asked to pause,
   * and to continue when half of it is consumed. What is on its way by then, a few MB, comes too.
   * @default {67108864}
   */
  readonly maxHeldBytes?: number;
  /** A value's bytes into what the records carry; the bytes are a view. @default UTF-8 text */
  readonly decode?: (value: Uint8Array) => V;
  /** The same for keys. @default UTF-8 text */
  readonly decodeKey?: (key: Uint8Array) => K;
  /** `committed` hides records of open and aborted transactions. @default {"committed"} */
  readonly isolation?: "committed" | "uncommitted";
  /**
   * For a start that does not exist any more: an error, or the nearest that does. A group's
   * committed position and a token lead to the earliest, which is a gap unless it was asked for here.
   * @default {"error"}
   */
  readonly onRange?: "error" | "earliest" | "latest";
  /** Most records a second. */
  readonly rate?: number;
  /** Most records delivered and not acknowledged, with `ack` `client`. @default {10000} */
  readonly maxUnacked?: number;
  /**
   * Told of records that will not come, in their place among the records. Without it the iteration
   * ends with a {@linkcode ClientError} `gap`: nothing is missed in silence.
   */
  readonly onGap?: (gap: Gap) => void;
  /** Ends the subscription: the iteration throws a {@linkcode ClientError} `aborted`. */
  readonly signal?: AbortSignal;
}
