import { ProxyError } from "../core/proxy_error.ts";
import type { V2Response } from "../protocol/v2_responses.ts";

/** An acknowledgement whose client waits for the commit. */
export interface WaitingAck {
  /** Of the request that is to be answered. */
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read. */
  readonly next: bigint;
}

/** Acknowledgements that may wait for their commits; a client that sends more is told so. */
const MOST = 16_384;

/** Acknowledgements of one subscription that are answered when Kafka has taken them, or fenced. */
export class WaitingAcks {
  readonly #subscription: number;
  readonly #send: (frame: V2Response) => void;
  readonly #waiting = new Set<WaitingAck>();

  constructor(subscription: number, send: (frame: V2Response) => void) {
    this.#subscription = subscription;
    this.#send = send;
  }

  /** @throws {ProxyError} `too_many_requests` when no more may wait */
  checkRoom(offset: bigint): void {
    if (this.#waiting.size < MOST) return;
    throw new ProxyError(
      "too_many_requests",
      `Cannot acknowledge offset ${offset}: ${MOST} wait for their commits`,
    );
  }

  add(ack: WaitingAck): void {
    this.#waiting.add(ack);
  }

  /** Answers those of a topic that are committed by now. */
  answer(topic: string, isCommitted: (partition: number, next: bigint) => boolean): void {
    for (const ack of [...this.#waiting]) {
      if (ack.topic !== topic || !isCommitted(ack.partition, ack.next)) continue;
      this.#waiting.delete(ack);
      this.say(ack);
    }
  }

  /** Answers one that is committed. */
  say({ id, topic, partition, next }: WaitingAck): void {
    const subscription = this.#subscription;
    this.#send({ type: "committed", id, subscription, topic, partition, next: `${next}` });
  }

  /** These partitions have gone to somebody else: what waits of them is not committed any more. */
  fence(topic: string, partitions: readonly number[]): void {
    this.#refuse((ack) => ack.topic === topic && partitions.includes(ack.partition));
  }

  /** The subscription is over, and nothing more is committed. */
  fenceAll(): void {
    this.#refuse(() => true);
  }

  #refuse(isGone: (ack: WaitingAck) => boolean): void {
    const subscription = this.#subscription;
    for (const ack of [...this.#waiting]) {
      if (!isGone(ack)) continue;
      this.#waiting.delete(ack);
      const { code, message } = notOurs(ack.topic, ack.partition);
      this.#send({ type: "error", id: ack.id, code, message, subscription });
    }
  }
}

/** Why nothing can be done to a partition: it is another's now, or always was. */
export function notOurs(topic: string, partition: number): ProxyError {
  return new ProxyError(
    "fenced",
    `"${topic}" partition ${partition} is not this subscription's (any more)`,
  );
}
