import { ProxyError } from "../core/proxy_error.ts";
import { parseIsoTime } from "./iso_time.ts";
import { quoted } from "../core/quoted.ts";
import { parseInt64 } from "./whole_number.ts";

/**
 * Where reading starts, before anybody asked Kafka what exists.
 *
 * - `offset`: inclusive, 0 to 2^63 - 1; the end of the partition is valid and waits
 * - `earliest`, `latest`: the first record there is; the end
 * - `last`: so many offsets before the end, at least 1, stopping at earliest
 * - `timestamp`: the first record at or after it, in milliseconds since 1970
 */
export type StartPosition =
  | { readonly kind: "offset"; readonly offset: bigint }
  | { readonly kind: "earliest" }
  | { readonly kind: "latest" }
  | { readonly kind: "last"; readonly records: bigint }
  | { readonly kind: "timestamp"; readonly timestampMs: bigint };

/** What {@linkcode parseStartPosition} accepts, for messages. */
export const START_POSITION_FORMS: string =
  'an offset from 0 to 9223372036854775807, "earliest", "latest", "-N" for the last N records ' +
  '(N from 1), or "ts:" with milliseconds since 1970 or an ISO 8601 time such as ' +
  "ts:2026-01-31T09:30:00Z (UTC unless it has a zone)";

/**
 * Reads a start position: `1000`, `earliest`, `latest`, `-10`, `ts:1790000000000` or
 * `ts:2026-01-31T09:30:00+01:00`.
 *
 * Numbers have one spelling: `-0`, `+5`, ` 5`, `05`, `1e3`, `0x10` and `1.0` are errors, and so is
 * the empty text. Digits after `ts:` are always milliseconds, so `ts:2026` is no year.
 *
 * @throws {ProxyError} `bad_parameter`
 */
export function parseStartPosition(text: string): StartPosition {
  const start = readStartPosition(text);
  if (start !== undefined) return start;
  throw new ProxyError(
    "bad_parameter",
    `Cannot start at ${quoted(text)}: wanted ${START_POSITION_FORMS}`,
  );
}

/** As {@linkcode parseStartPosition}, with `undefined` for what is none. */
export function readStartPosition(text: string): StartPosition | undefined {
  if (text === "earliest" || text === "latest") return { kind: text };
  if (text.startsWith("ts:")) {
    const time = text.slice("ts:".length);
    // A time cannot be negative: ListOffsets takes -1 for the end and -2 for the beginning.
    const timestampMs = parseInt64(time) ?? parseIsoTime(time);
    return timestampMs === undefined ? undefined : { kind: "timestamp", timestampMs };
  }
  if (text.startsWith("-")) {
    const records = parseInt64(text.slice(1));
    return records === undefined || records === 0n ? undefined : { kind: "last", records };
  }
  const offset = parseInt64(text);
  return offset === undefined ? undefined : { kind: "offset", offset };
}
