import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { CursorWatch } from "../../src/server/cursor_watch.ts";
import type { StreamFigures } from "../../src/session/topic_stream.ts";
import { ArrayReader, TOPIC } from "../support/array_reader.ts";
import { EventRecorder } from "../support/event_recorder.ts";
import { eventually } from "../support/eventually.ts";

/** A watch over one cursor at an offset, which counts as stuck after `stuckMs`. */
function watchOf({ stuckMs = 0, stream = {} as Partial<StreamFigures>, at = 4n } = {}) {
  const reader = new ArrayReader({});
  reader.fill(1, 10);
  const events = new EventRecorder();
  const pumped = { next: at, received: 0, sent: 0 };
  const sink = { hasRoom: true };
  const session = {
    id: "s1",
    sentRecords: 0,
    producedRecords: 0,
    stop: () => Promise.resolve(),
    streams: [{
      subscription: 1,
      topic: TOPIC,
      group: "g1",
      isBalanced: false,
      isolation: "committed" as const,
      partitions: new Map([[0, pumped]]),
      isWanted: true,
      pauseMs: 0,
      ...stream,
    }],
  };
  const watch = new CursorWatch(() => [{ session, sink }], { reader, events, stuckMs });
  return { watch, reader, events, pumped, sink };
}

Deno.test("CursorWatch.look() reports a cursor that stands still below the end, once", async () => {
  const { watch, events } = watchOf();
  for (let i = 0; i < 4; i++) await watch.look();
  assert.equal(watch.stuck, 1);
  const [first, ...more] = events.of("cursor_stuck");
  const { session, group, topic, partition, next, end } = first;
  assert.deepEqual([session, group, topic, partition, next, end], ["s1", "g1", TOPIC, 0, 4n, 10n]);
  assert.deepEqual(more, []);
});

Deno.test("CursorWatch.look() counts it no more once it moves", async () => {
  const { watch, pumped } = watchOf();
  for (let i = 0; i < 3; i++) await watch.look();
  pumped.next = 5n;
  await watch.look();
  assert.equal(watch.stuck, 0);
});

Deno.test("CursorWatch.look() waits for the time it takes to be stuck", async () => {
  const { watch } = watchOf({ stuckMs: 40 });
  const startMs = performance.now();
  await eventually("it to be stuck", async () => {
    await watch.look();
    return watch.stuck === 1;
  }, { everyMs: 1 });
  assert.ok(performance.now() - startMs >= 39);
});

const INNOCENT: readonly [string, Parameters<typeof watchOf>[0], boolean?][] = [
  ["at the end", { at: 10n }],
  ["whose client has paused", { stream: { isWanted: false } }],
  ["whose client asked for pauses", { stream: { pauseMs: 60_000 } }],
  ["whose socket is full", {}, false],
];
for (const [what, options, hasRoom = true] of INNOCENT) {
  Deno.test(`CursorWatch.look() says nothing of a cursor ${what}`, async () => {
    const { watch, events, sink } = watchOf(options);
    sink.hasRoom = hasRoom;
    for (let i = 0; i < 4; i++) await watch.look();
    assert.deepEqual([watch.stuck, events.of("cursor_stuck")], [0, []]);
  });
}

Deno.test("CursorWatch.look() says nothing, Kafka away", async () => {
  const { watch, reader } = watchOf();
  reader.offsets = () => Promise.reject(new ProxyError("kafka_unavailable", "away"));
  for (let i = 0; i < 4; i++) await watch.look();
  assert.equal(watch.stuck, 0);
});
