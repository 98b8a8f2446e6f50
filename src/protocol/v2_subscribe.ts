import {
  distinct,
  GROUP,
  ID,
  integer,
  OFFSET,
  oneOf,
  PARTITION,
  START,
  TOPIC,
} from "./frame_kinds.ts";
import {
  defaulted,
  type FrameFields,
  type FrameObject,
  type FrameReader,
  isObject,
  type Kind,
  optional,
  required,
} from "./frame_reader.ts";
import { MAX_LISTED_PARTITIONS } from "./partition_list.ts";
import { MAX_RESUME_TOKEN_CHARS } from "./resume_token.ts";
import type { AckMode, SubscribeRequest, V2Field, V2Start } from "./v2_requests.ts";
import { MAX_INT32, parseWholeNumber } from "./whole_number.ts";

/** What {@linkcode SubscribeRequest} is on the wire. */
type SubscribeFrame = Omit<SubscribeRequest, "type" | "ack"> & { readonly ack?: AckMode };

/** Most topics of one subscription. */
const MAX_TOPICS = 64;

/** Most records that one grant of credit may speak of. */
export const MAX_CREDIT = 1_000_000_000;

const FIELDS: readonly V2Field[] = ["key", "timestamp", "headers"];

const partitions = distinct(PARTITION, 1, MAX_LISTED_PARTITIONS);
const fields = distinct(oneOf(...FIELDS), 0, FIELDS.length);

const FROM: Kind<V2Start> = {
  wanted: `"committed", ${START.wanted}, or an object topic -> partition -> ${OFFSET.wanted}`,
  parse: (value) => {
    if (value === "committed") return { kind: "committed" };
    return isObject(value) ? readOffsets(value) : START.parse(value);
  },
};

const RESUME: Kind<string> = {
  wanted: "a token from a position frame",
  parse: (value) =>
    typeof value === "string" && value.length <= MAX_RESUME_TOKEN_CHARS &&
      /^[A-Za-z0-9_-]+$/.test(value)
      ? value
      : undefined,
};

const SUBSCRIBE: FrameFields<SubscribeFrame> = {
  id: optional(ID),
  topics: required(distinct(TOPIC, 1, MAX_TOPICS)),
  group: optional(GROUP),
  partitions: optional({
    ...partitions,
    parse: (value) => partitions.parse(value)?.toSorted((a, b) => a - b),
  }),
  from: optional(FROM),
  resume: optional(RESUME),
  until: optional(oneOf("end")),
  ack: optional(oneOf("auto", "client", "none")),
  credit: optional(integer(1, MAX_CREDIT, "records")),
  encoding: defaulted(oneOf("text", "json", "base64"), "text"),
  fields: defaulted({
    ...fields,
    parse: (value) => {
      const asked = fields.parse(value);
      return asked && FIELDS.filter((field) => asked.includes(field));
    },
  }, FIELDS),
  isolation: defaulted(oneOf("committed", "uncommitted"), "committed"),
  onRange: optional(oneOf("error", "earliest", "latest")),
  maxBytes: optional(integer(1, MAX_INT32, "bytes")),
  maxRecords: optional(integer(1, MAX_INT32, "records")),
  lingerMs: optional(integer(0, 60_000, "milliseconds")),
  rate: optional(integer(1, MAX_INT32, "records a second")),
  maxUnacked: defaulted(integer(1, 1_000_000, "records"), 10_000),
};

/**
 * Reads a `subscribe` frame, and what its fields say about each other.
 *
 * @throws {ProxyError} `bad_frame`
 */
export function readSubscribe(reader: FrameReader, object: FrameObject): SubscribeRequest {
  const frame = reader.read(object, SUBSCRIBE);
  const { topics, group, from } = frame;
  const ack = frame.ack ?? (group === undefined ? "none" : "auto");
  if (group === undefined && ack !== "none") {
    throw reader.bad(`"ack" is "${ack}" without a "group" to commit for, wanted "none" or a group`);
  }
  if (group === undefined && from?.kind === "committed") {
    throw reader.bad('"from" is "committed" without a "group", wanted a group or another start');
  }
  const several = topics.length > 1 || (frame.partitions?.length ?? 1) > 1;
  if (from?.kind === "offset" && several) {
    throw reader.bad(
      `"from" is "${from.offset}", a place in one partition, and there are several, ` +
        "wanted one topic and one partition, or an object topic -> partition -> offset",
    );
  }
  if (from?.kind === "offsets") checkOffsets(reader, from.offsets, frame);
  return { type: "subscribe", ...frame, ack };
}

function readOffsets(object: FrameObject): V2Start | undefined {
  const offsets = new Map<string, ReadonlyMap<number, bigint>>();
  for (const [topic, value] of Object.entries(object)) {
    if (TOPIC.parse(topic) === undefined || !isObject(value)) return undefined;
    const places = new Map<number, bigint>();
    for (const [key, place] of Object.entries(value)) {
      const partition = parseWholeNumber(key, 0, MAX_INT32);
      const offset = OFFSET.parse(place);
      if (partition === undefined || offset === undefined) return undefined;
      places.set(partition, offset);
    }
    offsets.set(topic, places);
  }
  return { kind: "offsets", offsets };
}

function checkOffsets(
  reader: FrameReader,
  offsets: ReadonlyMap<string, ReadonlyMap<number, bigint>>,
  { topics, partitions }: SubscribeFrame,
): void {
  for (const [topic, places] of offsets) {
    if (!topics.includes(topic)) {
      throw reader.bad(`"from" names "${topic}", wanted one of "topics"`);
    }
    for (const partition of places.keys()) {
      if (partitions?.includes(partition) !== false) continue;
      throw reader.bad(`"from" names partition ${partition}, wanted one of "partitions"`);
    }
  }
}
