import { Buffer } from "node:buffer";
import type { V1Format } from "../../src/protocol/v1_frames.ts";
import { type BatchInput, type Bytes, offsetDeltas, toBytes } from "./batch_builder.ts";

/** One record as a v1 client is to get it, made the plain way: decoded, put into an object. */
export interface ReferenceRecord {
  readonly offset: bigint;
  /** Its entry of the frame. */
  readonly json: string;
  /** Bytes of that before invalid UTF-8 became U+FFFD. */
  readonly jsonBytes: number;
  /** Bytes of key, value and headers. */
  readonly payloadBytes: number;
}

/** A frame as it is to come. */
export interface ReferenceFrame {
  readonly data: string;
  readonly records: number;
  readonly next: bigint;
  readonly payloadBytes: number;
}

/** Everything of some batches from an offset on. */
export function referenceRecords(
  batches: readonly BatchInput[],
  partition: number,
  from: bigint,
  format: V1Format,
): ReferenceRecord[] {
  return batches.flatMap((batch) => {
    const deltas = offsetDeltas(batch.records);
    return batch.records.map((record, i): ReferenceRecord => {
      const { key = null, value, headers = [] } = record;
      const offset = batch.baseOffset + BigInt(deltas[i]);
      const timestamp = batch.logAppendTime
        ? batch.maxTimestampMs!
        : (batch.baseTimestampMs ?? 0n) + (record.timestampDelta ?? 0n);
      const entry = (encoding: "utf8" | "latin1") => {
        const text = (bytes: Bytes) => toBytes(bytes)?.toString(encoding) ?? null;
        return JSON.stringify({
          message: format.encoding === "text"
            ? text(value)
            : toBytes(value)?.toString("base64") ?? null,
          offset: digits(offset),
          ...(format.key && { key: text(key) }),
          ...(format.partition && { partition }),
          ...(format.timestamp && { timestamp: digits(timestamp) }),
          ...(format.headers && {
            headers: headers.map(([name, value]) => [text(name), text(value)]),
          }),
        });
      };
      const payloadBytes = [key, value, ...headers.flat()]
        .reduce((sum, bytes) => sum + (toBytes(bytes)?.length ?? 0), 0);
      const json = entry("utf8");
      // In Latin-1 each byte is a character, and JSON escapes the same ones.
      return { offset, json, jsonBytes: entry("latin1").length, payloadBytes };
    });
  }).filter(({ offset }) => offset >= from);
}

/** The frames they make: as many records in each as the format allows. */
export function referenceFrames(
  records: readonly ReferenceRecord[],
  { maxBytes, frameBytes, maxRecords }: V1Format,
): ReferenceFrame[] {
  const frames: ReferenceRecord[][] = [];
  let bytes = 0;
  let payloadBytes = 0;
  for (const record of records) {
    const frame = frames.at(-1);
    if (
      frame === undefined || frame.length >= maxRecords ||
      payloadBytes + record.payloadBytes > maxBytes ||
      bytes + ",".length + record.jsonBytes > frameBytes
    ) {
      frames.push([record]);
      bytes = "[]".length + record.jsonBytes;
      payloadBytes = record.payloadBytes;
    } else {
      frame.push(record);
      bytes += ",".length + record.jsonBytes;
      payloadBytes += record.payloadBytes;
    }
  }
  return frames.map((frame) => ({
    data: `[${frame.map(({ json }) => json).join(",")}]`,
    records: frame.length,
    next: frame.at(-1)!.offset + 1n,
    payloadBytes: frame.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0),
  }));
}

/** Bytes of a text on the wire. */
export function wireBytes(text: string | Uint8Array): number {
  return Buffer.byteLength(text);
}

/** Bare digits in JSON, exact at any size. */
function digits(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString());
}
