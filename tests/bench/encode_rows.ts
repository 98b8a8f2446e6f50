import process from "node:process";
import type { Chunk } from "../../src/core/chunk.ts";
import type { FrameEncoder } from "../../src/log/shared_frames.ts";
import { type V1Format, V1FrameEncoder } from "../../src/protocol/v1_frames.ts";
import { V2BinaryFrameEncoder } from "../../src/protocol/v2_binary_frames.ts";
import { V2FrameEncoder } from "../../src/protocol/v2_frames.ts";
import type { V2Encoding } from "../../src/protocol/v2_requests.ts";
import type { RecordInput } from "../support/batch_builder.ts";
import { chunkOf, PLAIN_FORMAT, WIDE_FORMAT, wireBatches } from "../support/encoded_frames.ts";

/** What one run of a row found. */
export interface EncodeRun {
  /** A second of processor time. */
  readonly recordsPerSecond: number;
  readonly bytesPerRecord: number;
}

/** What a row encodes, and into what. */
export interface EncodeRow {
  readonly records: () => RecordInput[];
  readonly encoder: (chunk: Chunk) => FrameEncoder;
}

const BATCHES = 20;
const RECORDS_A_BATCH = 500;
const FRAME_BYTES = 65_536;

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";

/** Plain text of 100 bytes. */
function plain(): RecordInput[] {
  return many((i) => ({ value: letters(i, 100) }));
}

/** JSON objects of about 300 bytes, as services write them. */
function json(): RecordInput[] {
  return many((i) => ({
    value: JSON.stringify({
      id: 1_000_000 + i,
      type: "order.created",
      customer: { name: letters(i, 20), email: `user${i}@example.org`, verified: i % 2 === 0 },
      items: [{ sku: letters(i * 7, 8), count: i % 9, price: 19.99 }, {
        sku: letters(i * 3, 8),
        count: 1,
        price: 5,
      }],
      note: letters(i * 5, 60),
      tags: ["a", "b", null],
      total: 1234.5,
    }),
  }));
}

function many(record: (i: number) => RecordInput): RecordInput[] {
  return Array.from({ length: RECORDS_A_BATCH }, (_, i) => ({
    timestampDelta: BigInt(i >> 3),
    ...record(i),
  }));
}

function letters(seed: number, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) text += LETTERS[(seed * 31 + i * 17) % LETTERS.length];
  return text;
}

const NO_FIELDS = { key: false, timestamp: false, headers: false };
const ALL_FIELDS = { key: true, timestamp: true, headers: true };
const LIMITS = { maxBytes: 500_000, frameBytes: FRAME_BYTES, maxRecords: 2 ** 31 };

function v1(format: V1Format): EncodeRow["encoder"] {
  return (chunk) => new V1FrameEncoder(chunk, 0n, { ...format, ...LIMITS });
}

function v2(encoding: V2Encoding, fields: typeof NO_FIELDS): EncodeRow["encoder"] {
  const format = { subscription: 1, encoding, ...fields, ...LIMITS };
  return (chunk) => new V2FrameEncoder(chunk, 0n, format);
}

function binary(chunk: Chunk): FrameEncoder {
  return new V2BinaryFrameEncoder(chunk, 0n, { subscription: 1, topicIndex: 0, ...LIMITS });
}

/** Every row by its name. */
export const ENCODE_ROWS: Readonly<Record<string, EncodeRow>> = {
  "plain, v1": { records: plain, encoder: v1(PLAIN_FORMAT) },
  "plain, v2 text": { records: plain, encoder: v2("text", NO_FIELDS) },
  "plain, v2 binary": { records: plain, encoder: binary },
  "plain, v2 base64": { records: plain, encoder: v2("base64", NO_FIELDS) },
  "plain, v1, all fields": { records: plain, encoder: v1(WIDE_FORMAT) },
  "plain, v2 text, all fields": { records: plain, encoder: v2("text", ALL_FIELDS) },
  "JSON, v1": { records: json, encoder: v1(PLAIN_FORMAT) },
  "JSON, v2 text": { records: json, encoder: v2("text", NO_FIELDS) },
  "JSON, v2 json": { records: json, encoder: v2("json", NO_FIELDS) },
  "JSON, v2 json, all fields": { records: json, encoder: v2("json", ALL_FIELDS) },
  "JSON, v2 binary": { records: json, encoder: binary },
};

/** Encodes the same chunk again and again. */
export function encodeFor({ records, encoder }: EncodeRow, seconds: number): EncodeRun {
  const own = records();
  const chunk = chunkOf(wireBatches(
    Array.from({ length: BATCHES }, (_, i) => ({
      baseOffset: 1_000_000n + BigInt(i * RECORDS_A_BATCH),
      baseTimestampMs: 1_790_000_000_000n,
      records: own,
    })),
  ));
  run(chunk, encoder, seconds / 2); // warm
  return run(chunk, encoder, seconds);
}

function run(
  chunk: Chunk,
  encoder: EncodeRow["encoder"],
  seconds: number,
): EncodeRun {
  const start = performance.now();
  const startCpu = cpuSeconds();
  let records = 0;
  let bytes = 0;
  let passed = 0;
  while (passed < seconds) {
    const frames = encoder(chunk);
    for (;;) {
      const frame = frames.next();
      if (frame instanceof Promise) throw new TypeError("Cannot wait here");
      if (frame === undefined) break;
      records += frame.records;
      bytes += frame.bytes;
    }
    passed = (performance.now() - start) / 1000;
  }
  const cpu = cpuSeconds() - startCpu;
  return { recordsPerSecond: Math.round(records / cpu), bytesPerRecord: bytes / records };
}

/** Of the whole process: others on the machine do not count. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
