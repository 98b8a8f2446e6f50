/** Room for a reason in a close frame: 125 bytes of a control frame less 2 for the code (RFC 6455 section 5.5.1). */
const MAX_REASON_BYTES = 123;

/**
 * A text as it may stand in a close frame: well-formed, and cut before the first character that does
 * not fit into `maxBytes` bytes of UTF-8. `WebSocket.close()` throws on a longer one.
 *
 * @throws {RangeError} when `maxBytes` is negative
 */
export function closeReason(text: string, maxBytes: number = MAX_REASON_BYTES): string {
  // A lone surrogate would become U+FFFD on the way out.
  const whole = text.toWellFormed();
  return whole.slice(0, new TextEncoder().encodeInto(whole, new Uint8Array(maxBytes)).read);
}
