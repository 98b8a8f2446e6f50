import type { Isolation } from "../core/ports.ts";
import { GROUP_NAME_FORM, isGroupName, isTopicName, TOPIC_NAME_FORM } from "./kafka_names.ts";
import type { Parameter } from "./parameter_reader.ts";
import { parsePartitions, PARTITIONS_FORM } from "./partition_list.ts";
import { readStartPosition, START_POSITION_FORMS, type StartPosition } from "./start_position.ts";
import { parseV1Fields, V1_DEFAULT_FIELDS, V1_FIELDS_FORM, type V1Field } from "./v1_fields.ts";
import { MAX_INT32, parseWholeNumber } from "./whole_number.ts";

/** The server's settings, which a client may only narrow. */
export interface V1Limits {
  /** What is read when the client names no partition. */
  readonly defaultPartition: number | "all";
  /** Most bytes of keys, values and headers in a frame. */
  readonly maxBytes: number;
  /** Shortest pause between two batches, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Shortest wait for more records to share a frame, in milliseconds; 0 when left out. */
  readonly lingerMs?: number;
  /** Most records a second; `undefined` for no limit. */
  readonly rate: number | undefined;
}

const MOST_LINGER_MS = 60_000;

/** How `message` is said in a v1 frame. */
export type V1Encoding = "text" | "base64";

/** The parameters of a v1 client by name; names are case-sensitive, as the original's are. */
export interface V1Parameters {
  readonly topic: Parameter<string | undefined>;
  /** The empty text asks for no group. */
  readonly consumerGroup: Parameter<string>;
  readonly offset: Parameter<StartPosition | undefined>;
  readonly partition: Parameter<readonly number[] | "all">;
  readonly maxBytes: Parameter<number>;
  readonly idleTimeout: Parameter<number>;
  readonly lingerMs: Parameter<number>;
  readonly rate: Parameter<number | undefined>;
  readonly fields: Parameter<readonly V1Field[]>;
  readonly encoding: Parameter<V1Encoding>;
  readonly isolation: Parameter<Isolation>;
}

/** How each parameter is read on a server with these settings: default, wanted form, parser. */
export function v1Parameters(limits: V1Limits): V1Parameters {
  const { defaultPartition, maxBytes, idleTimeoutMs, lingerMs = 0, rate } = limits;
  return {
    topic: {
      absent: undefined,
      wanted: TOPIC_NAME_FORM,
      parse: (text) => isTopicName(text) ? text : undefined,
    },
    consumerGroup: {
      absent: "default",
      wanted: GROUP_NAME_FORM,
      parse: (text) => text === "" || isGroupName(text) ? text : undefined,
    },
    offset: {
      absent: undefined,
      wanted: START_POSITION_FORMS,
      parse: (text) => readStartPosition(withPlusOfZone(text)),
    },
    partition: {
      absent: defaultPartition === "all" ? "all" : [defaultPartition],
      wanted: PARTITIONS_FORM,
      parse: parsePartitions,
    },
    maxBytes: {
      absent: maxBytes,
      wanted: `bytes from 1 to ${maxBytes}, the server's own limit`,
      parse: (text) => parseWholeNumber(text, 1, maxBytes),
    },
    idleTimeout: {
      absent: idleTimeoutMs,
      wanted: `milliseconds from ${idleTimeoutMs}, the server's own pause, to ${MAX_INT32}`,
      parse: (text) => parseWholeNumber(text, idleTimeoutMs, MAX_INT32),
    },
    lingerMs: {
      absent: lingerMs,
      wanted: `milliseconds from ${lingerMs}, the server's own wait, to ${MOST_LINGER_MS}`,
      parse: (text) => parseWholeNumber(text, lingerMs, MOST_LINGER_MS),
    },
    rate: {
      absent: rate,
      wanted: rate === undefined
        ? `records a second from 1 to ${MAX_INT32}`
        : `records a second from 1 to ${rate}, the server's own limit`,
      parse: (text) => parseWholeNumber(text, 1, rate ?? MAX_INT32),
    },
    fields: { absent: V1_DEFAULT_FIELDS, wanted: V1_FIELDS_FORM, parse: parseV1Fields },
    encoding: oneOf("text", "base64"),
    isolation: oneOf("committed", "uncommitted"),
  };
}

/** A choice of words; the first is the default. */
function oneOf<T extends string>(first: T, second: T): Parameter<T> {
  return {
    absent: first,
    wanted: `"${first}" or "${second}"`,
    parse: (text) => [first, second].find((word) => word === text),
  };
}

/**
 * A query's `+` means a blank, and nobody who types `ts:2026-01-31T09:30+01:00` thinks of `%2B`. A
 * blank before the zone of a time cannot have been anything else.
 */
function withPlusOfZone(text: string): string {
  return text.replace(/^(ts:[^ ]+T[^ ]+) (\d\d:\d\d)$/, "$1+$2");
}
