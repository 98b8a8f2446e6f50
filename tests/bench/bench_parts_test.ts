import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { countOption, parseConsumerPerformance } from "./consumer_performance.ts";
import { selfTimes, selfTimeTable } from "./cpu_profile.ts";
import { readOptions, ROW_NAMES } from "./drain_options.ts";
import { drainTable } from "./drain_report.ts";
import { readFrames, writeFrames } from "./frame_file.ts";
import { campaignTable } from "./campaign.ts";
import { FrameCounter } from "./frame_counter.ts";
import { digitsOf, v1Shape, v2Shape } from "./frame_shape.ts";
import { fanoutPicture, latencyPicture } from "./pictures.ts";
import { LatencyCounter } from "./latency_counter.ts";
import { checkOrder } from "./order_check.ts";
import { runProgram, ServerProgram } from "./program.ts";
import { median } from "./statistics.ts";

function frame(...offsets: number[]): string {
  return JSON.stringify(offsets.map((offset) => ({ message: `${offset}xxx`, offset })));
}

Deno.test("checkOrder() passes every record once and in order", () => {
  checkOrder([frame(0, 1), frame(2), frame(3, 4)], 5);
});

for (
  const [fault, frames, message] of [
    ["missing", [frame(0, 1), frame(3)], "Wanted offset 2, got 3"],
    ["repeated", [frame(0, 1), frame(1, 2)], "Wanted offset 2, got 1"],
    ["out of order", [frame(1, 0)], "Wanted offset 0, got 1"],
    ["missing at the end", [frame(0, 1)], "Wanted 4 records, got 2"],
    ["too many", [frame(0, 1, 2, 3, 4)], "Wanted 4 records, got 5"],
    [
      "altered",
      ['[{"message":"7xxx","offset":0}]'],
      'Wanted the value of record 0, got "7xxx"',
    ],
  ] as const
) {
  Deno.test(`checkOrder() refuses a record that is ${fault}`, () => {
    assert.throws(() => checkOrder(frames, 4), { name: "Error", message });
  });
}

Deno.test("writeFrames() keeps every frame, readFrames() gives them back", async () => {
  const frames = [frame(0), '[{"message":"é","offset":1}]', frame(2, 3), ""];
  await using folder = await temporaryFolder();
  await writeFrames(join(folder.path, "frames"), frames);
  assert.deepEqual(await readFrames(join(folder.path, "frames")), frames);
});

Deno.test("the client ends with code 1 when a record is missing, and says which", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "frames");
  await writeFrames(file, [frame(0, 1), frame(3)]);
  await using server = await ServerProgram.start("frame_server.ts", [file]);
  await assert.rejects(
    runProgram("websocket_client.ts", [`ws://127.0.0.1:${server.firstLine}/`, "4"]),
    { message: "websocket_client.ts ended with 1: Wanted offset 2, got 3" },
  );
});

Deno.test("median() is the middle, or the mean of the two there", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), RangeError);
});

Deno.test("drainTable() compares medians, and leaves out what was not run", () => {
  const run = (row: string, line: string, rate: number) => ({
    row,
    round: 1,
    load: 0,
    brokerCpuSeconds: undefined,
    recordsPerSecond: { [line]: rate },
  });
  const kafkaJs = "bare KafkaJS eachBatch loop in Deno";
  const table = drainTable([
    { ...run("proxy", "kafka-proxy, reader", 3000), serverCpuSeconds: 1.5 },
    { ...run("proxy", "kafka-proxy, reader", 1000), serverCpuSeconds: 2 },
    { ...run("proxy", "kafka-proxy, reader", 2000), serverCpuSeconds: 1 },
    run("kafkajs", kafkaJs, 1000),
  ]);
  assert.deepEqual(table.split("\n").slice(2), [
    "| kafka-proxy, reader | 2,000 | 1,000 | 3,000 | 2.00 | - | 1.50 | - |",
    `| ${kafkaJs} | 1,000 | 1,000 | 1,000 | 1.00 | - | - | - |`,
  ]);
});

const REPORT = `[main] INFO Starting consumer...
start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, \
rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec
2026-11-23 11:00:00:000, 2026-11-23 11:00:03:000, 190.7, 63.5, 2000000, 666666.7, 700, 2300, \
82.9, 869565.2
`;

Deno.test("parseConsumerPerformance() finds its columns by their names", () => {
  assert.deepEqual(parseConsumerPerformance(REPORT), {
    records: 2_000_000,
    fetchRecordsPerSecond: 869_565.2,
    recordsPerSecond: 666_666.7,
    joinMs: 700,
  });
});

Deno.test("parseConsumerPerformance() refuses a report without a column", () => {
  assert.throws(
    () => parseConsumerPerformance(REPORT.replace("fetch.nMsg.sec", "other")),
    /^Error: Cannot find fetch\.nMsg\.sec in the report of ConsumerPerformance/,
  );
});

Deno.test("countOption() follows the version of Kafka", () => {
  assert.deepEqual(["3.9.2", "4.1.0", "4.2.0", "4.10.0", "5.0.0"].map(countOption), [
    "--messages",
    "--messages",
    "--num-records",
    "--num-records",
    "--num-records",
  ]);
});

Deno.test("selfTimes() adds up by function, the hottest first, without idle time", () => {
  const node = (id: number, functionName: string, url = "", lineNumber = -1) => ({
    id,
    callFrame: { functionName, url, lineNumber },
  });
  const times = selfTimes({
    nodes: [
      node(1, "(idle)"),
      node(2, "write", "file:///house/src/protocol/json_bytes.ts", 49),
      node(3, "(garbage collector)"),
      node(4, "write", "file:///house/src/protocol/json_bytes.ts", 49),
    ],
    samples: [1, 2, 3, 4],
    timeDeltas: [9000, 2000, 3000, 5000],
  });
  assert.deepEqual(times, [
    { name: "write", place: "src/protocol/json_bytes.ts:50", selfMs: 7 },
    { name: "(garbage collector)", place: "", selfMs: 3 },
  ]);
  const last = selfTimeTable(times, 1).split("\n").at(-1);
  assert.equal(last, "| 7 | 70.0 | `write` | src/protocol/json_bytes.ts:50 |");
});

Deno.test("readOptions() has the full size as its default", () => {
  assert.deepEqual(readOptions([]), {
    records: 2_000_000,
    rounds: 5,
    rows: ROW_NAMES,
    kafka: undefined,
    jsonFile: undefined,
    isProfile: false,
    profileFile: undefined,
  });
  assert.equal(readOptions(["--help"]), undefined);
});

for (const args of [["--records", "0"], ["--rounds", "1.5"], ["--row", "other"], ["extra"]]) {
  Deno.test(`readOptions() refuses ${args.join(" ")}`, () => {
    assert.throws(() => readOptions(args), TypeError);
  });
}

/** A v1 frame on the wire, of these offsets and values of three bytes. */
function wireFrame(...offsets: number[]): Buffer {
  return textFrame(JSON.stringify(offsets.map((offset) => ({ message: "abc", offset }))));
}

function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = payload.length < 126
    ? Buffer.from([0x81, payload.length])
    : Buffer.from([0x81, 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([header, payload]);
}

Deno.test("FrameCounter.take() counts frames and records, cut anywhere", () => {
  const bytes = Buffer.concat([
    wireFrame(8, 9, 10, 11),
    Buffer.from([0x89, 0]),
    wireFrame(12),
    wireFrame(13, 14, 15, 16, 17, 18),
  ]);
  for (let size = 1; size <= bytes.length; size++) {
    const counter = new FrameCounter(8, v1Shape(3));
    for (let at = 0; at < bytes.length; at += size) counter.take(bytes.subarray(at, at + size));
    assert.deepEqual([counter.frames, counter.records, counter.next], [3, 11, 19], `${size}`);
    assert.equal(counter.bytes, bytes.length);
  }
});

for (
  const [what, frames, message] of [
    ["a gap between frames", [wireFrame(0), wireFrame(2)], "Wanted offset 1, got 2"],
    ["a gap inside", [wireFrame(0, 2)], /^Wanted \d+ bytes for offsets 0 to 2, got \d+$/],
    ["a repeated record", [wireFrame(0, 1), wireFrame(1)], "Wanted offset 2, got 1"],
  ] as const
) {
  Deno.test(`FrameCounter.take() refuses ${what}`, () => {
    const counter = new FrameCounter(0, v1Shape(3));
    assert.throws(() => frames.forEach((frame) => counter.take(frame)), { message });
  });
}

Deno.test("FrameCounter.take() counts v2 frames of records, and passes over the others", () => {
  const records = (from: number, to: number) =>
    textFrame(
      JSON.stringify({
        type: "records",
        subscription: 1,
        topic: "t",
        partition: 0,
        records: Array.from({ length: to - from }, (_, i) => ({
          offset: `${from + i}`,
          value: "abc",
        })),
        next: `${to}`,
        end: "1000",
      }),
    );
  const counter = new FrameCounter(8, v2Shape("t", 3));
  counter.take(textFrame('{"type":"hello"}'));
  counter.take(records(8, 11));
  counter.take(textFrame('{"type":"position","subscription":1,"resume":"x"}'));
  counter.take(records(11, 120));
  assert.deepEqual([counter.frames, counter.records, counter.next], [2, 112, 120]);
  assert.throws(() => counter.take(records(121, 122)), { message: "Wanted offset 120, got 121" });
});

Deno.test("FrameCounter.closeCode is the server's", () => {
  const counter = new FrameCounter(0, v1Shape(3));
  counter.take(Buffer.from([0x88, 2, 0x11, 0x38]));
  assert.equal(counter.closeCode, 4408);
});

Deno.test("digitsOf() adds up the digits of a range", () => {
  assert.equal(digitsOf(0, 9), 10);
  assert.equal(digitsOf(8, 101), 2 + 180 + 6);
});

Deno.test("LatencyCounter.result has the delays' percentiles, the first ones left out", () => {
  const counter = new LatencyCounter(1);
  for (const delay of [999, ...Array.from({ length: 100 }, (_, i) => i + 1)]) {
    counter.take(`1000000    `, 1_000_000 + delay * 1_000);
  }
  assert.deepEqual(counter.result, { records: 100, p50: 50, p95: 95, p99: 99, max: 100 });
});

const RUNS = [1, 2, 3].map((round) => ({
  row: "10 readers",
  round,
  load: 0,
  figures: { "deliveries/s": round * 1_000_000, "MB/s": round / 3 },
}));

Deno.test("campaignTable() has medians with the least and the most", () => {
  assert.equal(
    campaignTable(["10 readers", "none"], RUNS).split("\n").slice(2).join("\n"),
    "| 10 readers | 2,000,000 (1,000,000 to 3,000,000) | 0.67 (0.33 to 1) |\n| none | - | - |",
  );
});

Deno.test("fanoutPicture() and latencyPicture() draw the medians", () => {
  const fanout = fanoutPicture({ runs: RUNS });
  assert.match(fanout, /^<svg [^]*10 readers[^]*2\.0 M[^]*<\/svg>\n$/);
  const figures = {
    "proxy p50": 2,
    "proxy p95": 3,
    "proxy p99": 5,
    "KafkaJS p50": 1,
    "KafkaJS p95": 2,
    "KafkaJS p99": 4,
  };
  const latency = latencyPicture({ runs: [{ row: "1000 records/s", round: 1, load: 0, figures }] });
  assert.match(latency, /^<svg [^]*1000 records\/s[^]*5\.0 ms[^]*<\/svg>\n$/);
});

async function temporaryFolder() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
