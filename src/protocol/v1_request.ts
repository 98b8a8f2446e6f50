import type { Isolation } from "../core/ports.ts";
import { ParameterReader } from "./parameter_reader.ts";
import type { StartPosition } from "./start_position.ts";
import { V1_FIELDS, type V1Field } from "./v1_fields.ts";
import { type V1Encoding, type V1Limits, v1Parameters } from "./v1_parameters.ts";

export type { V1Encoding, V1Field, V1Limits };

/** A v1 client's request, with every default filled in. */
export interface V1Request {
  /** A name Kafka can have. */
  readonly topic: string;
  /** `undefined` for an independent reader, who asked with an empty `consumerGroup=`. */
  readonly group: string | undefined;
  /** Ascending and distinct, at most 16. */
  readonly partitions: readonly number[] | "all";
  /** One integer partition was asked for, or is the server's default. */
  readonly single: boolean;
  /** `undefined`: a group starts where it committed, else at earliest; a reader at latest. */
  readonly start: StartPosition | undefined;
  /** Most bytes of keys, values and headers in a frame. */
  readonly maxBytes: number;
  /** Pause between two batches, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** How long it waits for more records to share a frame while it keeps up, in milliseconds. */
  readonly lingerMs: number;
  /** Most records a second; `undefined` for no limit. */
  readonly rate: number | undefined;
  /** What each entry of a frame carries; `partition` is among them unless {@linkcode single}. */
  readonly fields: readonly V1Field[];
  /** How `message` is said. */
  readonly encoding: V1Encoding;
  /** Whether records of open and aborted transactions are hidden. */
  readonly isolation: Isolation;
}

/**
 * Reads the query of a v1 client's URL; the path is the caller's business.
 *
 * A name that can only be a slip for a parameter (`Topic`, `ofset`, `group`) is an error, because
 * going on without it would read from somewhere else than was meant. Every other unknown name is
 * passed over, as by the original: its clients, and what stands before the proxy, may have names of
 * their own, and so have other parts of this server (`closeCodes`, `ticket`, `access_token`).
 *
 * @throws {ProxyError} `bad_parameter`; the message names every wrong parameter with its value and
 * what would be right, and `details.problems` has them one by one
 *
 * @example
 * ```ts
 * import { parseV1Request } from "./v1_request.ts";
 *
 * const url = new URL("ws://127.0.0.1:9999/?topic=test&consumerGroup=group1&offset=1000");
 * const limits = { defaultPartition: 0, maxBytes: 500_000, idleTimeoutMs: 0, rate: undefined };
 * console.assert(parseV1Request(url, limits).group === "group1");
 * ```
 */
export function parseV1Request(url: URL, limits: V1Limits): V1Request {
  const parameters = v1Parameters(limits);
  const reader = new ParameterReader(url.searchParams, Object.keys(parameters));

  const topic = reader.read("topic", parameters.topic) ?? "";
  if (topic === "") {
    reader.wrong("topic", '"topic" is missing, wanted as in "/?topic=test"');
  }
  const group = reader.read("consumerGroup", parameters.consumerGroup);
  const partitions = reader.read("partition", parameters.partition);
  const single = partitions !== "all" && partitions.length === 1;
  const start = reader.read("offset", parameters.offset);
  if (start?.kind === "offset" && !single && !reader.isWrong("partition")) {
    reader.wrong(
      "offset",
      `"offset" is ${start.offset}, a place in one partition, but "partition" is "${partitions}", ` +
        'wanted one partition number, or an offset of "earliest", "latest", "-N" or "ts:"',
    );
  }
  const asked = reader.read("fields", parameters.fields);
  const request: V1Request = {
    topic,
    group: group === "" ? undefined : group,
    partitions,
    single,
    start,
    maxBytes: reader.read("maxBytes", parameters.maxBytes),
    idleTimeoutMs: reader.read("idleTimeout", parameters.idleTimeout),
    lingerMs: reader.read("lingerMs", parameters.lingerMs),
    rate: reader.read("rate", parameters.rate),
    fields: V1_FIELDS.filter((field) =>
      asked.includes(field) || (field === "partition" && !single)
    ),
    encoding: reader.read("encoding", parameters.encoding),
    isolation: reader.read("isolation", parameters.isolation),
  };
  reader.finish();
  return request;
}
