import type { PartitionPosition, V2Response } from "../protocol/v2_responses.ts";
import { Acknowledgements, type AckRoute } from "./acknowledgements.ts";
import type { BinaryRecords } from "./binary_records.ts";
import { aborted, ClientError } from "./client_error.ts";
import { pauseMs } from "./comeback.ts";
import type { Connection, RequestFrame, SubscriptionFrames } from "./connection.ts";
import { ConsumedRecord } from "./consumed_record.ts";
import { type Deferred, deferred } from "./deferred.ts";
import { Progress } from "./partition_progress.ts";
import type { Subscription } from "./subscription.ts";
import type { Gap, SubscribeFrom, SubscribeOptions } from "./subscribe_options.ts";

/** Errors of the server's table that may pass; a subscription is begun again after a pause. */
export const PASSING_CODES: readonly string[] = [
  "internal",
  "kafka_auth_failed",
  "kafka_unavailable",
  "leaving",
  "overloaded",
  "stalled",
];

/** Bytes that wait here unless the options say otherwise. */
const MAX_HELD_BYTES = 64 << 20;

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** What waits for the iterator, in the order in which it came. */
type Waiting =
  | {
    readonly kind: "records";
    readonly records: BinaryRecords;
    readonly topic: string;
    from: bigint;
  }
  | { readonly kind: "gap"; readonly gap: Gap; readonly isStart: boolean }
  | { readonly kind: "token"; readonly token: string };

/** What a subscription needs of its client. */
export interface SubscriptionHost {
  /** It has received records, or is at another place: the client's state may have changed. */
  moved(useful: boolean): void;
  /** It is over, maybe before its constructor has returned. */
  ended(subscription: object): void;
}

/** A subscription from its first connection to its end. */
export class LiveSubscription<V, K> implements Subscription<V, K> {
  readonly #options: SubscribeOptions<V, K>;
  readonly #host: SubscriptionHost;
  readonly #progress = new Progress();
  readonly #waiting: Waiting[] = [];
  readonly #acks: Acknowledgements | undefined;
  readonly #credit: number;
  readonly #maxHeldBytes: number;
  readonly #isBalanced: boolean;
  readonly #onAbort = () => {
    this.#drop();
    this.#fail(aborted(this.#options.signal!));
  };
  readonly #ack = (topic: string, partition: number, offset: bigint) =>
    this.#acks?.add(topic, partition, offset);
  #topics: readonly string[];
  #connection: Connection | undefined;
  #number: number | undefined;
  /** Of the server, after everything it has sent. */
  #token: string | undefined;
  /** The same after everything the iterator has consumed. */
  #consumedToken: string | undefined;
  /** Records waiting here. */
  #held = 0;
  /** Bytes of the frames they are in. */
  #heldBytes = 0;
  /** Whether the server was asked to pause. */
  #isPaused = false;
  /** Records consumed since credit was given. */
  #spent = 0;
  #hasBegun = false;
  #isBehind = false;
  #failures = 0;
  #againTimer: ReturnType<typeof setTimeout> | undefined;
  #arrived: Deferred<void> | undefined;
  #end: { readonly error: ClientError | undefined } | undefined;

  constructor(options: SubscribeOptions<V, K>, host: SubscriptionHost) {
    this.#options = options;
    this.#host = host;
    this.#topics = options.topics;
    this.#credit = options.credit ?? 1_000;
    this.#maxHeldBytes = options.maxHeldBytes ?? MAX_HELD_BYTES;
    const isAcked = options.group !== undefined && (options.ack ?? "client") === "client";
    if (isAcked) this.#acks = new Acknowledgements(this.#progress, () => this.#route());
    this.#isBalanced = options.group !== undefined && options.partitions === undefined;
    this.#token = this.#consumedToken = options.resume;
    if (options.signal?.aborted) this.#fail(aborted(options.signal));
    else options.signal?.addEventListener("abort", this.#onAbort);
  }

  get resumeToken(): string | undefined {
    return this.#consumedToken;
  }

  /** Whether records are still to be read that were there when the connection was made. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  get heldRecords(): number {
    return this.#held;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ConsumedRecord<V, K>> {
    return {
      next: async () => {
        while (true) {
          const record = this.#take();
          if (record !== undefined) return { done: false, value: record };
          if (this.#end?.error !== undefined) throw this.#end.error;
          if (this.#end !== undefined) return { done: true, value: undefined };
          this.#arrived ??= deferred();
          await this.#arrived.promise;
        }
      },
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  async flush({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (signal?.aborted) throw aborted(signal);
    await this.#acks?.flush(signal);
  }

  close(): Promise<void> {
    this.#drop();
    this.#finish(undefined);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A connection is there: begins, or begins again where it was. */
  opened(connection: Connection): void {
    if (this.#end !== undefined) return;
    this.#connection = connection;
    this.#begin(connection);
  }

  /** The connection is gone. */
  lost(): void {
    this.#connection = undefined;
    this.#number = undefined;
    this.#isBehind = false;
    clearTimeout(this.#againTimer);
    // What a member of a balanced group had is another one's now.
    if (this.#isBalanced && this.#acks !== undefined) this.#forget(() => true);
  }

  /** The client is over. */
  clientEnded(error: ClientError | undefined): void {
    this.#finish(error);
  }

  /** Where it is, once the server has answered. */
  #route(): AckRoute | undefined {
    const [connection, subscription] = [this.#connection, this.#number];
    if (connection === undefined || subscription === undefined) return undefined;
    return { connection, subscription };
  }

  #begin(connection: Connection): void {
    const request = this.#request();
    connection.request(request, (answer) => {
      if (answer instanceof ClientError) this.#refused(answer);
      else if (answer.type === "subscribed") this.#subscribed(answer, connection, request);
    });
  }

  #request(): RequestFrame {
    const { topics, group, partitions, until, isolation, onRange, rate, maxUnacked, ack } =
      this.#options;
    this.#spent = 0;
    return {
      type: "subscribe",
      topics,
      group,
      partitions,
      until,
      isolation,
      rate,
      // Begun once, it goes on: what is missing then is told as a gap.
      onRange: this.#hasBegun ? "earliest" : onRange,
      ack: group === undefined ? undefined : ack ?? "client",
      maxUnacked: this.#acks === undefined ? undefined : maxUnacked,
      credit: Math.max(this.#credit - this.#held, 1),
      ...this.#place(),
    };
  }

  /**
   * Where to begin. Again: in balanced groups where the group is; in pinned partitions that are
   * acknowledged, after what was; otherwise by the server's token, which knows a topic that was
   * created anew from the one it was, and without a token yet by our own count.
   */
  #place(): { from?: unknown; resume?: string } {
    const { from, group } = this.#options;
    if (this.#hasBegun) {
      if (this.#isBalanced) return { from: "committed" };
      const own = this.#acks !== undefined
        ? this.#progress.offsets(({ acked, start }) => acked ?? start)
        : this.#token === undefined
        ? this.#progress.offsets(({ next }) => next)
        : undefined;
      if (own !== undefined) return { from: own };
    }
    if (this.#token !== undefined && (this.#acks === undefined || !this.#hasBegun)) {
      return { resume: this.#token };
    }
    return { from: from === undefined && group === undefined ? "latest" : wireStart(from) };
  }

  #subscribed(
    answer: V2Response & { type: "subscribed" },
    connection: Connection,
    request: RequestFrame,
  ): void {
    if (this.#end !== undefined) {
      connection.send({ type: "unsubscribe", subscription: answer.subscription });
      return;
    }
    this.#number = answer.subscription;
    this.#topics = answer.topics;
    const frames: SubscriptionFrames = {
      records: (records) => this.#records(records),
      control: (frame) => this.#control(frame),
    };
    connection.route(answer.subscription, frames);
    const isExact = "resume" in request && answer.recovered === true;
    for (const position of answer.partitions) this.#positioned(position, isExact, connection);
    if (answer.partitions.length > 0) this.#hasBegun = true;
    this.#isPaused = false;
    this.#hold(0);
    this.#look();
    this.#acks?.send();
    this.#host.moved(false);
  }

  /** The server has begun, or begun again, in a partition. */
  #positioned(position: PartitionPosition, isExact: boolean, connection: Connection): void {
    const { topic, partition } = position;
    const next = BigInt(position.next);
    const known = this.#progress.get(topic, partition);
    const progress = known ?? this.#progress.at(topic, partition, next);
    progress.end = BigInt(position.end);
    progress.sentHere = next;
    progress.ackSent = undefined;
    progress.skippedTo = undefined;
    if (known === undefined || this.#isBalanced) return;
    if (next > progress.next) {
      // Asked for by our own count, and begun later.
      this.#missed({ topic, partition, from: progress.next, to: next, reason: "retention" });
    } else if (isExact && next < progress.next) {
      // Records since the token were received; those that come before the seek counts are dropped.
      connection.request({
        type: "seek",
        subscription: this.#number,
        topic,
        partition,
        from: `${progress.next}`,
      }, () => {});
    }
  }

  #records(records: BinaryRecords): void {
    const topic = this.#topics[records.topicIndex];
    const { partition, nextOffset } = records;
    const progress = this.#progress.at(topic, partition, 0n);
    const from = progress.next;
    if (nextOffset > progress.sentHere) progress.sentHere = nextOffset;
    if (nextOffset > progress.next) progress.next = nextOffset;
    this.#failures = 0;
    if (records.count > 0) {
      if (nextOffset > from) {
        this.#held += records.count;
        this.#waiting.push({ kind: "records", records, topic, from });
        this.#hold(records.bytes);
        this.#wake();
      } else {
        this.#consumed(records.count);
      }
    }
    if (this.#isBehind && nextOffset >= progress.end) this.#look();
    if (progress.acked !== undefined) this.#acks?.soon();
    this.#host.moved(true);
  }

  #control(frame: V2Response): void {
    switch (frame.type) {
      case "position":
        this.#token = frame.resume;
        if (this.#waiting.length === 0) this.#consumedToken = frame.resume;
        else this.#waiting.push({ kind: "token", token: frame.resume });
        break;
      case "gap": {
        const { topic, partition, reason } = frame;
        this.#missed({ topic, partition, from: BigInt(frame.from), to: BigInt(frame.to), reason });
        break;
      }
      case "assigned":
        this.#hasBegun = true;
        for (const position of frame.partitions) {
          this.#positioned(position, false, this.#connection!);
        }
        this.#look();
        this.#host.moved(false);
        break;
      case "revoked":
        for (const [topic, partition] of frame.partitions) {
          this.#forget((each) => each.topic === topic && each.partition === partition);
        }
        this.#look();
        break;
      case "committed":
        this.#acks?.committed(frame.topic, frame.partition, BigInt(frame.next));
        break;
      case "ended":
        this.#connection?.route(frame.subscription, undefined);
        this.#number = undefined;
        if (frame.code === "done") this.#finish(undefined);
        else this.#refused(new ClientError(frame.code, frame.message));
        break;
    }
  }

  #missed(gap: Gap): void {
    const progress = this.#progress.at(gap.topic, gap.partition, gap.from);
    // It began behind what is missing.
    const isStart = gap.to === progress.start && gap.to === progress.next;
    if (gap.reason === "recreated") {
      progress.next = progress.sentHere = gap.to;
      progress.acked = progress.committed = undefined;
    } else if (!isStart) {
      if (gap.to <= progress.next) return;
      if (gap.from < progress.next) gap = { ...gap, from: progress.next };
      progress.next = gap.to;
    }
    this.#waiting.push({ kind: "gap", gap, isStart });
    this.#wake();
  }

  /** The next record for the iterator; undefined when there is none now. */
  #take(): ConsumedRecord<V, K> | undefined {
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0];
      if (first.kind === "token") {
        this.#consumedToken = first.token;
      } else if (first.kind === "gap") {
        this.#tell(first.gap, first.isStart);
      } else {
        while (first.records.next()) {
          this.#held--;
          this.#consumed(1);
          if (first.records.offset < first.from) continue;
          const record = this.#record(first.records, first.topic);
          if (first.records.left === 0) this.#pastFrame(first.records);
          return record;
        }
        this.#hold(-first.records.bytes);
      }
      this.#waiting.shift();
    }
    return undefined;
  }

  /** The first frame has been yielded whole: a token that stands behind it counts. */
  #pastFrame(records: BinaryRecords): void {
    this.#hold(-records.bytes);
    this.#waiting.shift();
    for (let first = this.#waiting[0]; first?.kind === "token"; first = this.#waiting[0]) {
      this.#consumedToken = first.token;
      this.#waiting.shift();
    }
  }

  #record(records: BinaryRecords, topic: string): ConsumedRecord<V, K> {
    const { decode = text, decodeKey = text } = this.#options;
    const { key, value, partition, offset, timestamp, headers } = records;
    return new ConsumedRecord<V, K>(
      { topic, partition, offset, timestamp },
      {
        key: key === null ? null : decodeKey(key) as K,
        value: value === null ? null : decode(value) as V,
        headers,
      },
      this.#ack,
    );
  }

  #tell(gap: Gap, isStart: boolean): void {
    const { onGap, onRange = "error" } = this.#options;
    onGap?.(gap);
    if (onGap !== undefined || (isStart && onRange !== "error")) return;
    const { topic, partition, from, to, reason } = gap;
    this.#drop();
    this.#fail(
      new ClientError(
        "gap",
        `Records ${from} to ${to - 1n} of "${topic}", partition ${partition}, will not come ` +
          `(${reason}); pass "onGap" to go on without them`,
      ),
    );
  }

  /** Credit goes back by halves, so that a frame of it is worth its while. */
  #consumed(records: number): void {
    this.#spent += records;
    if (this.#number === undefined || this.#spent * 2 < this.#credit) return;
    this.#connection!.send({
      type: "credit",
      subscription: this.#number,
      records: this.#spent,
    });
    this.#spent = 0;
  }

  /** So many bytes more wait here, or less: credit counts records, and those may be large. */
  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    const isPaused =
      this.#heldBytes > (this.#isPaused ? this.#maxHeldBytes / 2 : this.#maxHeldBytes);
    if (this.#number === undefined || isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    const type = isPaused ? "pause" : "continue";
    this.#connection!.send({ type, subscription: this.#number });
  }

  /** Partitions that are not ours any more: what waits of them is another's to process. */
  #forget(isGone: (partition: { topic: string; partition: number }) => boolean): void {
    for (const progress of [...this.#progress]) {
      if (!isGone(progress)) continue;
      this.#progress.delete(progress.topic, progress.partition);
      const lost = new ClientError("fenced", `"${progress.topic}" has gone to another member`);
      this.#acks?.fail(progress, lost);
    }
    if (this.#acks === undefined) return;
    const kept = this.#waiting.filter((each) => {
      if (each.kind !== "records") return true;
      const { topic, records } = each;
      if (!isGone({ topic, partition: records.partition })) return true;
      this.#held -= records.left;
      this.#hold(-records.bytes);
      this.#consumed(records.left);
      return false;
    });
    this.#waiting.splice(0, this.#waiting.length, ...kept);
  }

  /** The server does not take the subscription, or has ended it. */
  #refused(error: ClientError): void {
    if (this.#end !== undefined) return;
    // Begun anew where there is something, so that what is missing is told as a gap.
    const isPassed = error.code === "out_of_range" && this.#hasBegun;
    if (!isPassed && !PASSING_CODES.includes(error.code)) {
      this.#fail(error);
      return;
    }
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#isBalanced && this.#acks !== undefined) this.#forget(() => true);
    this.#againTimer = setTimeout(() => {
      if (this.#connection === connection) this.#begin(connection);
    }, pauseMs("back_off", this.#failures++));
  }

  /** Nothing more is yielded. */
  #drop(): void {
    this.#waiting.length = 0;
    this.#held = this.#heldBytes = 0;
  }

  #look(): void {
    this.#isBehind = false;
    for (const { next, end } of this.#progress) if (next < end) this.#isBehind = true;
  }

  #wake(): void {
    this.#arrived?.resolve();
    this.#arrived = undefined;
  }

  #fail(error: ClientError): void {
    this.#finish(error);
  }

  #finish(error: ClientError | undefined): void {
    if (this.#end !== undefined) return;
    this.#acks?.send();
    this.#end = { error };
    clearTimeout(this.#againTimer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    const [connection, subscription] = [this.#connection, this.#number];
    if (connection !== undefined && subscription !== undefined) {
      connection.route(subscription, undefined);
      connection.send({ type: "unsubscribe", subscription });
    }
    this.#connection = undefined;
    this.#number = undefined;
    this.#isBehind = false;
    this.#acks?.end(error ?? new ClientError("closed", "The subscription is over"));
    this.#wake();
    this.#host.ended(this);
  }
}

function text(bytes: Uint8Array): unknown {
  return DECODER.decode(bytes);
}

function wireStart(from: SubscribeFrom | undefined): unknown {
  if (from instanceof Date) return `ts:${from.getTime()}`;
  if (typeof from === "bigint") return `${from}`;
  if (typeof from !== "object") return from;
  return Object.fromEntries(
    Object.entries(from).map(([topic, places]) => [
      topic,
      Object.fromEntries(Object.entries(places).map(([number, offset]) => [number, `${offset}`])),
    ]),
  );
}
