import { ProxyError } from "../core/proxy_error.ts";
import { TokenBucket } from "./token_bucket.ts";

/** What a client may send on one socket; `undefined` sets no limit. */
export interface InboundLimits {
  /** Most bytes of one message. */
  readonly maxMessageBytes: number;
  /** Most messages a second. */
  readonly messagesPerSecond: number | undefined;
  /** Most bytes a second; a single message may be larger. */
  readonly bytesPerSecond: number | undefined;
}

/**
 * Says of each message from a client whether it was one too many. Deno has no way to stop reading
 * from a socket, so that a client over its limits can only be closed.
 *
 * A limit holds over time, with one second's worth of credit for a client that was quiet.
 */
export class InboundLimiter {
  readonly #maxMessageBytes: number;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  readonly #limits: InboundLimits;

  constructor(limits: InboundLimits, nowMs: number = performance.now()) {
    const { maxMessageBytes, messagesPerSecond, bytesPerSecond } = limits;
    this.#limits = limits;
    this.#maxMessageBytes = maxMessageBytes;
    if (messagesPerSecond !== undefined) {
      this.#messages = new TokenBucket(messagesPerSecond, messagesPerSecond, nowMs);
    }
    if (bytesPerSecond !== undefined) {
      const most = Math.max(bytesPerSecond, maxMessageBytes);
      this.#bytes = new TokenBucket(bytesPerSecond, most, nowMs);
    }
  }

  /**
   * Counts a message in. `undefined` when it is fine, otherwise what to close the socket with
   * (`row.closeCode` and the message): `message_too_large` or `too_many_requests`, with the
   * setting's name as the detail `limit`.
   */
  take(messageBytes: number, nowMs: number = performance.now()): ProxyError | undefined {
    const { messagesPerSecond, bytesPerSecond } = this.#limits;
    if (messageBytes > this.#maxMessageBytes) {
      return new ProxyError(
        "message_too_large",
        `A message has ${messageBytes} bytes, the limit is ${this.#maxMessageBytes}`,
        { details: { limit: "maxMessageBytes" } },
      );
    }
    if (this.#messages?.take(1, nowMs) === false) {
      return tooMany("messagesPerSecond", `${messagesPerSecond} messages a second`);
    }
    if (this.#bytes?.take(messageBytes, nowMs) === false) {
      return tooMany("inboundBytesPerSecond", `${bytesPerSecond} bytes a second`);
    }
    return undefined;
  }
}

function tooMany(limit: string, what: string): ProxyError {
  return new ProxyError("too_many_requests", `The client sends more than ${what}`, {
    details: { limit },
  });
}
