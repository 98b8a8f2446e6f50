import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { type BinaryRecord, readBinaryFrame } from "../../src/protocol/v2_binary_reader.ts";
import { eventually } from "../support/eventually.ts";
import { hasKcat, kcatRead } from "../support/kcat.ts";
import { newTopic } from "../support/new_topic.ts";
import { Random } from "../support/random.ts";
import { startProxy } from "../support/test_proxy.ts";
import { V2Client, type V2Record } from "../support/v2_client.ts";

const sharedKafka = shareKafka({
  properties: { "message.max.bytes": 4_000_000, "replica.fetch.max.bytes": 4_000_000 },
});

type Bytes = Uint8Array | null;

/** A record, in bytes. */
interface Exact {
  readonly key: Bytes;
  readonly value: Bytes;
  readonly headers: readonly (readonly [string, Bytes])[];
  readonly timestampMs: number;
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const base64 = (bytes: Bytes) => bytes === null ? null : Buffer.from(bytes).toString("base64");

/** Records that are special in every way, and random ones. */
function records(random: Random, count: number): Exact[] {
  const bytes = (length: number) => Uint8Array.from({ length }, () => random.between(0, 256));
  const texts = [
    "",
    "plain",
    '{"a":[1,2.50,"x"]}',
    "12345678901234567890",
    "null",
    "é😀\u2028",
    '"',
    "{",
  ];
  const any = (): Bytes =>
    random.pick<() => Bytes>([
      () => null,
      () => utf8(random.pick(texts)),
      () => utf8(random.pick(texts)),
      () => bytes(random.between(0, 60)),
    ])();
  const special: Exact[] = [
    { key: null, value: null, headers: [], timestampMs: 0 },
    { key: utf8(""), value: utf8(""), headers: [["", null]], timestampMs: 1 },
    {
      key: utf8("dup"),
      value: utf8("x"),
      headers: [["h", utf8("1")], ["h", utf8("1")], ["H", null], ["h", bytes(3)]],
      timestampMs: 1_700_000_000_000,
    },
    { key: utf8("large"), value: bytes(1_000_000), headers: [], timestampMs: 5 },
    { key: null, value: utf8("😀".repeat(250_000)), headers: [], timestampMs: 6 },
  ];
  const rest = Array.from({ length: count }, (_, i): Exact => ({
    key: any(),
    value: any(),
    headers: Array.from({ length: random.between(0, 4) }, () => [random.pick(["a", "b"]), any()]),
    timestampMs: 1_700_000_000_000 + i,
  }));
  return [...special, ...rest];
}

/** What a JSON frame says of bytes. */
function fromJson(value: unknown, encoding: "text" | "json" | "base64", as?: string): Bytes {
  if (value === null) return null;
  if (typeof value === "object" && encoding !== "json") {
    return Buffer.from((value as { base64: string }).base64, "base64");
  }
  const how = as ?? encoding;
  if (how === "base64") return Buffer.from(String(value), "base64");
  return utf8(String(value));
}

function same(found: Bytes, wanted: Bytes, what: string): void {
  const one = found === null ? null : Buffer.from(found);
  const other = wanted === null ? null : Buffer.from(wanted);
  assert.ok(one === null ? other === null : other !== null && one.equals(other), what);
}

function sameRecord(found: BinaryRecord, wanted: Exact, what: string): void {
  assert.equal(found.timestampMs, BigInt(wanted.timestampMs), what);
  same(found.key, wanted.key, `${what} key`);
  same(found.value, wanted.value, `${what} value`);
  assert.equal(found.headers.length, wanted.headers.length, what);
  for (const [i, [name, value]] of found.headers.entries()) {
    same(name, utf8(wanted.headers[i][0]), `${what} header ${i}`);
    same(value, wanted.headers[i][1], `${what} header ${i}`);
  }
}

Deno.test("v2 records are the same in binary, in JSON of each encoding, and as kcat reads them", async () => {
  const { kafka, helper } = await sharedKafka();
  // Records as old as these would be gone at the first look at retention.
  await newTopic(helper, "contents", { configs: { "retention.ms": "-1" } });
  const wanted = records(new Random(7), 300);
  await helper.send(wanted.map(({ key, value, headers, timestampMs }) => ({
    topic: "contents",
    key: base64(key),
    value: base64(value),
    headers: headers.map(([name, bytes]) => [name, base64(bytes)] as const),
    timestampMs,
  })));
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const request = { type: "subscribe", topics: ["contents"], from: "earliest" };

  const binary: BinaryRecord[] = [];
  await using client = await V2Client.open(proxy.url, {
    protocols: ["kafka-proxy.v2.binary"],
    onBinary: (frame) => {
      const { partition, topicIndex, subscription, records: found } = readBinaryFrame(frame);
      assert.deepEqual([partition, topicIndex, subscription], [0, 0, 1]);
      for (const record of found) {
        assert.equal(record.offset, BigInt(binary.length));
        binary.push(record);
      }
    },
  });
  await client.ask(request);
  await eventually("all in binary", () => {
    client.verify();
    return binary.length === wanted.length;
  });
  for (const [i, record] of binary.entries()) sameRecord(record, wanted[i], `binary ${i}`);

  for (const encoding of ["text", "base64", "json"] as const) {
    await using json = await V2Client.open(proxy.url);
    await json.ask({ ...request, encoding });
    await json.untilRecords(wanted.length);
    const found: V2Record[] = json.records();
    for (const [i, { key, value, valueEncoding, headers = [], timestamp }] of found.entries()) {
      const what = `${encoding} ${i}`;
      const { value: bytes } = wanted[i];
      assert.equal(timestamp, wanted[i].timestampMs, what);
      same(fromJson(key, "text"), wanted[i].key, `${what} key`);
      if (encoding === "json" && valueEncoding === undefined && bytes !== null) {
        // Embedded: what it says is what the text says.
        assert.deepEqual(value, JSON.parse(new TextDecoder().decode(bytes)), what);
      } else {
        same(fromJson(value, encoding, valueEncoding), bytes, `${what} value`);
      }
      assert.equal(headers.length, wanted[i].headers.length, what);
      for (const [j, [name, header]] of headers.entries()) {
        assert.equal(name, wanted[i].headers[j][0], what);
        same(fromJson(header, "text"), wanted[i].headers[j][1], `${what} header ${j}`);
      }
    }
  }

  if (!await hasKcat()) return;
  // Lengths first, so that nothing has to be escaped: key length, value length, key, value.
  const { bootstrap } = kafka;
  const text = await kcatRead({ bootstrap, topic: "contents", format: "%K %S %T %k%s" });
  let at = 0;
  const number = () => {
    let end = at;
    while (text[end] !== 0x20) end++;
    const found = Number(new TextDecoder().decode(text.subarray(at, end)));
    at = end + 1;
    return found;
  };
  const take = (length: number): Bytes => {
    if (length < 0) return null;
    at += length;
    return text.subarray(at - length, at);
  };
  for (const [i, { key, value, timestampMs }] of binary.entries()) {
    const [keyLength, valueLength, time] = [number(), number(), number()];
    assert.equal(BigInt(time), timestampMs, `kcat ${i}`);
    same(take(keyLength), key, `kcat ${i} key`);
    same(take(valueLength), value, `kcat ${i} value`);
  }
  assert.equal(at, text.length);
});

Deno.test("v2 tells readers of a topic that was deleted and made again, and sends what it holds now", async () => {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "anew");
  await helper.produce({ topic: "anew", count: 100 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using client = await V2Client.open(proxy.url);
  const request = { type: "subscribe", topics: ["anew"], from: "earliest" };
  await client.ask({ ...request, onRange: "earliest" });
  await client.ask(request);
  await client.untilRecords(100, 1);
  await client.untilRecords(100, 2);
  await helper.deleteTopic("anew");
  await newTopic(helper, "anew");
  await helper.produce({ topic: "anew", count: 150 });
  // Who asked for it goes on with the new one; who did not is told and is over.
  const over = await client.frame("ended", ({ subscription }) => subscription === 2);
  assert.equal(over.code, "topic_deleted");
  const other = client.of("ended").find(({ subscription }) => subscription === 1);
  if (other === undefined) {
    await client.untilRecords(250, 1);
    const gap = await client.frame("gap");
    assert.deepEqual([gap.from, gap.to, gap.reason], ["100", "0", "recreated"]);
    const offsets = client.records(1).slice(100).map(({ offset }) => Number(offset));
    assert.deepEqual(offsets, Array.from({ length: 150 }, (_, i) => i));
  } else {
    // It was gone for longer than a topic may be before its readers are told so.
    assert.equal(other.code, "topic_deleted");
  }
});
