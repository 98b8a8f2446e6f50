import type { Buffer } from "node:buffer";
import type { V2Format } from "../../src/protocol/v2_frames.ts";
import { type BatchInput, type Bytes, offsetDeltas, toBytes } from "./batch_builder.ts";

/** A record as it was written, with its place in the log. */
export interface PlacedRecord {
  readonly offset: bigint;
  readonly timestampMs: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: Buffer, value: Buffer | null])[];
  /** Bytes of key, value and headers. */
  readonly payloadBytes: number;
}

/** Everything of some batches from an offset on. */
export function placedRecords(batches: readonly BatchInput[], from: bigint): PlacedRecord[] {
  return batches.flatMap((batch) => {
    const deltas = offsetDeltas(batch.records);
    return batch.records.map((record, i): PlacedRecord => {
      const bytes = (value: Bytes) => toBytes(value);
      const { key = null, value, headers = [] } = record;
      return {
        offset: batch.baseOffset + BigInt(deltas[i]),
        timestampMs: batch.logAppendTime
          ? batch.maxTimestampMs!
          : (batch.baseTimestampMs ?? 0n) + (record.timestampDelta ?? 0n),
        key: bytes(key),
        value: bytes(value),
        headers: headers.map(([name, value]) => [bytes(name)!, bytes(value)]),
        payloadBytes: [key, value, ...headers.flat()]
          .reduce((sum, each) => sum + (toBytes(each)?.length ?? 0), 0),
      };
    });
  }).filter(({ offset }) => offset >= from);
}

/** A record as a v2 client is to get it in JSON, made the plain way. */
export function v2RecordJson(record: PlacedRecord, format: V2Format): string {
  const members = [
    `"offset":"${record.offset}"`,
    format.timestamp && `"timestamp":${record.timestampMs}`,
    format.key && `"key":${JSON.stringify(textOrBytes(record.key))}`,
    `"value":${valueJson(record.value, format.encoding)}`,
    format.headers && record.headers.length > 0 &&
    `"headers":${
      JSON.stringify(record.headers.map(([name, value]) => [name.toString(), textOrBytes(value)]))
    }`,
  ];
  return `{${members.filter((member) => member !== false).join(",")}}`;
}

function valueJson(value: Buffer | null, encoding: V2Format["encoding"]): string {
  if (value === null) return "null";
  const base64 = JSON.stringify(value.toString("base64"));
  if (encoding === "base64") return base64;
  const text = utf8(value);
  if (text === undefined) return `${base64},"valueEncoding":"base64"`;
  if (encoding === "text") return JSON.stringify(text);
  return isEmbeddable(text) ? text : `${JSON.stringify(text)},"valueEncoding":"text"`;
}

function isEmbeddable(text: string): boolean {
  try {
    return JSON.parse(text) !== null;
  } catch {
    return false;
  }
}

function textOrBytes(value: Buffer | null): unknown {
  if (value === null) return null;
  return utf8(value) ?? { base64: value.toString("base64") };
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
