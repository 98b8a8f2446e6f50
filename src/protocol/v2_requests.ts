import type { Isolation, NewRecord } from "../core/ports.ts";
import type { StartPosition } from "./start_position.ts";

/** How the values of records are said in JSON. */
export type V2Encoding = "text" | "json" | "base64";

/** What a record carries beside offset and value. */
export type V2Field = "key" | "timestamp" | "headers";

/** When a position counts as delivered: taken by the operating system, acknowledged, or never. */
export type AckMode = "auto" | "client" | "none";

/** Where a subscription starts. */
export type V2Start =
  | StartPosition
  | { readonly kind: "committed" }
  | {
    readonly kind: "offsets";
    /** Topic to partition to offset, inclusive. */
    readonly offsets: ReadonlyMap<string, ReadonlyMap<number, bigint>>;
  };

/** Every request may carry an `id`, and is answered exactly once if it does. */
interface WithId {
  readonly id: number | undefined;
}

/** What concerns a subscription names it. */
interface OfSubscription extends WithId {
  readonly subscription: number;
}

interface OfPartition extends OfSubscription {
  readonly topic: string;
  readonly partition: number;
}

/** Defaults that need no knowledge of the server are filled in; `undefined` is the server's. */
export interface SubscribeRequest extends WithId {
  readonly type: "subscribe";
  /** 1 to 64, distinct. */
  readonly topics: readonly string[];
  /** Absent: a reader. */
  readonly group: string | undefined;
  /** Ascending and distinct, at most 16; absent: all, balanced in a group. Of every topic. */
  readonly partitions: readonly number[] | undefined;
  /**
   * Absent: `committed` in a group, `latest` for a reader; so is a partition that `offsets` does not
   * name. What it names is among {@linkcode topics} and {@linkcode partitions}; a single offset comes
   * with one topic and at most one listed partition, though the topic may have more.
   */
  readonly from: V2Start | undefined;
  /** Token of an earlier session; wins over {@linkcode from}. */
  readonly resume: string | undefined;
  readonly until: "end" | undefined;
  /** Absent: `auto` in a group, `none` for a reader; a reader can only have `none`. */
  readonly ack: AckMode;
  /** Records that may be sent before more credit comes, 1 to 10^9; absent: no such limit. */
  readonly credit: number | undefined;
  /** Of values; default `text`. */
  readonly encoding: V2Encoding;
  /** Default all; in the order key, timestamp, headers. */
  readonly fields: readonly V2Field[];
  /** Default `committed`. */
  readonly isolation: Isolation;
  /** For a position that does not exist; absent: `error`, with a token `earliest`. */
  readonly onRange: "error" | "earliest" | "latest" | undefined;
  /** Of keys, values and headers in a frame; 1 to 2^31 - 1. */
  readonly maxBytes: number | undefined;
  /** In a frame; 1 to 2^31 - 1. */
  readonly maxRecords: number | undefined;
  /** 0 to 60,000. */
  readonly lingerMs: number | undefined;
  /** Records a second; 1 to 2^31 - 1. */
  readonly rate: number | undefined;
  /** Most records delivered and not acknowledged, with `ack` `client`; default 10,000. */
  readonly maxUnacked: number;
}

/** Processed up to and including `offset`. */
export interface AckRequest extends OfPartition {
  readonly type: "ack";
  readonly offset: bigint;
}

/** Deliver again from `offset`, which was not acknowledged. */
export interface NackRequest extends OfPartition {
  readonly type: "nack";
  readonly offset: bigint;
}

/** So many records more may be sent, 1 to 10^9. */
export interface CreditRequest extends OfSubscription {
  readonly type: "credit";
  readonly records: number;
}

/** Without more: pause, continue, unsubscribe, lag. */
export interface SubscriptionRequest extends OfSubscription {
  readonly type: "pause" | "continue" | "unsubscribe" | "lag";
}

/** Go on at another position of one partition. */
export interface SeekRequest extends OfPartition {
  readonly type: "seek";
  readonly from: StartPosition;
}

/** Answered with `pong`. */
export interface PingRequest extends WithId {
  readonly type: "ping";
}

/** Records to write; values are bytes already. */
export interface ProduceRequest {
  readonly type: "produce";
  /** Required here: without it nobody could tell whose result it is. */
  readonly id: number;
  readonly topic: string;
  /** 1 or more. */
  readonly records: readonly NewRecord[];
}

/** Asks for a larger balance of records and bytes that may be written without an answer. */
export interface PermitRequest extends WithId {
  readonly type: "permit";
  /** 1 to 10^6, and bytes 1 to 10^9. */
  readonly records: number;
  readonly bytes: number;
}

/** New credentials, before the old ones expire. */
export interface AuthRequest extends WithId {
  readonly type: "auth";
  readonly token: string;
}

/** Every frame a v2 client may send. */
export type V2Request =
  | SubscribeRequest
  | AckRequest
  | NackRequest
  | CreditRequest
  | SubscriptionRequest
  | SeekRequest
  | PingRequest
  | ProduceRequest
  | PermitRequest
  | AuthRequest;
