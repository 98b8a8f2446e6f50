import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { planV1 } from "../../src/session/v1_plan.ts";
import { ArrayReader } from "../support/array_reader.ts";
import { FakeGroups } from "../support/fake_groups.ts";
import { v1Request } from "../support/v1_requests.ts";

/** A topic of three partitions with ten records each. */
function services() {
  const reader = new ArrayReader({ partitions: 3 });
  for (const partition of [0, 1, 2]) reader.fill(1, 10, partition);
  return { reader, groups: new FakeGroups() };
}

Deno.test("planV1() starts a reader at the latest, no offset asked for", async () => {
  const plan = await planV1(v1Request("consumerGroup=&partition=1"), services());
  assert.deepEqual(plan.partitions, [1]);
  assert.deepEqual([...plan.starts.offsets], [[1, 10n]]);
});

Deno.test("planV1() starts a reader of all partitions where it asked to, every one", async () => {
  const plan = await planV1(v1Request("consumerGroup=&partition=all&offset=-3"), services());
  assert.deepEqual(plan.partitions, [0, 1, 2]);
  assert.deepEqual([...plan.starts.offsets], [[0, 7n], [1, 7n], [2, 7n]]);
});

Deno.test("planV1() leaves the start to the committed position, a group without an offset", async () => {
  const plan = await planV1(v1Request("consumerGroup=g1&partition=0,2"), services());
  assert.deepEqual(plan.partitions, [0, 2]);
  assert.equal(plan.starts.offsets.size, 0);
});

Deno.test("planV1() starts a group where it asked to, whatever it committed", async () => {
  const own = services();
  own.groups.set("g1", "orders", 0, 8n);
  const plan = await planV1(v1Request("consumerGroup=g1&offset=2"), own);
  assert.deepEqual([...plan.starts.offsets], [[0, 2n]]);
});

Deno.test("planV1() takes all partitions in a group, positions left to the group", async () => {
  const plan = await planV1(v1Request("consumerGroup=g1&partition=all"), services());
  assert.deepEqual(plan.partitions, [0, 1, 2]);
  assert.equal(plan.starts.offsets.size, 0);
});

for (
  const [code, what, query] of [
    ["unknown_partition", "one over the last", "consumerGroup=&partition=3"],
    ["unknown_partition", "one of a list", "consumerGroup=g1&partition=0,7"],
    ["out_of_range", "a reader past the end", "consumerGroup=&offset=11"],
    ["out_of_range", "a group past the end", "consumerGroup=g1&offset=11"],
    ["unknown_topic", "there is none", "topic=ordres&consumerGroup="],
  ]
) {
  Deno.test(`planV1() throws ${code}, ${what}`, async () => {
    await assert.rejects(() => planV1(v1Request(query), services()), { name: "ProxyError", code });
  });
}

Deno.test("planV1() names how many partitions there are, unknown_partition", async () => {
  await assert.rejects(() => planV1(v1Request("consumerGroup=&partition=3"), services()), {
    code: "unknown_partition",
    message: 'Cannot read "orders" partition 3: it has 3 partitions, 0 to 2',
    details: { partitions: 3 },
  });
});

Deno.test("planV1() finds a partition that was added since somebody looked", async () => {
  const own = services();
  const { topic } = own.reader;
  const before = await own.reader.topic("orders");
  own.reader.addPartition();
  own.reader.topic = (name, options = {}) =>
    options.fresh === true ? topic.call(own.reader, name, options) : Promise.resolve(before);
  const plan = await planV1(v1Request("consumerGroup=g1&partition=3"), own);
  assert.deepEqual(plan.partitions, [3]);
});

Deno.test("planV1() throws group_in_use and names some members, a group that lives", async () => {
  const own = services();
  own.groups.live.set("g1", ["a/1", "b/2", "c/3", "d/4"]);
  await assert.rejects(() => planV1(v1Request("consumerGroup=g1"), own), {
    name: "ProxyError",
    code: "group_in_use",
    message: 'Cannot pin a partition for group "g1": it has 4 live members (a/1, b/2, c/3)',
  });
  await planV1(v1Request("consumerGroup=g2"), own);
});

Deno.test("planV1() asks no group, a reader", async () => {
  const own = services();
  own.groups.members = () => Promise.reject(new ProxyError("forbidden", "no"));
  await planV1(v1Request("consumerGroup="), own);
});

Deno.test("planV1() throws kafka_unavailable, Kafka away", async () => {
  const own = services();
  own.reader.unreachable.add(1);
  await assert.rejects(() => planV1(v1Request("consumerGroup="), own), {
    name: "ProxyError",
    code: "kafka_unavailable",
  });
});
