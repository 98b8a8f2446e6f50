import type { Isolation } from "../core/ports.ts";
import { ProxyError } from "../core/proxy_error.ts";
import { isTopicName } from "./kafka_names.ts";
import { MAX_INT32, MAX_INT64 } from "./whole_number.ts";

/** Most positions in a token. */
export const MAX_RESUME_POSITIONS = 10_000;

/** Longest token that is looked at: enough for {@linkcode MAX_RESUME_POSITIONS}. */
export const MAX_RESUME_TOKEN_CHARS = 262_144;

/** The next record of one partition. */
export interface ResumePosition {
  readonly topic: string;
  /** Where the broker gives one: it tells a topic from another of its name. At most 64 bytes. */
  readonly topicId?: string;
  readonly partition: number;
  readonly next: bigint;
}

/** What a client has got so far, on which cluster. */
export interface ResumeState {
  /** At most 255 bytes of UTF-8. */
  readonly clusterId: string;
  readonly isolation?: Isolation;
  /** At most {@linkcode MAX_RESUME_POSITIONS}, each partition once. */
  readonly positions: readonly ResumePosition[];
}

/**
 * A state as a token: opaque to clients, but no secret. It says no more than `from` does.
 *
 * Shape: base64url without padding of `u8 version=1 | u8 isolation | text clusterId | varint topics |
 * { text name | text topicId, empty for none | varint partitions | { varint steps from the partition
 * before | varint next } } | u32 FNV-1a of all before`; a text is its length as a varint and UTF-8.
 * Topics stand in the order of their names, partitions in theirs: one state has one token.
 *
 * @throws {RangeError} when a bound of the state is passed
 */
export function encodeResumeToken(state: ResumeState): string {
  const topics = new Map<string, ResumePosition[]>();
  for (const position of state.positions) {
    const own = topics.get(position.topic);
    if (own === undefined) topics.set(position.topic, [position]);
    else own.push(position);
  }
  if (state.positions.length > MAX_RESUME_POSITIONS) {
    throw new RangeError(`Cannot put ${state.positions.length} positions into a token`);
  }
  const writer = new TokenWriter();
  writer.byte(VERSION);
  writer.byte(ISOLATIONS.indexOf(state.isolation));
  writer.text(state.clusterId, MAX_CLUSTER_ID_BYTES);
  writer.varint(BigInt(topics.size));
  for (const [topic, positions] of [...topics].sort(([a], [b]) => a < b ? -1 : 1)) {
    writer.text(topic, MAX_TOPIC_BYTES);
    writer.text(positions[0].topicId ?? "", MAX_TOPIC_ID_BYTES);
    writer.varint(BigInt(positions.length));
    let before = -1;
    for (const { partition, next } of positions.toSorted((a, b) => a.partition - b.partition)) {
      if (partition <= before || partition > MAX_INT32 || next < 0n || next > MAX_INT64) {
        throw new RangeError(`Cannot put ${topic}-${partition} at ${next} into a token`);
      }
      writer.varint(BigInt(partition - before));
      writer.varint(next);
      before = partition;
    }
  }
  return writer.token();
}

/**
 * Reads a token, in the order described at {@linkcode encodeResumeToken}. Only what that function
 * gives is one: every other spelling is refused, in time linear in its length.
 *
 * @throws {ProxyError} `bad_parameter`
 */
export function decodeResumeToken(token: string): ResumeState {
  if (token.length <= MAX_RESUME_TOKEN_CHARS && /^[A-Za-z0-9_-]+$/.test(token)) {
    const state = readToken(token);
    if (state !== undefined && isSpelledSo(state, token)) return state;
  }
  throw new ProxyError(
    "bad_parameter",
    "Cannot resume: the token is damaged or of another version, wanted one from a position frame",
  );
}

const VERSION = 1;
const ISOLATIONS: readonly (Isolation | undefined)[] = [undefined, "committed", "uncommitted"];
const MAX_CLUSTER_ID_BYTES = 255;
const MAX_TOPIC_BYTES = 249;
const MAX_TOPIC_ID_BYTES = 64;
const SUM_BYTES = 4;

/** The state, or `undefined` where no token goes on so. */
function readToken(token: string): ResumeState | undefined {
  try {
    const reader = new TokenReader(Uint8Array.fromBase64(token, { alphabet: "base64url" }));
    if (reader.byte() !== VERSION) return undefined;
    const isolation = ISOLATIONS[reader.byte()];
    const clusterId = reader.text();
    const positions: ResumePosition[] = [];
    for (let topics = reader.varint(); topics > 0n; topics--) {
      const topic = reader.text();
      if (!isTopicName(topic)) return undefined;
      const id = reader.text();
      const topicId = id === "" ? {} : { topicId: id };
      let partition = -1;
      for (let left = reader.varint(); left > 0n; left--) {
        partition += Number(reader.varint());
        positions.push({ topic, ...topicId, partition, next: reader.varint() });
      }
    }
    return { clusterId, ...(isolation === undefined ? {} : { isolation }), positions };
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Order, sum, bounds and every varint's spelling at once. */
function isSpelledSo(state: ResumeState, token: string): boolean {
  try {
    return encodeResumeToken(state) === token;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

class TokenWriter {
  readonly #bytes: number[] = [];

  byte(value: number): void {
    this.#bytes.push(value);
  }

  /** Seven bits a byte, the lowest first. */
  varint(value: bigint): void {
    for (; value > 127n; value >>= 7n) this.byte(Number(value & 127n) | 128);
    this.byte(Number(value));
  }

  text(text: string, maxBytes: number): void {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > maxBytes) {
      throw new RangeError(`Cannot put a text of ${bytes.length} bytes into a token`);
    }
    this.varint(BigInt(bytes.length));
    for (const byte of bytes) this.byte(byte);
  }

  token(): string {
    const bytes = new Uint8Array(this.#bytes.length + SUM_BYTES);
    bytes.set(this.#bytes);
    new DataView(bytes.buffer).setUint32(this.#bytes.length, fnv1a(this.#bytes));
    return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  }
}

class TokenReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @throws {RangeError} when there is none */
  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError("Cannot read on: the token ends");
    return byte;
  }

  /** @throws {RangeError} when it ends, or is beyond 63 bits */
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 63n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new RangeError("Cannot read on: a number is too large");
  }

  text(): string {
    const length = Number(this.varint());
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("Cannot read on: the token ends");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }
}

/** Fowler, Noll and Vo's 32-bit sum, variant 1a: tells a mistyped or shortened token. */
function fnv1a(bytes: readonly number[]): number {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return sum >>> 0;
}
