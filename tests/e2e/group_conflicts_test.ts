import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

Deno.test("another client of the same group: a live member gives 409 until it has left", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "members";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 10 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const query = { topic, consumerGroup: "members" };
  const member = await helper.joinGroup({ group: "members", topic, clientId: "java-member" });

  for (const more of [{}, { offset: 5 }, { offset: "earliest" }, { partition: "0" }]) {
    using refused = await proxy.upgrade({ ...query, ...more });
    assert.equal(refused.status, 409);
    assert.equal(refused.error?.code, "group_in_use");
    assert.match(refused.error.message, /group "members".* 1 live members .*java-member/);
    assert.match(refused.headers.get("content-type")!, /^application\/json/);
  }
  await using other = await proxy.connect({ topic, consumerGroup: "not-members" });
  await other.until(10);
  await using reader = await proxy.read({ topic });
  await reader.until(10);

  await helper.leaveGroup(member.id);
  await using client = await proxy.connect(query);
  await client.until(10);
});

Deno.test("another client of the same group: a member that joins ends the pinned one with 4409, no commit overwritten", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "joined";
  await helper.createTopic(topic);
  await using producer = await helper.backgroundProduce({ topic, ratePerSecond: 5_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
  const position = async () => (await helper.groupOffsets("joined"))[0]?.offset ?? 0;
  await using client = await proxy.connect({ topic, consumerGroup: "joined" });
  await client.until(5_000);
  await eventually("a position to be committed", async () => await position() > 0);

  const member = await helper.joinGroup({ group: "joined", topic });
  const { code, reason } = await client.untilClosed();
  assert.equal(code, 4409);
  assert.match(reason, /^Cannot commit for group "joined": the group has got members of its own/);
  client.verify();
  assert.equal(proxy.events.count("commit_failed"), 1);
  const left = await position();
  assert.ok(BigInt(left) <= client.next!, "only what the client got is committed");
  await eventually("the end of the session", () => proxy.events.count("session_closed") === 1);
  const { count } = await producer.stop();
  assert.ok(left < count);
  assert.equal(await position(), left, "the member commits nothing, and nobody else does");
  using refused = await proxy.upgrade({ topic, consumerGroup: "joined" });
  assert.equal(refused.status, 409);

  await helper.leaveGroup(member.id);
  await using after = await proxy.connect({ topic, consumerGroup: "joined" });
  await after.until(count - left);
  assert.equal(after.records[0].offset, BigInt(left));
});

Deno.test("another client of the same group: what a member commits is where a pinned one goes on", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "handed-over";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 100 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  const position = async () => (await helper.groupOffsets("handed-over"))[0]?.offset;
  {
    await using client = await proxy.connect({ topic, consumerGroup: "handed-over" });
    await client.until(100);
  }
  await eventually("its position", async () => await position() === 100);

  await helper.produce({ topic, count: 50, startNumber: 100 });
  const member = await helper.joinGroup({ group: "handed-over", topic, commits: true });
  await eventually("the member's position", async () => await position() === 150);
  assert.equal((await helper.leaveGroup(member.id)).received, 50, "from where the pinned one was");

  await helper.produce({ topic, count: 25, startNumber: 150 });
  await using client = await proxy.connect({ topic, consumerGroup: "handed-over" });
  await client.until(25);
  assert.equal(client.records[0].offset, 150n);
});
