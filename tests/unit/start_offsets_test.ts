import assert from "node:assert/strict";
import type { StartPosition } from "../../src/protocol/start_position.ts";
import { committedOffsets, startOffsets } from "../../src/session/start_offsets.ts";
import { ArrayReader, TOPIC } from "../support/array_reader.ts";
import { EventRecorder } from "../support/event_recorder.ts";

/** Partition 0 holds 5 to 40, its last stable offset is 30; partition 1 holds 0 to 3. */
function cluster(): ArrayReader {
  const reader = new ArrayReader({ partitions: 2 });
  for (let i = 0; i < 4; i++) {
    reader.appendBatch({
      records: Array.from({ length: 10 }, () => ({ value: "v" })),
      baseTimestampMs: BigInt(1000 * (i + 1)),
    });
  }
  reader.append(["a", "b", "c"], 1);
  reader.at(0).start = 5n;
  reader.at(0).lastStable = 30n;
  return reader;
}

function starts(
  start: StartPosition,
  partitions = [0, 1],
  isolation: "committed" | "uncommitted" = "committed",
) {
  return startOffsets({ topic: TOPIC, partitions, isolation }, start, cluster());
}

for (
  const [what, start, wanted] of [
    ["earliest", { kind: "earliest" }, [[0, 5n], [1, 0n]]],
    ["latest", { kind: "latest" }, [[0, 30n], [1, 3n]]],
    ["-1", { kind: "last", records: 1n }, [[0, 29n], [1, 2n]]],
    ["-10, more than a partition has", { kind: "last", records: 10n }, [[0, 20n], [1, 0n]]],
    ["-2^63 + 1", { kind: "last", records: 2n ** 63n - 1n }, [[0, 5n], [1, 0n]]],
    ["a time", { kind: "timestamp", timestampMs: 1500n }, [[0, 10n], [1, 3n]]],
    ["a time after the last record", { kind: "timestamp", timestampMs: 9000n }, [[0, 30n], [
      1,
      3n,
    ]]],
    ["a time before the first record", { kind: "timestamp", timestampMs: 0n }, [[0, 5n], [1, 0n]]],
  ] as [string, StartPosition, [number, bigint][]][]
) {
  Deno.test(`startOffsets() gives each partition's own, ${what}`, async () => {
    assert.deepEqual([...await starts(start)], wanted);
  });
}

Deno.test("startOffsets() gives the end of what is uncommitted, isolation uncommitted", async () => {
  assert.deepEqual([...await starts({ kind: "latest" }, [0], "uncommitted")], [[0, 40n]]);
});

for (const offset of [5n, 6n, 30n]) {
  Deno.test(`startOffsets() gives the offset itself, ${offset} of 5 to 30`, async () => {
    assert.deepEqual([...await starts({ kind: "offset", offset }, [0])], [[0, offset]]);
  });
}

for (const offset of [0n, 4n, 31n, 2n ** 63n - 1n]) {
  Deno.test(`startOffsets() throws out_of_range with the range, ${offset} of 5 to 30`, async () => {
    await assert.rejects(() => starts({ kind: "offset", offset }, [0]), {
      name: "ProxyError",
      code: "out_of_range",
      message: `Cannot start "orders" partition 0 at offset ${offset}: it holds 5 to 30`,
      details: { partition: 0, earliest: "5", end: "30" },
    });
  });
}

Deno.test("startOffsets() throws unknown_topic, the topic deleted meanwhile", async () => {
  const reader = cluster();
  reader.deleteTopic();
  const target = { topic: TOPIC, partitions: [0], isolation: "committed" as const };
  await assert.rejects(() => startOffsets(target, { kind: "earliest" }, reader), {
    name: "ProxyError",
    code: "unknown_topic",
  });
});

/** Where a group goes on in partition 0, and what was reported. */
async function goesOnAt(committed: bigint | undefined) {
  const events = new EventRecorder();
  const starts = await committedOffsets(
    { topic: TOPIC, partitions: [0], isolation: "committed" },
    "g1",
    committed === undefined ? new Map() : new Map([[0, committed]]),
    { reader: cluster(), events },
  );
  return { start: starts.offsets.get(0), events: events.events };
}

for (const committed of [5n, 17n, 30n, 35n, 40n]) {
  Deno.test(`committedOffsets() goes on where the group was, ${committed} of 5 to 40`, async () => {
    assert.deepEqual(await goesOnAt(committed), { start: committed, events: [] });
  });
}

Deno.test("committedOffsets() begins at the earliest, nothing committed", async () => {
  assert.deepEqual(await goesOnAt(undefined), { start: 5n, events: [] });
});

for (const committed of [0n, 4n, 41n]) {
  Deno.test(`committedOffsets() begins at the earliest and reports it, ${committed} of 5 to 40`, async () => {
    assert.deepEqual(await goesOnAt(committed), {
      start: 5n,
      events: [{
        event: "position_reset",
        topic: TOPIC,
        partition: 0,
        group: "g1",
        committed,
        earliest: 5n,
      }],
    });
  });
}
