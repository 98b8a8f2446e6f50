import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { clientAddress, TrustedProxies } from "../../src/auth/client_address.ts";
import { checkOrigin } from "../../src/auth/origin.ts";
import { BinaryRecords } from "../../src/client/binary_records.ts";
import { ClientError } from "../../src/client/client_error.ts";
import { parseSettings } from "../../src/config/parse_settings.ts";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { readFetchResponse } from "../../src/kafka/fetch_response.ts";
import { readRecordBatches } from "../../src/kafka/record_batches.ts";
import { checkHandshake } from "../../src/protocol/handshake.ts";
import { decodeResumeToken, encodeResumeToken } from "../../src/protocol/resume_token.ts";
import { chooseSubprotocol, parseSubprotocols } from "../../src/protocol/subprotocols.ts";
import { V1FrameEncoder } from "../../src/protocol/v1_frames.ts";
import { parseV1Request } from "../../src/protocol/v1_request.ts";
import { parseV2Request } from "../../src/protocol/v2_parser.ts";
import { buildBatch, buildMarker } from "../support/batch_builder.ts";
import { allFrames, chunkOf, WIDE_FORMAT } from "../support/encoded_frames.ts";
import { asSubprotocol } from "../support/signed_tokens.ts";
import { testAccess } from "../support/test_access.ts";

/** Something that takes what a stranger sends. */
export interface FuzzTarget {
  readonly name: string;
  /** What is changed, beside the files of its folder in the corpus. */
  readonly seeds: readonly Uint8Array[];
  /** Put in here and there. */
  readonly words: readonly Uint8Array[];
  /** Takes an input; what it throws must be one of {@linkcode FuzzTarget.errors}. */
  readonly run: (input: Uint8Array) => unknown;
  readonly errors: readonly (new (...args: never[]) => Error)[];
}

/** A batch may not become larger than this; nothing more may be held. */
const MOST_BATCH_BYTES = 1 << 20;

const utf8 = new TextEncoder();
const text = new TextDecoder();

function texts(...all: readonly string[]): Uint8Array[] {
  return all.map((each) => utf8.encode(each));
}

const { access, token: TOKEN, ticket: TICKET } = await testAccess();
const RESUME = encodeResumeToken({
  clusterId: "cluster",
  positions: [
    { topic: "orders", partition: 0, next: 5n },
    { topic: "orders", partition: 3, next: 2n ** 62n },
  ],
});

const BATCHES: readonly Uint8Array[] = [
  buildBatch({ baseOffset: 5n, records: [{ value: "a", key: "k", headers: [["h", "v"]] }] }),
  buildBatch({ baseOffset: 0n, records: [{ value: null }, { value: "\u00e9\u2028\ud83d\ude00" }] }),
  buildMarker("abort", 7n, 3n),
  Buffer.concat([
    buildBatch({ baseOffset: 0n, records: [{ value: "x".repeat(300) }] }),
    buildBatch({ baseOffset: 9n, records: [{ value: "y" }, { value: "z" }] }),
  ]),
];

/** A batch that becomes 16 MiB of zeros. */
function bomb(): Buffer {
  const records = gzipSync(Buffer.alloc(16 << 20));
  const batch = Buffer.from(buildBatch({ baseOffset: 0n, records: [{ value: "v" }] }));
  const head = batch.subarray(0, 61);
  head.writeInt32BE(61 - 12 + records.length, 8);
  head.writeInt16BE(1, 21);
  return Buffer.concat([head, records]);
}

/** Everything that parses what comes from outside. */
export const TARGETS: readonly FuzzTarget[] = [
  {
    name: "url",
    seeds: texts(
      "/?topic=orders&consumerGroup=g&offset=5&partition=0",
      "/?topic=orders&partition=0,1,7&fields=key,headers&encoding=base64&offset=-10",
      "/?topic=a&offset=ts:2026-01-31T09:30:00Z&maxBytes=9&rate=1&lingerMs=5&isolation=uncommitted",
    ),
    words: texts("&topic=", "%00", "%F0%9F", "&", "=", "ts:", "-", "9223372036854775808", "all"),
    run: (input) => {
      const url = new URL(`ws://127.0.0.1:9999/${text.decode(input)}`, "ws://127.0.0.1/");
      return parseV1Request(url, {
        defaultPartition: 0,
        maxBytes: 500_000,
        idleTimeoutMs: 0,
        rate: undefined,
      });
    },
    errors: [ProxyError, TypeError], // TypeError: `new URL`, which the runtime does before us
  },
  {
    name: "headers",
    seeds: texts(
      "sec-websocket-protocol: kafka-proxy.v2, kafka-proxy.v1\nsec-websocket-version: 13",
      "origin: https://a.example\nhost: a.example:80\nx-forwarded-for: 10.0.0.1, [::1]:5",
      "upgrade: websocket\nconnection: keep-alive, Upgrade\nsec-websocket-version: 13\n" +
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\norigin: https://a.example",
    ),
    words: texts("bearer.", ", ", ":", "unknown", "::ffff:", "http://", "\n", "upgrade: "),
    run: (input) => {
      const headers = headersOf(text.decode(input));
      const trusted = new TrustedProxies(["10.0.0.0/8", "::1"]);
      clientAddress("10.1.1.1", headers, trusted);
      refusedOrNot(() =>
        chooseSubprotocol(parseSubprotocols(headers.get("sec-websocket-protocol")))
      );
      refusedOrNot(() =>
        checkOrigin({
          origin: headers.get("origin") ?? "",
          host: headers.get("host") ?? "",
          allowed: ["https://a.example"],
        })
      );
      checkHandshake({ method: "GET", headers });
    },
    errors: [ProxyError],
  },
  {
    name: "v2 text frame",
    seeds: texts(
      '{"type":"subscribe","id":1,"topics":["orders"],"group":"g","ack":"client","from":"earliest"}',
      '{"type":"produce","id":2,"topic":"t","records":[{"key":"k","value":"v","headers":[["a","b"]]}]}',
      '{"type":"ack","subscription":1,"topic":"t","partition":0,"offset":"12"}',
      '{"type":"subscribe","id":1,"topics":["a"],"from":{"a":{"0":"5"}},"credit":10,"until":"end"}',
    ),
    words: texts(
      "[",
      "{",
      '"__proto__":',
      "\\u0000",
      "1e999",
      "[[[[[[[[",
      '"type":',
      "null",
      "\\ud800",
    ),
    run: (input) => parseV2Request(text.decode(input)),
    errors: [ProxyError],
  },
  {
    name: "v2 binary records, in the client",
    seeds: [binaryFrame()],
    words: [],
    run: (input) => {
      const records = new BinaryRecords(Uint8Array.from(input).buffer);
      while (records.next());
    },
    errors: [ClientError, RangeError],
  },
  {
    name: "configuration file",
    seeds: texts(
      "kafka: a:9092\nport: 9999\nusers:\n  alice:\n    password: x\n",
      '{"kafka":["a:1","b:2"],"roles":{"r":{"consume":["a*"]}}}',
    ),
    words: texts("&a [*a]", "<<: *b", "!!js/function x", "--- |\n", ": ", "\n  ", "- ", "\t", "*a"),
    run: (input) =>
      parseSettings({ args: [], env: {}, file: { path: "c", text: text.decode(input) } }),
    errors: [],
  },
  {
    name: "flags",
    seeds: texts("--kafka\na:9092\n--port\n9999", "--kafka=a:1\n--max-bytes\n5\n--log-format=json"),
    words: texts("--", "\n", "=", "--no-", "--kafka", "-9", "0x1f", "99999999999999999999"),
    run: (input) => parseSettings({ args: text.decode(input).split("\n"), env: {} }),
    errors: [],
  },
  {
    name: "tokens and tickets",
    seeds: texts(
      `Bearer ${TOKEN}\n\n`,
      `\n${asSubprotocol(TOKEN)}, kafka-proxy.v1\n`,
      `\n\nticket=${TICKET}`,
      "Basic dXNlcjp0aGlzaXNhcGFzc3dvcmQ=\n\n",
      `\n\naccess_token=${TOKEN}`,
    ),
    words: texts("Bearer ", "bearer.", ".", "==", '{"alg":"none"}', "eyJhbGciOiJub25lIn0", "kpt1."),
    run: async (input) => {
      const [authorization, protocols, query = ""] = text.decode(input).split("\n");
      const headers = headersOf(
        `authorization: ${authorization}\nsec-websocket-protocol: ${protocols}`,
      );
      const url = new URL(`ws://localhost/?${query}`);
      await access.authenticator.authenticate({ headers, url, address: "192.0.2.1" });
    },
    errors: [ProxyError],
  },
  {
    name: "resume token",
    seeds: texts(RESUME),
    words: texts("A", "=", "-", "_", "."),
    run: (input) => decodeResumeToken(text.decode(input)),
    errors: [ProxyError],
  },
  {
    name: "Fetch response",
    seeds: [fetchResponse(4), fetchResponse(7), fetchResponse(11)],
    words: [],
    run: async (input) => {
      const payload = Buffer.from(input);
      const { partitions } = readFetchResponse({ version: 11, payload } as never);
      for (const { records } of partitions) await frames(records);
    },
    errors: [ProxyError, RangeError],
  },
  {
    name: "record batches",
    seeds: [...BATCHES, bomb()],
    words: [],
    run: (input) => frames(Buffer.from(input)),
    errors: [ProxyError],
  },
];

/** All frames of the batches in these bytes, and what makes the rest unreadable. */
async function frames(bytes: Buffer): Promise<void> {
  const { batches, error } = readRecordBatches(bytes, [], MOST_BATCH_BYTES);
  for (const batch of batches) {
    try {
      const opened = await batch.open();
      if (opened.length > MOST_BATCH_BYTES) throw new Error(`a batch of ${opened.length} bytes`);
      await allFrames(new V1FrameEncoder(chunkOf([batch]), 0n, WIDE_FORMAT));
    } catch (wrong) {
      if (!(wrong instanceof ProxyError) || wrong.code === "internal") throw wrong;
    }
  }
  if (error !== undefined) throw error;
}

function refusedOrNot(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
  }
}

/** The lines that the runtime would let through as headers. */
function headersOf(lines: string): Headers {
  const headers = new Headers();
  for (const line of lines.split("\n")) {
    const at = line.indexOf(":");
    try {
      headers.append(line.slice(0, at), line.slice(at + 1));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return headers;
}

/** A frame of two records as docs/PROTOCOL.md lays it out. */
function binaryFrame(): Uint8Array {
  const head = Buffer.alloc(32);
  head.writeUInt8(1, 0);
  head.writeUInt16LE(1, 2);
  head.writeBigInt64LE(5n, 12);
  head.writeBigInt64LE(7n, 20);
  head.writeUInt32LE(2, 28);
  const record = Buffer.alloc(12 + 4 + 1 + 4 + 2 + 2);
  record.writeInt32LE(1, 12);
  record.write("k", 16);
  record.writeInt32LE(2, 17);
  record.write("vv", 21);
  return Buffer.concat([head, record, record]);
}

/** An answer with one topic, one partition, an aborted transaction and a batch. */
function fetchResponse(version: number): Uint8Array {
  const parts: Buffer[] = [];
  const i16 = (value: number) => {
    const bytes = Buffer.alloc(2);
    bytes.writeInt16BE(value);
    parts.push(bytes);
  };
  const i32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    parts.push(bytes);
  };
  const i64 = (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    parts.push(bytes);
  };
  i32(0);
  if (version >= 7) {
    i16(0);
    i32(0);
  }
  i32(1);
  i16(6);
  parts.push(Buffer.from("orders"));
  i32(1);
  i32(0);
  i16(0);
  i64(100n);
  i64(100n);
  if (version >= 5) i64(0n);
  i32(1);
  i64(3n);
  i64(0n);
  if (version >= 11) i32(-1);
  const records = BATCHES[3];
  i32(records.length);
  parts.push(Buffer.from(records));
  return Buffer.concat(parts);
}
