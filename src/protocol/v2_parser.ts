import { ProxyError } from "../core/proxy_error.ts";
import { quoted } from "../core/quoted.ts";
import { ID, integer, OFFSET, PARTITION, START, SUBSCRIPTION, text, TOPIC } from "./frame_kinds.ts";
import {
  type FrameFields,
  type FrameObject,
  FrameReader,
  isObject,
  optional,
  required,
  shown,
} from "./frame_reader.ts";
import { nearName } from "./near_name.ts";
import { readProduce } from "./v2_produce.ts";
import type { V2Request } from "./v2_requests.ts";
import { MAX_CREDIT, readSubscribe } from "./v2_subscribe.ts";

type RequestType = V2Request["type"];
type RequestOf<Type extends RequestType> = V2Request extends infer Each
  ? Each extends { readonly type: infer Types }
    ? Type extends Types ? Omit<Each, "type"> & { readonly type: Type } : never
  : never
  : never;

/** Reads the fields of one type of frame; `type` itself is no longer among them. */
type ReadFrame<Request> = (reader: FrameReader, object: FrameObject, text: string) => Request;

const id = optional(ID);
const subscription = required(SUBSCRIPTION);
const topic = required(TOPIC);
const partition = required(PARTITION);
const offset = required(OFFSET);

/** Every frame a client may send, by its type. */
const FRAMES: { readonly [Type in RequestType]: ReadFrame<RequestOf<Type>> } = {
  subscribe: readSubscribe,
  ack: plain("ack", { id, subscription, topic, partition, offset }),
  nack: plain("nack", { id, subscription, topic, partition, offset }),
  credit: plain("credit", {
    id,
    subscription,
    records: required(integer(1, MAX_CREDIT, "records")),
  }),
  pause: plain("pause", { id, subscription }),
  continue: plain("continue", { id, subscription }),
  unsubscribe: plain("unsubscribe", { id, subscription }),
  lag: plain("lag", { id, subscription }),
  seek: plain("seek", { id, subscription, topic, partition, from: required(START) }),
  ping: plain("ping", { id }),
  produce: readProduce,
  permit: plain("permit", {
    id,
    records: required(integer(1, 1_000_000, "records")),
    bytes: required(integer(1, 1_000_000_000, "bytes")),
  }),
  auth: plain("auth", { id, token: required({ ...text(1, 65_536), isSecret: true }) }),
};

const TYPES = Object.keys(FRAMES) as RequestType[];

/**
 * Reads a text frame of a v2 client: JSON with a `type`, all fields known, all values in bounds,
 * defaults filled in. The time is linear in the frame's length.
 *
 * @throws {ProxyError} `malformed_json`; `bad_frame` with a message that names field, value and what
 * would be right, and with `details.id` when the frame had an id to answer to
 *
 * @example
 * ```ts
 * import { parseV2Request } from "./v2_parser.ts";
 *
 * const request = parseV2Request('{"type":"subscribe","topics":["orders"],"group":"g1"}');
 * console.assert(request.type === "subscribe" && request.ack === "auto");
 * ```
 */
export function parseV2Request(text: string): V2Request {
  const frame = parseJson(text);
  if (!isObject(frame)) {
    throw new FrameReader(undefined).bad(`it is ${shown(frame)}, wanted a JSON object`);
  }
  const { type, ...fields } = frame;
  const id = ID.parse(frame.id);
  if (!isRequestType(type)) throw unknownType(new FrameReader(id), type);
  return FRAMES[type](new FrameReader(id, type), fields, text);
}

function parseJson(text: string): unknown {
  if (!text.isWellFormed()) {
    throw new ProxyError("malformed_json", "Cannot read the frame: it has half a surrogate pair");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // The rest of that message repeats what was sent, which may be a credential.
    const [place] = /at position \d+/.exec(String(error)) ?? [];
    const where = place === undefined ? "" : ` (${place})`;
    throw new ProxyError("malformed_json", `Cannot read the frame: it is not JSON${where}`);
  }
}

function plain<Type extends RequestType, Request>(
  type: Type,
  fields: FrameFields<Request>,
): ReadFrame<Request & { readonly type: Type }> {
  return (reader, object) => ({ type, ...reader.read(object, fields) });
}

function isRequestType(type: unknown): type is RequestType {
  return typeof type === "string" && Object.hasOwn(FRAMES, type);
}

function unknownType(reader: FrameReader, type: unknown): ProxyError {
  const near = typeof type === "string" ? nearName(type, TYPES) : undefined;
  const wanted = near === undefined ? `one of ${TYPES.join(", ")}` : `"${near}"`;
  if (type === undefined) return reader.bad(`"type" is missing, wanted ${wanted}`);
  const what = typeof type === "string" ? quoted(type) : shown(type);
  return reader.bad(`"type" is ${what}, wanted ${wanted}`);
}
