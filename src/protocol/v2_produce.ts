import type { NewRecord } from "../core/ports.ts";
import { ID, integer, oneOf, PARTITION, TOPIC } from "./frame_kinds.ts";
import {
  defaulted,
  type FrameFields,
  type FrameObject,
  type FrameReader,
  isObject,
  type Kind,
  optional,
  required,
  shown,
} from "./frame_reader.ts";
import { rawValues } from "./raw_values.ts";
import type { ProduceRequest, V2Encoding } from "./v2_requests.ts";

/** What {@linkcode ProduceRequest} is on the wire. */
interface ProduceFrame {
  readonly id: number;
  readonly topic: string;
  readonly encoding: V2Encoding;
  readonly records: readonly unknown[];
}

/** What {@linkcode NewRecord} is on the wire. */
interface RecordFrame {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: NewRecord["headers"];
  readonly partition: number | undefined;
  readonly timestamp: number | undefined;
}

type Header = NewRecord["headers"][number];

const UTF8 = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

const PRODUCE: FrameFields<ProduceFrame> = {
  id: required(ID),
  topic: required(TOPIC),
  encoding: defaulted(oneOf("text", "json", "base64"), "text"),
  records: required({
    wanted: "an array of at least one record",
    parse: (value) => Array.isArray(value) && value.length > 0 ? value : undefined,
  }),
};

/** Text, bytes in base64, or null: a key, or the value of a header. */
const BYTES: Kind<Uint8Array | null> = {
  wanted: 'text, {"base64":"..."} or null',
  parse: (value) => {
    if (value === null) return null;
    if (!isObject(value)) return textBytes(value);
    const names = Object.keys(value);
    return names.length === 1 && names[0] === "base64" ? base64Bytes(value.base64) : undefined;
  },
};

const HEADERS: Kind<NewRecord["headers"]> = {
  wanted: `an array of [name, value], the name text, the value ${BYTES.wanted}`,
  parse: (value) => {
    if (!Array.isArray(value)) return undefined;
    const headers: Header[] = [];
    for (const each of value) {
      const header = readHeader(each);
      if (header === undefined) return undefined;
      headers.push(header);
    }
    return headers;
  },
};

/** How the value of a record is read; null is a tombstone in each. */
const VALUES: { readonly [Encoding in V2Encoding]: Kind<Uint8Array | null> } = {
  text: {
    wanted: 'text or null (with "encoding":"json" it may be any JSON)',
    parse: (value) => value === null ? null : textBytes(value),
  },
  // The bytes are taken from the frame's text once all records have been looked at.
  json: { wanted: "any JSON", parse: (value) => value === null ? null : NO_BYTES },
  base64: {
    wanted: "base64 (RFC 4648 section 4, with its padding) or null",
    parse: (value) => value === null ? null : base64Bytes(value),
  },
};

const RECORDS: { readonly [Encoding in V2Encoding]: FrameFields<RecordFrame> } = {
  text: recordFields(VALUES.text),
  json: recordFields(VALUES.json),
  base64: recordFields(VALUES.base64),
};

/**
 * Reads a `produce` frame. With `json`, a value's bytes are its own part of `text`: numbers beyond
 * 2^53, `1.0`, blanks, and the order of keys stay as the client wrote them.
 *
 * @param text what `object` was parsed from
 * @throws {ProxyError} `bad_frame`
 */
export function readProduce(
  reader: FrameReader,
  object: FrameObject,
  text: string,
): ProduceRequest {
  const frame = reader.read(object, PRODUCE);
  const fields = RECORDS[frame.encoding];
  const read = frame.records.map((each, index) => {
    if (isObject(each)) return reader.read(each, fields, index);
    throw reader.bad(`"records[${index}]" is ${shown(each)}, wanted an object`);
  });
  const texts = frame.encoding === "json" ? rawValues(text) : undefined;
  const records = read.map(({ key, value, headers, partition, timestamp }, index): NewRecord => ({
    key,
    value: value === null || texts === undefined ? value : UTF8.encode(texts[index]),
    headers,
    timestampMs: timestamp === undefined ? undefined : BigInt(timestamp),
    partition,
  }));
  return { type: "produce", id: frame.id, topic: frame.topic, records };
}

function recordFields(value: Kind<Uint8Array | null>): FrameFields<RecordFrame> {
  return {
    key: defaulted(BYTES, null),
    value: required(value),
    headers: defaulted(HEADERS, []),
    partition: optional(PARTITION),
    timestamp: optional(integer(0, Number.MAX_SAFE_INTEGER, "milliseconds since 1970")),
  };
}

function readHeader(value: unknown): Header | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [name, bytes] = value;
  if (typeof name !== "string" || !name.isWellFormed()) return undefined;
  const parsed = BYTES.parse(bytes);
  return parsed === undefined ? undefined : [name, parsed];
}

/** UTF-8; half of a surrogate pair, which it cannot say, is no text. */
function textBytes(value: unknown): Uint8Array | undefined {
  return typeof value === "string" && value.isWellFormed() ? UTF8.encode(value) : undefined;
}

function base64Bytes(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return undefined;
  try {
    return Uint8Array.fromBase64(value, { lastChunkHandling: "strict" });
  } catch {
    return undefined; // wrong length, or bits left over
  }
}
