import assert from "node:assert/strict";
import { crowdProblems, measureCrowd, MOST_KEEPING_UP } from "../bench/crowd.ts";
import { measureStalledCrowd, MOST_GROWTH_BYTES } from "../bench/stalled_crowd.ts";
import { RelayedKafka } from "../support/relayed_kafka.ts";

let kafka: RelayedKafka;

// Full speed, because it is to be outrun; started here, because it outlives each test.
Deno.test.beforeAll(async () => {
  kafka = await RelayedKafka.start({ fast: false });
});
Deno.test.afterAll(() => kafka[Symbol.asyncDispose]());

Deno.test("a crowd of 300 that is offered twice what it can take reads from the broker once, and misses nothing", async () => {
  const options = { sockets: 300, burst: 10_000, seconds: 5, mostPerSecond: 12_000 };
  const result = await measureCrowd(kafka, "crowd", options);
  // How fast it is depends on who else uses the machine; the campaign looks at that.
  const { burstReads, behindPerSecond } = result;
  assert.ok(burstReads <= MOST_KEEPING_UP, `the broker sent the burst ${burstReads} times`);
  const problems = crowdProblems({ ...result, deliveriesPerSecond: 0 }, 512 << 20);
  assert.deepEqual(problems, [], JSON.stringify(result));
  assert.ok(behindPerSecond.every((deliveries) => deliveries > 0), `${behindPerSecond}`);
});

Deno.test("a hundred clients that stop reading cost less than 64 MB, and read on without a gap", async () => {
  const { cluster, helper } = kafka;
  const options = { stalled: 100, live: 10, seconds: 5, ratePerSecond: 36_000 };
  const result = await measureStalledCrowd(cluster.bootstrap, helper, "stalled", options);
  assert.ok(result.behind > 150_000, `they were behind by ${result.behind} records`);
  assert.ok(result.during.grownBytes < MOST_GROWTH_BYTES, JSON.stringify(result));
});

Deno.test("a reader that sleeps far out of the cache and wakes misses nothing, among 500 that keep up", async () => {
  const { cluster, helper } = kafka;
  const options = { stalled: 1, live: 500, seconds: 5, ratePerSecond: 12_000 };
  const result = await measureStalledCrowd(cluster.bootstrap, helper, "asleep", options);
  assert.ok(result.behind > 50_000, `it was behind by ${result.behind} records`);
  const { before, during, waking } = result;
  for (const { p50 } of [during, waking]) {
    assert.ok(p50 < 3 * before.p50 + 100, JSON.stringify(result));
  }
});
