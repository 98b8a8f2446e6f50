/**
 * The client library of kafka-proxy, for browsers, Deno and Node: subscriptions that outlive their
 * connections, acknowledgements, and producing.
 *
 * @module
 */
/**
 * What goes wrong with a client, a subscription or a produce.
 *
 * `code` is one of the server's error table (`unknown_topic`, `forbidden`, ...), or one of the
 * client's own: `closed` (the connection is over for good, {@linkcode closeCode} says why),
 * `aborted` (a signal), `gap` (records are missing and nobody asked to be told), `bad_frame` (the
 * server said what this client does not understand).
 */
export declare class ClientError extends Error { /** Always `ClientError`, or the name of a class below it. */ name: string;
    /** What went wrong, for programs. */
    readonly code: string;
    /** The close code that ended the connection, where one did. */
    readonly closeCode: number | undefined;
    /** Takes a code, and a message for people. */
    constructor(code: string, message: string, options?: {
        closeCode?: number;
        cause?: unknown;
    });
}
/** A wait was ended by the caller's signal; its reason is the cause. */
export declare function aborted(signal: AbortSignal): ClientError;
/**
 * What a close code tells a client to do.
 *
 * `stop`: nothing would change, or it would do harm. `back_off`: come back after a growing pause.
 * `scatter`: come back, but not all at the same moment. `restart`: the same, the server said so.
 * `renew`: come back once with fresh credentials.
 */
export type Comeback = "stop" | "back_off" | "scatter" | "restart" | "renew";
/** Whether and how to come back after a close. */
export declare function comebackAfter(code: number): Comeback;
/** How long the pauses before coming back are, in ms. */
export interface ComebackPauses { /** The first pause at most; each further one at most twice as long. @default {250} */
    readonly firstMs?: number;
    /** No pause is longer. @default {30000} */
    readonly mostMs?: number;
    /** After a planned restart (1012) clients spread over so long. @default {5000} */
    readonly restartMs?: number;
}
/**
 * The pause before the next try, random so that clients who were cut off together do not come back
 * together: after a failure between half of the growing limit and all of it; after a planned close
 * anywhere within its time.
 *
 * @param failures tries that failed in a row before this one
 */
export declare function pauseMs(comeback: Comeback, failures: number, { firstMs, mostMs, restartMs }?: ComebackPauses, random?: () => number): number;
/** One record as a subscription yields it. */
export declare class ConsumedRecord<V = string, K = string> { #private;
    /** Topic it is from. */
    readonly topic: string;
    /** Partition it is from. */
    readonly partition: number;
    /** Its place in the partition: exact, where a number would not be. */
    readonly offset: bigint;
    /** Milliseconds since 1970. */
    readonly timestamp: number;
    /** The key, decoded; Kafka's null is null. */
    readonly key: K | null;
    /** The value, decoded; null is a tombstone. */
    readonly value: V | null;
    /** In their order, duplicates kept. */
    readonly headers: readonly RecordHeader[];
    /** @ignore made by a subscription */
    constructor(place: {
        topic: string;
        partition: number;
        offset: bigint;
        timestamp: number;
    }, content: {
        key: K | null;
        value: V | null;
        headers: readonly RecordHeader[];
    }, ack: (topic: string, partition: number, offset: bigint) => void);
    /**
     * Says that this record, and every one before it in its partition, has been processed. Sent
     * within milliseconds, several as one; {@linkcode Subscription.flush} waits until it is committed.
     * Without a group, or with another `ack` than `client`, it does nothing.
     */
    ack(): void;
}
/** What a client may be told beside the address. */
export interface ClientOptions { /** * Gives the token to connect with (a JWT, or what the server's tokens are). Asked at each * connection, before the token expires, and once when it was refused. */ readonly token?: TokenSource;
    /** How long the pauses before coming back are. */
    readonly pauses?: ComebackPauses;
    /** Where there is no global one (Node before 22): that of the `ws` package. */
    readonly WebSocket?: SocketConstructor;
    /** Closes the client. */
    readonly signal?: AbortSignal;
}
/**
 * A client of kafka-proxy for browsers, Deno and Node: one connection that comes back by itself,
 * any number of subscriptions, and producing.
 *
 * It connects at once. A broken connection is opened again as its close code says, with growing
 * random pauses; subscriptions go on where they were, and produces that were not answered are
 * reported as `unknown`. After a final code, or {@linkcode close}, everything ends.
 *
 * @example
 * ```ts
 * import { KafkaProxyClient } from "kafka-proxy/client";
 *
 * await using client = new KafkaProxyClient("ws://127.0.0.1:9999/");
 * const written = await client.produce("orders", { key: "k1", value: "hello" });
 * for await (const record of client.subscribe({ topics: ["orders"], from: "earliest" })) {
 *   console.log(record.partition, record.offset, record.value);
 *   if (record.offset === written.offset) break;
 * }
 * ```
 */
export declare class KafkaProxyClient implements AsyncDisposable { #private;
    /**
     * Connects to the server at `url`: `ws://` or `wss://`, or `http(s)://` for the same.
     *
     * @throws {TypeError} when the address is none, or there is no WebSocket in this runtime
     */
    constructor(url: string | URL, options?: ClientOptions);
    /** How the client stands now. */
    get state(): ClientState;
    /** Why it is `offline` or `closed`, for people. */
    get trouble(): string | undefined;
    /** The principal the server takes it for; undefined while it is not connected. */
    get principal(): string | undefined;
    /** The state now, and each change; ends after `closed`, and with `signal`. */
    states({ signal }?: {
        signal?: AbortSignal;
    }): AsyncIterableIterator<ClientState>;
    /**
     * Reads topics. The records come by iterating; nothing is lost before that, since nothing more
     * than `credit` is on its way.
     */
    subscribe<V = string, K = string>(options: SubscribeOptions<V, K>): Subscription<V, K>;
    /**
     * Writes a record and gives its place.
     *
     * Order: records of a partition are stored in the order in which this client was given them.
     * Cancellation: after `signal` a record that was sent already is `unknown`.
     *
     * @throws {ProduceError} when it has no offset; `outcome` says whether it may be stored
     */
    produce(topic: string, record: ProduceRecord, options?: {
        signal?: AbortSignal;
    }): Promise<Produced>;
    /** The same for several, with their places in their order. */
    produce(topic: string, records: readonly ProduceRecord[], options?: {
        signal?: AbortSignal;
    }): Promise<readonly Produced[]>;
    /**
     * Ends everything: what was acknowledged is said, iterations end, produces that wait are rejected.
     * May be called again.
     */
    close(): Promise<void>;
    /** The same as {@linkcode close}, for `await using`. */
    [Symbol.asyncDispose](): Promise<void>;
}
/** Gives the token to connect with; `signal` is aborted when the client is over. */
export type TokenSource = (options: { readonly signal: AbortSignal;
}) => string | Promise<string>;
/** Text, sent as UTF-8, or bytes; null is Kafka's null. */
export type Content = string | Uint8Array | null;
/** A record to write. */
export interface ProduceRecord { /** Decides the partition, as with other Kafka clients. @default {null} */ readonly key?: Content;
    /** Null is a tombstone. */
    readonly value: Content;
    /** In their order; a name may come more than once. */
    readonly headers?: readonly (readonly [name: string, value: Content])[];
    /** Where it goes, whatever its key. */
    readonly partition?: number;
    /** Milliseconds since 1970. @default now, by the server's clock */
    readonly timestamp?: number;
}
/** Where a record stands. */
export interface Produced { /** Partition it was written to. */ readonly partition: number;
    /** Its offset there. */
    readonly offset: bigint;
    /** Milliseconds since 1970, as Kafka keeps it. */
    readonly timestamp: number;
}
/** A record that has no offset, and whether it may be stored all the same. */
export interface NotProduced { /** Code of the server's error table, or `not_sent`, `lost` and `aborted` of the client. */ readonly code: string;
    /** `failed`: it is not stored. `unknown`: nobody can tell. */
    readonly outcome: "failed" | "unknown";
    /** For people. */
    readonly message: string;
}
/**
 * Not every record was written. `outcome` is `unknown` when that of at least one record is: it may
 * be stored or not, and the client does not send it again by itself, because it could be there
 * twice. With `failed` none of those without an offset is stored.
 */
export declare class ProduceError extends ClientError { /** Always `ProduceError`. */ name: string;
    /** The worst of {@linkcode results}. */
    readonly outcome: "failed" | "unknown";
    /** What became of each record, in their order. */
    readonly results: readonly (Produced | NotProduced)[];
    /** @ignore made by a client */
    constructor(results: readonly (Produced | NotProduced)[], cause?: unknown);
}
/** A record as it stands in a `produce` frame. */
export interface EncodedRecord { readonly text: string;
    /** Of the text as UTF-8. */
    readonly bytes: number;
}
/** Records as JSON, with the one encoding that says all of their values. */
export declare function encodeRecords(records: readonly ProduceRecord[]): { encoding: "text" | "base64";
    records: EncodedRecord[];
};
/** A header of a record: its name, and its bytes or null. Names may come more than once. */
export type RecordHeader = readonly [name: string, value: Uint8Array | null];
/** What is used of a WebSocket: that of browsers, Deno and Node 22, or the `ws` package's. */
export interface SocketLike { /** Set to `arraybuffer`. */ binaryType: string;
    /** 1 while frames can be sent. */
    readonly readyState: number;
    /** The handshake is done. */
    onopen: ((event: never) => void) | null;
    /** A message came. */
    onmessage: ((event: never) => void) | null;
    /** Before `onclose`, when the connection broke. */
    onerror: ((event: never) => void) | null;
    /** The connection is over. */
    onclose: ((event: never) => void) | null;
    /** Queues a text message. */
    send(text: string): void;
    /** Starts the closing handshake. */
    close(code?: number, reason?: string): void;
}
/** Makes a WebSocket: the constructor of a runtime or a package. */
export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;
/**
 * How a client stands. `connecting`: a try is under way. `catching up`: connected, with records to
 * read that were there when it came. `live`: connected, and at the end. `offline`: it waits before
 * the next try. `closed`: over for good.
 */
export type ClientState = "connecting" | "catching up" | "live" | "offline" | "closed";
/**
 * Where a subscription starts: at the group's `committed` position, at an end, at an offset (with
 * one topic and one partition), the last N records of each partition (`-10`), a time
 * (`ts:2026-01-31T09:30:00Z`, `ts:` and milliseconds, a `Date`), or topic -> partition -> offset.
 */
export type SubscribeFrom = "committed" | "earliest" | "latest" | bigint | `-${number}` | `ts:${string}` | Date | Readonly<Record<string, Readonly<Record<number, bigint>>>>;
/** Records of a partition that will not come, and why. */
export interface Gap { /** Topic of the partition. */ readonly topic: string;
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
export interface SubscribeOptions<V = string, K = string> { /** The topics, 1 to 64. */ readonly topics: readonly string[];
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
/**
 * A subscription: an async iterable of records that outlives its connections.
 *
 * Order: by offset within a partition. Delivery: to a reader, and in pinned partitions, each record
 * exactly once for as long as this object lives, whatever happens to the connection; in a balanced
 * group at least once. Backpressure: at most `credit` records are on their way or waiting here,
 * and about `maxHeldBytes` are waiting. Leaving the loop ends the subscription.
 */
export interface Subscription<V = string, K = string> extends AsyncIterable<ConsumedRecord<V, K>>, AsyncDisposable { /** * Continues, in this or another process, after the last record that was yielded: pass it as * `resume`. The server makes one about every second, so that the records since then come again. * Undefined before the first. */ readonly resumeToken: string | undefined;
    /** Records received and not yet yielded. */
    readonly heldRecords: number;
    /** Iterates; one iterator at a time. */
    [Symbol.asyncIterator](): AsyncIterableIterator<ConsumedRecord<V, K>>;
    /**
     * Waits until everything acknowledged so far is committed, over broken connections too.
     *
     * Cancellation: after `signal` it is committed all the same, only nobody waits for it.
     *
     * @throws {ClientError} `fenced` when a partition has gone to another member (in a balanced group a
     * broken connection may mean that), `aborted`, or why the subscription ended
     */
    flush(options?: {
        signal?: AbortSignal;
    }): Promise<void>;
    /** Says what was acknowledged, ends the subscription and the iteration. May be called again. */
    close(): Promise<void>;
    /** The same as {@linkcode close}, for `await using`. */
    [Symbol.asyncDispose](): Promise<void>;
}
