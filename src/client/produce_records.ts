import { base64 } from "./base64.ts";
import { ClientError } from "./client_error.ts";

/** Text, sent as UTF-8, or bytes; null is Kafka's null. */
export type Content = string | Uint8Array | null;

/** A record to write. */
export interface ProduceRecord {
  /** Decides the partition, as with other Kafka clients. @default {null} */
  readonly key?: Content;
  /** Null is a tombstone. */
  readonly value: Content;
  /** In their order; a name may come more than once. */
  readonly headers?: readonly (readonly [name: string, value: Content])[];
  /** Where it goes, whatever its key. */
  readonly partition?: number;
  /** Milliseconds since 1970. @default now, by the server's clock */
  readonly timestamp?: number;
}

/** Where a record stands. */
export interface Produced {
  /** Partition it was written to. */
  readonly partition: number;
  /** Its offset there. */
  readonly offset: bigint;
  /** Milliseconds since 1970, as Kafka keeps it. */
  readonly timestamp: number;
}

/** A record that has no offset, and whether it may be stored all the same. */
export interface NotProduced {
  /** Code of the server's error table, or `not_sent`, `lost` and `aborted` of the client. */
  readonly code: string;
  /** `failed`: it is not stored. `unknown`: nobody can tell. */
  readonly outcome: "failed" | "unknown";
  /** For people. */
  readonly message: string;
}

/**
 * Not every record was written. `outcome` is `unknown` when that of at least one record is: it may
 * be stored or not, and the client does not send it again by itself, because it could be there
 * twice. With `failed` none of those without an offset is stored.
 */
export class ProduceError extends ClientError {
  /** Always `ProduceError`. */
  override name = "ProduceError";
  /** The worst of {@linkcode results}. */
  readonly outcome: "failed" | "unknown";
  /** What became of each record, in their order. */
  readonly results: readonly (Produced | NotProduced)[];

  /** @ignore made by a client */
  constructor(results: readonly (Produced | NotProduced)[], cause?: unknown) {
    const missing = results.filter((each): each is NotProduced => "outcome" in each);
    const first = missing.find(({ outcome }) => outcome === "unknown") ?? missing[0];
    super(first.code, `${missing.length} of ${results.length} not written: ${first.message}`, {
      cause,
    });
    this.outcome = first.outcome;
    this.results = results;
  }
}

/** A record as it stands in a `produce` frame. */
export interface EncodedRecord {
  readonly text: string;
  /** Of the text as UTF-8. */
  readonly bytes: number;
}

const UTF8 = new TextEncoder();

/** Records as JSON, with the one encoding that says all of their values. */
export function encodeRecords(
  records: readonly ProduceRecord[],
): { encoding: "text" | "base64"; records: EncodedRecord[] } {
  const isBinary = records.some(({ value }) => value instanceof Uint8Array);
  const value = (content: Content) =>
    isBinary && content !== null ? base64(bytesOf(content)) : content;
  return {
    encoding: isBinary ? "base64" : "text",
    records: records.map((record) => {
      const text = JSON.stringify({
        key: named(record.key),
        value: value(record.value),
        headers: record.headers?.map(([name, content]) => [name, named(content)]),
        partition: record.partition,
        timestamp: record.timestamp,
      });
      return { text, bytes: UTF8.encode(text).length };
    }),
  };
}

/** Keys and headers say for themselves whether they are bytes. */
function named(content: Content | undefined): string | { base64: string } | null | undefined {
  return content instanceof Uint8Array ? { base64: base64(content) } : content;
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? UTF8.encode(content) : content;
}
