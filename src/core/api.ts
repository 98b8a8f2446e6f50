/**
 * The shapes of the plain HTTP side under `/api`, as the console and other programs read them.
 *
 * JSON. Offsets and lags are decimal strings, times are milliseconds since 1970, durations say their
 * unit. Lists are complete and come in the order that is given with them. What the principal has no
 * right to see is left out, and nothing says that it was; a path that needs a right the principal
 * lacks is 403, one without valid credentials 401.
 *
 * | request                            | right     | answer                                   |
 * | ---------------------------------- | --------- | ---------------------------------------- |
 * | `GET /api/me`                      | none      | {@linkcode ApiMe}                        |
 * | `GET /api/topics`                  | `consume` | {@linkcode ApiTopics}                    |
 * | `GET /api/topics?topic=T`          | `consume` | {@linkcode ApiTopics} with that one      |
 * | `GET /api/groups`                  | `observe` | {@linkcode ApiGroups}                    |
 * | `GET /api/sessions`                | `observe` | {@linkcode ApiSessions}                  |
 * | `DELETE /api/sessions/ID`          | `admin`   | 204; 404 when there is no such session   |
 * | `GET /api/figures`                 | `observe` | {@linkcode ApiFigures}                   |
 *
 * @module
 */
import type { Operation } from "./principal.ts";

/** A decimal offset, or a number of records. */
export type ApiOffset = string;

/** Who asks, and what of the server is for them: the console shows no more than this allows. */
export interface ApiMe {
  /** `kafka-proxy/VERSION`. */
  readonly server: string;
  readonly principal: {
    readonly name: string;
    /** When the credentials end; absent: never. */
    readonly expiresMs?: number;
  };
  /** Operations that are allowed at all: for `consume`, `produce`, `group` on at least one name. */
  readonly operations: readonly Operation[];
}

/** The topics the principal may read or write, by name. */
export interface ApiTopics {
  readonly timestampMs: number;
  readonly topics: readonly ApiTopic[];
}

/** One topic as it is now. */
export interface ApiTopic {
  readonly topic: string;
  /** Whether the principal may read it. */
  readonly consume: boolean;
  /** Whether the principal may write to it. */
  readonly produce: boolean;
  /** By number; empty when the principal may only write. */
  readonly partitions: readonly ApiPartition[];
}

/** One partition as it is now. */
export interface ApiPartition {
  readonly partition: number;
  /** Node id of its leader; absent while it has none. */
  readonly leader?: number;
  /** The first offset there is; absent while it is not known. */
  readonly earliest?: ApiOffset;
  /** The offset after the last one; absent while it is not known. */
  readonly end?: ApiOffset;
}

/** The groups that clients of this process are in, by name. */
export interface ApiGroups {
  readonly timestampMs: number;
  readonly groups: readonly ApiGroup[];
}

/** One group and how far it is, over all of its members known here. */
export interface ApiGroup {
  readonly group: string;
  readonly kind: "pinned" | "balanced";
  /** Clients of this process that are in it. */
  readonly members: number;
  /** Sum over {@linkcode partitions}. */
  readonly lag: ApiOffset;
  /** By topic and number. */
  readonly partitions: readonly ApiGroupPartition[];
}

/** One partition as a group reads it. */
export interface ApiGroupPartition {
  readonly topic: string;
  readonly partition: number;
  /** The next offset the group will read; absent: nothing is committed. */
  readonly committed?: ApiOffset;
  readonly end: ApiOffset;
  /** Records between the two. */
  readonly lag: ApiOffset;
  /** The session that reads it; absent: nobody of this process. */
  readonly session?: string;
}

/** The sockets of this process, slow ones first: by state, then by lag. */
export interface ApiSessions {
  readonly timestampMs: number;
  readonly sessions: readonly ApiSession[];
}

/**
 * What a session is doing. `stalled`: its socket has taken no byte for a while; `slow`: its socket is
 * full; `catching_up`: it has room and records to read; `waiting`: no credit, or paused, or all is
 * acknowledged late; `live`: it is at the end.
 */
export type ApiSessionState = "stalled" | "slow" | "catching_up" | "waiting" | "live";

/** One client's socket. */
export interface ApiSession {
  /** For `DELETE /api/sessions/ID`. */
  readonly session: string;
  readonly protocol: string;
  readonly principal: string;
  /** The client's address, without its port. */
  readonly address: string;
  readonly openedMs: number;
  readonly state: ApiSessionState;
  /** Bytes the operating system has not taken. */
  readonly bufferedBytes: number;
  readonly sentBytes: number;
  readonly sentRecords: number;
  /** Records written by the client, with an offset. */
  readonly producedRecords: number;
  /** Sum over the subscriptions. */
  readonly lag: ApiOffset;
  readonly subscriptions: readonly ApiSubscription[];
}

/** What a session reads; a v1 session has one, numbered 1. */
export interface ApiSubscription {
  readonly subscription: number;
  /** Absent: a reader. */
  readonly group?: string;
  readonly lag: ApiOffset;
  /** By topic and number. */
  readonly positions: readonly ApiPosition[];
}

/** Where a subscription stands in one partition. */
export interface ApiPosition {
  readonly topic: string;
  readonly partition: number;
  /** The next offset that will be sent. */
  readonly next: ApiOffset;
  /** Absent while it is not known. */
  readonly end?: ApiOffset;
}

/**
 * What `/metrics` counts, for charts: counters since the process started (their names end in
 * `Total`), everything else as it is now. A rate is the difference of two answers by the difference
 * of their {@linkcode timestampMs}; counters that fell mean a new process.
 */
export interface ApiFigures {
  readonly timestampMs: number;
  /** When the process started. */
  readonly startedMs: number;
  readonly sockets: number;
  readonly sentRecordsTotal: number;
  readonly sentBytesTotal: number;
  readonly producedRecordsTotal: number;
  readonly producedBytesTotal: number;
  /** Records that the sessions have not been sent yet, all together. */
  readonly lag: ApiOffset;
  /** Bytes that clients' sockets have not taken. */
  readonly bufferedBytes: number;
  readonly cacheBytes: number;
  readonly memoryBytes: number;
  /** How late timers were since the last few seconds, in ms. */
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
}
