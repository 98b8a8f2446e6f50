import { Buffer } from "node:buffer";

/** No broker answers with more: its own limits of a response lie far below, in bytes. */
const MOST_BYTES = 1 << 30;

/** What is read at a time where much may come. */
const READ_BYTES = 64 * 1024;

/**
 * Options for `net.connect` that gather a broker's responses (i32 length, then so many bytes) as
 * they arrive, each straight into a buffer of its own.
 *
 * Without it every read makes a buffer. One more copy is left: KafkaJS keeps an empty remainder of
 * the response before, and joins it with the next.
 *
 * @param onWhole gets each response with its length in front
 * @param onFault a length that cannot be one: what follows makes no sense
 * @param readBytes what is read at a time, which is kept for as long as the connection
 */
export function wholeResponses(
  onWhole: (response: Buffer) => void,
  onFault: (error: Error) => void,
  readBytes = READ_BYTES,
): { buffer: Uint8Array; callback: (count: number, bytes: Uint8Array) => boolean } {
  const head = Buffer.allocUnsafeSlow(4);
  let headBytes = 0;
  let response: Buffer | undefined;
  let filled = 0;
  const callback = (count: number, bytes: Uint8Array): boolean => {
    let at = 0;
    while (at < count) {
      if (response === undefined) {
        head[headBytes++] = bytes[at++];
        if (headBytes < 4) continue;
        headBytes = 0;
        const size = head.readInt32BE(0);
        if (size < 0 || size > MOST_BYTES) {
          onFault(new Error(`The broker announced a response of ${size} bytes`));
          return false;
        }
        response = Buffer.allocUnsafeSlow(4 + size);
        response.set(head);
        filled = 4;
      }
      const take = Math.min(count - at, response.length - filled);
      response.set(bytes.subarray(at, at + take), filled);
      at += take;
      filled += take;
      if (filled < response.length) continue;
      const whole = response;
      response = undefined;
      onWhole(whole);
    }
    return true;
  };
  return { buffer: Buffer.allocUnsafeSlow(readBytes), callback };
}
