import type { Frame, FrameSink } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { encodeResumeToken, MAX_RESUME_POSITIONS } from "../protocol/resume_token.ts";
import type {
  AckRequest,
  NackRequest,
  SeekRequest,
  SubscribeRequest,
} from "../protocol/v2_requests.ts";
import type { LagFrame, PartitionPosition, V2Response } from "../protocol/v2_responses.ts";
import { Pacer } from "../stream/pacer.ts";
import { AckLedger } from "./ack_ledger.ts";
import type { Claimant } from "./claims.ts";
import type { Trouble } from "./frame_pump.ts";
import { Gate } from "./gate.ts";
import type { Ledger } from "./ledger.ts";
import { newLedger } from "./new_ledger.ts";
import type { SessionServices } from "./session_services.ts";
import { SharedMembership } from "./shared_membership.ts";
import { type Gap, resolveStarts, type Starts } from "./start_offsets.ts";
import type { TopicPlan } from "./topic_plan.ts";
import { TopicStream } from "./topic_stream.ts";
import { v2FrameFormat } from "./v2_frame_format.ts";
import type { V2Starts } from "./v2_start.ts";
import { notOurs, WaitingAcks } from "./waiting_acks.ts";

/** What a subscription is made of. */
export interface SubscriptionOptions {
  readonly session: string;
  readonly protocol: "v2" | "v2.binary";
  readonly number: number;
  readonly request: SubscribeRequest;
  /** One for each topic, in the order of the request. */
  readonly plans: readonly TopicPlan[];
  readonly starts: V2Starts;
  readonly maxBytes: number;
  readonly rate: number | undefined;
  readonly lingerMs: number;
  readonly sink: FrameSink;
  readonly send: (frame: V2Response) => void;
  readonly onRecords: (records: number) => void;
  /** Called when it has ended, for whatever reason. */
  readonly onOver: () => void;
}

/** Why a subscription is over, as its client is told; nothing where it asked for it. */
interface Ending {
  readonly code: string;
  readonly message: string;
  readonly settleMs: number;
}

/** What is under way when the partitions go to somebody else may be taken, or acknowledged, in ms. */
const HAND_OVER_MS = 500;

/** With a rate, a frame carries a tenth of a second's records. */
const FRAMES_PER_SECOND = 10;

/** Errors that come with where a partition begins and ends instead. */
const POSITION_LOST: ReadonlySet<string> = new Set(["out_of_range", "topic_deleted"]);

interface OwnTopic {
  readonly plan: TopicPlan;
  readonly ledger: Ledger;
  readonly stream: TopicStream;
  /** Where sending stopped for a rebalance, until it is known what we keep. */
  paused: ReadonlyMap<number, bigint>;
  /** With `until` `end`: how far each partition is to be read, and those that have been. */
  readonly ends: Map<number, bigint>;
  readonly read: Map<number, bigint>;
}

/**
 * One subscription of a v2 socket: topics read by a group or a reader, with its own credit,
 * acknowledgements and end. What goes wrong with one topic ends it whole, and leaves the socket.
 *
 * Delivery: `auto`, committed when the operating system has taken the bytes; what was in its buffers
 * may be lost with a client that vanished. `client`: nothing is lost; repeated are only records whose
 * acknowledgement was not answered `committed`, or that were unacknowledged when their partition
 * moved.
 */
export class V2Subscription implements Claimant {
  readonly number: number;
  readonly #options: SubscriptionOptions;
  readonly #services: SessionServices;
  readonly #stopping = new AbortController();
  readonly #gate: Gate;
  readonly #topics: ReadonlyMap<string, OwnTopic>;
  readonly #finished = Promise.withResolvers<void>();
  readonly #waitingAcks: WaitingAcks;
  /** Topics that were made anew since it began: the id they had then is not theirs any more. */
  readonly #renewed = new Set<string>();
  readonly #firstPositions = new Map<string, PartitionPosition[]>();
  readonly #subscribed = Promise.withResolvers<void>();
  #gaps: V2Response[] = [];
  #isSubscribed = false;
  #ending: Ending | undefined;
  #isAsked = false;
  #isOver = false;
  #startError: ProxyError | undefined;
  #lastToken = "";

  constructor(options: SubscriptionOptions, services: SessionServices) {
    this.#options = options;
    this.#services = services;
    this.number = options.number;
    this.#waitingAcks = new WaitingAcks(options.number, options.send);
    const { request: { credit, maxUnacked, ack }, plans } = options;
    this.#gate = new Gate({
      credit,
      maxUnacked: ack === "client" ? maxUnacked : Infinity,
      unacked: () => this.unacked,
    });
    const pacer = new Pacer(options.rate, 0);
    const members = this.#isBalanced
      ? new SharedMembership(services.members, plans.map(({ topic }) => topic))
      : services.members;
    this.#topics = new Map(
      plans.map((plan, index) => [plan.topic, this.#open(plan, index, pacer, members)]),
    );
  }

  /** What it sends, for reports. */
  get streams(): readonly TopicStream[] {
    return [...this.#topics.values()].map(({ stream }) => stream);
  }

  /** The consumer group it is in. */
  get group(): string | undefined {
    return this.#options.request.group;
  }

  /** What its client asked for. */
  get request(): SubscribeRequest {
    return this.#options.request;
  }

  /** It takes no requests any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Records sent and not acknowledged. */
  get unacked(): number {
    let records = 0;
    for (const { ledger } of this.#topics.values()) {
      if (ledger instanceof AckLedger) records += ledger.unacked;
    }
    return records;
  }

  get #isBalanced(): boolean {
    const { group, partitions } = this.#options.request;
    return group !== undefined && partitions === undefined;
  }

  /**
   * Begins to send; resolves when the client was answered.
   *
   * @throws {ProxyError} why it cannot begin; it is over then
   */
  async start(): Promise<void> {
    if (this.#isBalanced) this.#answer();
    void this.#run();
    await this.#subscribed.promise;
    if (this.#isSubscribed) return;
    throw this.#startError ?? new ProxyError("leaving", "The subscription ended before it began");
  }

  /** Ends it because the client asked, or the socket ends; resolves when positions are committed. */
  async stop(settleMs: number): Promise<void> {
    this.#isAsked = true;
    this.#end({ code: "done", message: "unsubscribed", settleMs });
    await this.#finished.promise;
  }

  /** Lets others have the partitions, after {@linkcode stop}. */
  async release(): Promise<void> {
    await Promise.all(this.streams.map((stream) => stream.release()));
  }

  async evict(): Promise<void> {
    const { group } = this.#options.request;
    this.fail(
      new ProxyError("taken_over", `taken over: a newer client reads for group "${group}"`),
    );
    await this.#finished.promise;
  }

  /** The client takes so many records more. */
  credit(records: number): void {
    this.#gate.add(records);
  }

  pause(): void {
    this.#gate.pause();
  }

  continue(): void {
    this.#gate.continue();
  }

  /**
   * The client has processed everything up to and including an offset.
   *
   * @throws {ProxyError} `fenced`, `bad_frame`, `too_many_requests`
   */
  ack({ id, topic, partition, offset }: AckRequest): void {
    const { stream, ledger } = this.#acked(topic);
    if (id !== undefined) this.#waitingAcks.checkRoom(offset);
    const next = ledger.ack(topic, partition, offset);
    this.#gate.look();
    if (id !== undefined) {
      const waiting = { id, topic, partition, next };
      if (ledger.isCommitted(partition, next)) {
        this.#waitingAcks.say(waiting);
      } else {
        this.#waitingAcks.add(waiting);
        stream.commitSoon();
      }
    }
    this.#lookDone();
  }

  /**
   * Delivers again from an offset that was not acknowledged.
   *
   * @throws {ProxyError} `fenced`, `bad_frame`
   */
  nack({ topic, partition, offset }: NackRequest): void {
    const own = this.#acked(topic);
    own.ledger.nack(topic, partition, offset);
    this.#goOn(own, partition, offset);
  }

  /**
   * Goes on at another position of a partition.
   *
   * @throws {ProxyError} `fenced` for a partition it does not have, `out_of_range`
   */
  async seek({ topic, partition, from }: SeekRequest): Promise<void> {
    const own = this.#own(topic);
    const { isolation } = own.plan;
    const target = { topic, partitions: [partition], isolation };
    const isOurs = () => own.stream.has(partition) || own.read.has(partition);
    if (!isOurs()) throw notOurs(topic, partition);
    const { offsets } = await resolveStarts(target, from, this.#services.reader);
    if (!isOurs()) throw notOurs(topic, partition);
    const offset = offsets.get(partition)!;
    if (own.ledger instanceof AckLedger) own.ledger.moved(partition, offset);
    this.#goOn(own, partition, offset);
    this.#onReached(topic, partition, offset);
  }

  /** Sends from another offset on; what had come to its end is sent up to there again. */
  #goOn({ stream, read, ends }: OwnTopic, partition: number, offset: bigint): void {
    const end = read.get(partition);
    if (end === undefined) {
      stream.move(partition, offset);
    } else {
      read.delete(partition);
      ends.set(partition, end);
      stream.resume(partition, offset);
    }
    this.#gate.look();
  }

  /** How far behind it is, by partition. */
  async lag(id: number | undefined): Promise<LagFrame> {
    const partitions: LagFrame["partitions"][number][] = [];
    await Promise.all([...this.#topics.values()].map(async ({ plan, stream }) => {
      const { topic, isolation } = plan;
      const known = [...stream.partitions.keys()];
      if (known.length === 0) return;
      const ends = await this.#services.reader.offsets(topic, known, "latest", isolation);
      for (const [partition, { next }] of stream.partitions) {
        const end = ends.get(partition);
        if (end === undefined) continue;
        const records = end > next ? end - next : 0n;
        const ms = records === 0n ? 0 : this.#ageMs(plan, partition, next);
        partitions.push({ topic, partition, records: `${records}`, ...ms !== undefined && { ms } });
      }
    }));
    return { type: "lag", id, subscription: this.number, partitions };
  }

  /** Tells the client a token for everything sent so far, if it has moved. */
  tellPosition(): void {
    if (!this.#isSubscribed || this.#isBalanced || this.#options.request.ack === "client") return;
    const resume = this.#token();
    if (resume === undefined || resume === this.#lastToken) return;
    this.#lastToken = resume;
    this.#send({ type: "position", subscription: this.number, resume });
  }

  #open(
    plan: TopicPlan,
    index: number,
    pacer: Pacer,
    members: SessionServices["members"],
  ): OwnTopic {
    const { request, session, protocol, sink, maxBytes, rate, lingerMs, number } = this.#options;
    const { topic } = plan;
    const ledger = newLedger(request.group, request.ack);
    const mostRecords = Math.min(
      request.maxRecords ?? 2 ** 31,
      rate === undefined ? 2 ** 31 : Math.ceil(rate / FRAMES_PER_SECOND),
    );
    const stream = new TopicStream(
      plan,
      {
        id: session,
        protocol,
        subscription: number,
        sink,
        format: v2FrameFormat({
          isBinary: protocol === "v2.binary",
          subscription: number,
          topicIndex: index,
          encoding: request.encoding,
          fields: request.fields,
          maxBytes,
          maxRecords: mostRecords,
        }),
        pacer,
        lingerMs,
        gate: this.#gate,
        ledger,
        claimant: this,
        members,
        fail: (error) => this.fail(error),
        onFrame: (frame) => this.#onFrame(frame),
        onReached: (partition, next) => this.#onReached(topic, partition, next),
        onAssign: (starts) => this.#onAssign(topic, starts),
        onRevoke: (next, why) => this.#onRevoke(topic, next, why),
        onTrouble: (trouble) => this.#onTrouble(topic, trouble),
        onCommitted: () => this.#answerAcks(topic),
      },
      this.#services,
      this.#stopping.signal,
    );
    return { plan, ledger, stream, paused: new Map(), ends: new Map(), read: new Map() };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const topics = [...this.#topics.values()];
    await Promise.all(topics.map(async ({ stream }) => {
      try {
        await stream.begin();
        await stream.run();
      } catch (error) {
        this.fail(ProxyError.from(error));
      }
    }));
    if (!signal.aborted) this.fail(new ProxyError("internal", "The subscription ended by itself"));
    const { sink } = this.#options;
    const { settleMs } = this.#ending!;
    await Promise.all(topics.map(async ({ ledger, stream }) => {
      await ledger.settled(sink, settleMs);
      await stream.finish();
    }));
    this.#waitingAcks.fenceAll();
    this.#isOver = true;
    this.tellPosition();
    if (!this.#isAsked && this.#isSubscribed) this.#sayEnded();
    this.#finished.resolve();
    this.#subscribed.resolve();
    if (!this.#isAsked) await this.release();
    this.#options.onOver();
  }

  #sayEnded(): void {
    const { code, message } = this.#ending!;
    this.#send({ type: "ended", subscription: this.number, code, message });
  }

  /** Ends it for a reason that its client is told. */
  fail(error: ProxyError): void {
    if (error.code === "internal" && this.#ending === undefined) {
      this.#services.events.emit("session_failed", {
        session: this.#options.session,
        error: error.cause ?? error,
      });
    }
    if (!this.#isSubscribed) this.#startError ??= error;
    const settleMs = error.code === "taken_over" ? HAND_OVER_MS : 0;
    this.#end({ code: error.code, message: error.message, settleMs });
  }

  #end(ending: Ending): void {
    this.#ending ??= ending;
    this.#stopping.abort();
    this.#subscribed.resolve();
  }

  #send(frame: V2Response): void {
    this.#options.send(frame);
  }

  /** Answers the request: from here on the subscription has its number. */
  #answer(): void {
    const { request: { id, topics, resume }, starts } = this.#options;
    this.#isSubscribed = true;
    this.#send({
      type: "subscribed",
      id,
      subscription: this.number,
      topics,
      ...resume !== undefined && { recovered: starts.isWhole === true && this.#gaps.length === 0 },
      partitions: topics.flatMap((topic) => this.#firstPositions.get(topic) ?? []),
    });
    for (const gap of this.#gaps) this.#send(gap);
    this.#gaps = [];
    this.#subscribed.resolve();
  }

  /** Tells the client of partitions before their records come. */
  async #onAssign(topic: string, { offsets, gaps }: Starts): Promise<void> {
    const own = this.#own(topic);
    const paused = own.paused;
    own.paused = new Map();
    const positions = await this.#positions(own.plan, offsets);
    if (this.#stopping.signal.aborted) return;
    if (this.#options.request.until === "end") this.#setEnds(own, positions);
    if (!this.#isSubscribed) {
      this.#gaps.push(...this.#gapFrames(topic, gaps), ...this.#lostFrames(topic, positions));
      this.#firstPositions.set(topic, positions);
      if (this.#firstPositions.size === this.#topics.size) this.#answer();
      await this.#subscribed.promise;
      return;
    }
    const isKept = (partition: number) => paused.get(partition) === offsets.get(partition);
    this.#sayRevoked(topic, [...paused.keys()].filter((partition) => !isKept(partition)));
    const added = positions.filter(({ partition }) => !isKept(partition));
    if (added.length > 0) {
      this.#send({ type: "assigned", subscription: this.number, partitions: added });
    }
    for (const gap of this.#gapFrames(topic, gaps)) this.#send(gap);
  }

  /** In a rebalance, what we keep goes on: what we do not is said when the new assignment is known. */
  #onRevoke(topic: string, next: ReadonlyMap<number, bigint>, why: "rebalance" | "lost"): void {
    const own = this.#own(topic);
    const stopped = new Map([...own.paused, ...own.read, ...next]);
    own.read.clear();
    own.ends.clear();
    if (why === "rebalance") {
      own.paused = stopped;
      return;
    }
    const lost = stopped.keys();
    own.paused = new Map();
    this.#sayRevoked(topic, [...lost]);
  }

  #sayRevoked(topic: string, partitions: readonly number[]): void {
    if (partitions.length === 0) return;
    this.#send({
      type: "revoked",
      subscription: this.number,
      partitions: partitions.map((partition) => [topic, partition]),
    });
    this.#waitingAcks.fence(topic, partitions);
    this.#gate.look();
  }

  async #positions(
    { topic, isolation }: TopicPlan,
    offsets: ReadonlyMap<number, bigint>,
  ): Promise<PartitionPosition[]> {
    const partitions = [...offsets.keys()];
    if (partitions.length === 0) return [];
    const { reader } = this.#services;
    const [earliest, end] = await Promise.all([
      reader.offsets(topic, partitions, "earliest", isolation),
      reader.offsets(topic, partitions, "latest", isolation),
    ]);
    return [...offsets].map(([partition, next]) => ({
      topic,
      partition,
      next: `${next}`,
      earliest: `${earliest.get(partition)}`,
      end: `${end.get(partition)}`,
    }));
  }

  #gapFrames(topic: string, gaps: readonly Gap[]): V2Response[] {
    return gaps.map(({ partition, from, to, reason }) => ({
      type: "gap",
      subscription: this.number,
      topic,
      partition,
      from: `${from}`,
      to: `${to}`,
      reason,
    }));
  }

  /** What a token had reached of a topic that is another one now. */
  #lostFrames(topic: string, positions: readonly PartitionPosition[]): V2Response[] {
    const lost = this.#options.starts.lost.get(topic) ?? [];
    return lost.flatMap(({ partition, from, reason }) => {
      const to = positions.find((position) => position.partition === partition)?.next;
      return to === undefined || to === `${from}` ? [] : this.#gapFrames(topic, [{
        partition,
        from,
        to: BigInt(to),
        reason,
      }]);
    });
  }

  #onFrame({ topic, partition, next, records, payloadBytes }: Frame): void {
    const { maxBytes, session, onRecords } = this.#options;
    onRecords(records);
    if (payloadBytes <= maxBytes) return;
    this.#services.events.emit("oversize_record", {
      topic,
      partition,
      offset: next - 1n,
      bytes: payloadBytes,
      maxBytes,
      session,
    });
  }

  #onReached(topic: string, partition: number, next: bigint): void {
    if (this.#options.request.until !== "end") return;
    const own = this.#topics.get(topic)!;
    const end = own.ends.get(partition);
    if (end !== undefined && next >= end) this.#reachedEnd(own, partition, next);
  }

  #setEnds(own: OwnTopic, positions: readonly PartitionPosition[]): void {
    for (const { partition, next, end } of positions) {
      own.ends.set(partition, BigInt(end));
      if (BigInt(next) < BigInt(end)) continue;
      const isSame = () => own.ends.get(partition) === BigInt(end);
      // After the answer, and after the partition was given to the pump.
      void this.#subscribed.promise.then(() =>
        setTimeout(() => isSame() && this.#reachedEnd(own, partition, BigInt(next)))
      );
    }
  }

  #reachedEnd(own: OwnTopic, partition: number, next: bigint): void {
    if (this.#stopping.signal.aborted || !own.ends.delete(partition)) return;
    own.stream.drop(partition);
    own.read.set(partition, next);
    const { topic } = own.plan;
    this.tellPosition();
    this.#send({ type: "end", subscription: this.number, topic, partition, end: `${next}` });
    this.#lookDone();
  }

  /** With `until` `end`, over when all was sent and, where the client acknowledges, acknowledged. */
  #lookDone(): void {
    if (this.#options.request.until !== "end" || !this.#isSubscribed) return;
    const isSent = [...this.#topics.values()].every(({ ends }) => ends.size === 0);
    if (!isSent || this.#isBalanced || this.unacked > 0) return;
    this.#end({
      code: "done",
      message: "everything up to the end was sent",
      settleMs: HAND_OVER_MS,
    });
  }

  /** A gap that is said is better than an end, where the client prefers it. */
  #onTrouble(topic: string, { partition, next, error, after }: Trouble): bigint | undefined {
    const { code, details } = error;
    const { onRange } = this.#options.starts;
    let gap: Gap;
    if (code === "batch_too_large" && after !== undefined) {
      gap = { partition, from: next, to: after, reason: "oversize" };
    } else if (POSITION_LOST.has(code) && onRange !== "error" && details !== undefined) {
      const to = BigInt(String(details[onRange === "earliest" ? "earliest" : "end"]));
      const isOther = code === "topic_deleted" || next > to;
      gap = { partition, from: next, to, reason: isOther ? "recreated" : "retention" };
    } else {
      return undefined;
    }
    for (const frame of this.#gapFrames(topic, [gap])) this.#send(frame);
    const { ledger, ends } = this.#own(topic);
    if (gap.reason === "recreated") {
      this.#renewed.add(topic);
      this.#waitingAcks.fence(topic, [partition]);
      if (ends.has(partition)) ends.set(partition, BigInt(String(details?.end)));
    }
    if (gap.reason === "recreated") ledger.assigned(partition, gap.to);
    else ledger.reached(partition, gap.to, this.#options.sink.sentBytes, 0);
    // Once the pump has moved: there may be nothing left to send up to the end.
    queueMicrotask(() => this.#onReached(topic, partition, gap.to));
    return gap.to;
  }

  #answerAcks(topic: string): void {
    const { ledger } = this.#own(topic);
    if (!(ledger instanceof AckLedger)) return;
    this.#waitingAcks.answer(topic, (partition, next) => ledger.isCommitted(partition, next));
  }

  #ageMs({ topic, isolation }: TopicPlan, partition: number, next: bigint): number | undefined {
    const chunk = this.#services.log.log(topic, partition, isolation).cached(next);
    const batch = chunk?.batches.find(({ lastOffset }) => lastOffset >= next);
    return batch === undefined
      ? undefined
      : Math.max(0, Date.now() - Number(batch.baseTimestampMs));
  }

  #token(): string | undefined {
    const { clusterId, topicIds } = this.#options.starts;
    if (clusterId === undefined) return undefined;
    const positions = [...this.#topics.values()].flatMap(({ plan: { topic }, stream, read }) => {
      const topicId = this.#renewed.has(topic) ? undefined : topicIds.get(topic);
      const sent = [...stream.partitions].map(([partition, { next }]) =>
        [partition, next] as const
      );
      return [...read, ...sent].map(([partition, next]) => ({ topic, topicId, partition, next }));
    });
    if (positions.length === 0 || positions.length > MAX_RESUME_POSITIONS) return undefined;
    return encodeResumeToken({ clusterId, positions });
  }

  #own(topic: string): OwnTopic {
    const own = this.#topics.get(topic);
    if (own !== undefined) return own;
    throw new ProxyError(
      "bad_frame",
      `Subscription ${this.number} has no topic "${topic}", only ${
        [...this.#topics.keys()].map((name) => `"${name}"`).join(", ")
      }`,
    );
  }

  #acked(topic: string): OwnTopic & { ledger: AckLedger } {
    const own = this.#own(topic);
    if (own.ledger instanceof AckLedger) return own as OwnTopic & { ledger: AckLedger };
    throw new ProxyError(
      "bad_frame",
      `Subscription ${this.number} takes no acknowledgements: wanted "ack":"client" when it began`,
    );
  }
}
