import assert from "node:assert/strict";
import { Kafka, logLevel } from "kafkajs";
import { leaseGroup } from "../../src/kafka/pin_lease.ts";
import type { KafkaHelper } from "../kafka/kafka_helper.ts";
import { runKafkaTool } from "../kafka/kafka_tool.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { balancedChurn } from "../support/balanced_churn.ts";
import { connectionsTo } from "../support/broker_connections.ts";
import { CommittedWatch } from "../support/committed_watch.ts";
import { DeliveryLog, recordsIn } from "../support/delivery_log.ts";
import { eventually } from "../support/eventually.ts";
import { Heir } from "../support/heir.ts";
import { httpUpgrade } from "../support/http_upgrade.ts";
import { morePartitions, newTopic } from "../support/new_topic.ts";
import { note } from "../support/note.ts";
import { Random } from "../support/random.ts";
import { startProxy, type TestProxy } from "../support/test_proxy.ts";
import { ThoroughClient } from "../support/thorough_client.ts";

const sharedKafka = shareKafka();
const threeNodes = shareKafka({ nodes: 3 });
const delayedKafka = shareKafka({ properties: { "group.initial.rebalance.delay.ms": 3_000 } });

/** Partitions of the group's members by client id, once Kafka calls the group stable. */
async function assignments(helper: KafkaHelper, group: string, members: number) {
  return await eventually(`group ${group} to be stable with ${members} members`, async () => {
    const { state, members: found } = await helper.describeGroup(group);
    return state === "Stable" && found.length === members && found;
  }, { timeoutMs: 20_000, everyMs: 50 });
}

/** Ends of a topic's partitions, exclusive. */
async function endsOf(helper: KafkaHelper, topic: string, partitions: number) {
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const offsets = await Promise.all(numbers.map((it) => helper.listOffsets(topic, it)));
  return new Map(offsets.map(({ latest }, partition) => [partition, BigInt(latest)]));
}

/** Waits until the clients together have had everything. */
async function untilAll(log: DeliveryLog, ends: ReadonlyMap<number, bigint>): Promise<void> {
  await eventually(
    "the members to have all",
    () => [...ends].every(([partition, end]) => (log.next(partition) ?? 0n) >= end),
    { timeoutMs: 20_000 },
  );
}

function repeatsOf(log: DeliveryLog, partitions: number): number {
  let repeats = 0;
  for (let partition = 0; partition < partitions; partition++) {
    repeats += recordsIn(log.repeats(partition));
  }
  return repeats;
}

/** A member of a balanced group, reading to the last byte. */
async function join(
  proxy: TestProxy,
  log: DeliveryLog,
  name: string,
  query: { topic: string; consumerGroup: string },
): Promise<ThoroughClient> {
  const url = proxy.at({ ...query, partition: "all" });
  return await ThoroughClient.connect(url, log.client(name));
}

Deno.test("balanced group of 4 on 12 partitions, members joining, leaving, cut off and killed", async () => {
  const report = await balancedChurn({
    ...await sharedKafka(),
    topic: "churn",
    seed: 4,
    forMs: 0,
    first: ["join", "leave", "join", "cut", "kill", "join", "leave", "leave", "join"],
  });
  note(`churn: ${JSON.stringify(report)}`);
  assert.ok(report.looks > 20, "committed offsets were looked at all the time");
  assert.ok(report.quietMs.join < 5_000, `a join stopped partitions for ${report.quietMs.join} ms`);
  assert.ok(report.quietMs.kill < 15_000, `a kill stopped them for ${report.quietMs.kill} ms`);
});

Deno.test("balanced group: members that join and stay miss and repeat nothing", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "gather";
  await newTopic(helper, topic, { partitions: 12 });
  await using producer = await helper.backgroundProduce({ topic, ratePerSecond: 3_000 });
  await using one = await startProxy({ kafka: kafka.bootstrap });
  await using two = await startProxy({ kafka: kafka.bootstrap });
  const query = { topic, consumerGroup: "gather" };
  const log = new DeliveryLog();
  await using watch = new CommittedWatch(helper, "gather");
  const clients: ThoroughClient[] = [];
  await using _ = { [Symbol.asyncDispose]: () => disposeAll(clients) };
  for (let i = 0; i < 4; i++) {
    clients.push(await join(i % 2 === 0 ? one : two, log, `${i}`, query));
    await assignments(helper, "gather", i + 1);
    const before = clients.map(({ count }) => count);
    await eventually(
      "every member to get records",
      () => clients.every(({ count }, i) => count > before[i] + 100),
    );
  }
  const members = await assignments(helper, "gather", 4);
  assert.deepEqual(members.map(({ partitions }) => partitions.length), [3, 3, 3, 3]);
  await producer.stop();
  const ends = await endsOf(helper, topic, 12);
  await untilAll(log, ends);
  log.verifyAll(ends);
  assert.equal(repeatsOf(log, 12), 0, log.text());
  await watch.stop();
  assert.deepEqual(watch.stepsBack, []);
});

Deno.test("balanced group gets partitions that are added to its topic", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "grows";
  await newTopic(helper, topic, { partitions: 2 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const query = { topic, consumerGroup: "grows" };
  const log = new DeliveryLog();
  await using _one = await join(proxy, log, "one", query);
  await using _two = await join(proxy, log, "two", query);
  await assignments(helper, "grows", 2);
  await helper.produce({ topic, count: 1_000 });
  await morePartitions(helper, topic, 6);
  await helper.produce({ topic, count: 6_000, startNumber: 1_000 });
  const startMs = performance.now();
  const ends = await endsOf(helper, topic, 6);
  await untilAll(log, ends);
  note(`added partitions: ${Math.round(performance.now() - startMs)} ms until all was read`);
  log.verifyAll(ends);
  assert.equal(repeatsOf(log, 6), 0, log.text());
  const members = await assignments(helper, "grows", 2);
  assert.deepEqual(members.map(({ partitions }) => partitions.length), [3, 3]);
});

Deno.test("balanced group of two topics: partitions added to the one its leader does not read", async () => {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, "mixed-a");
  await newTopic(helper, "mixed-b");
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const consumerGroup = "mixed";
  const [logA, logB] = [new DeliveryLog(), new DeliveryLog()];
  await using _a = await join(proxy, logA, "a", { topic: "mixed-a", consumerGroup });
  await assignments(helper, "mixed", 1); // the first one is the leader
  await using _b = await join(proxy, logB, "b", { topic: "mixed-b", consumerGroup });
  await assignments(helper, "mixed", 2);
  await morePartitions(helper, "mixed-b", 3);
  await helper.produce({ topic: "mixed-a", count: 300 });
  await helper.produce({ topic: "mixed-b", count: 300 });
  for (const [topic, log, partitions] of [["mixed-a", logA, 1], ["mixed-b", logB, 3]] as const) {
    const ends = await endsOf(helper, topic, partitions);
    await untilAll(log, ends);
    log.verifyAll(ends);
    assert.equal(repeatsOf(log, partitions), 0);
  }
});

for (const first of ["Java", "ours"] as const) {
  Deno.test(`balanced group with Kafka's Java consumer in it, led by ${first}`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `with-java-led-by-${first.toLowerCase()}`;
    await newTopic(helper, topic, { partitions: 6 });
    await using producer = await helper.backgroundProduce({ topic, ratePerSecond: 3_000 });
    await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
    const query = { topic, consumerGroup: topic };
    const log = new DeliveryLog();
    await using watch = new CommittedWatch(helper, topic);
    const clients: ThoroughClient[] = [];
    await using _ = { [Symbol.asyncDispose]: () => disposeAll(clients) };
    const joinOurs = async () => {
      for (const name of ["one", "two"]) clients.push(await join(proxy, log, name, query));
    };
    const joinJava = () =>
      helper.joinGroup({ group: topic, topic, id: topic, commits: true, keepRuns: true });
    if (first === "ours") {
      await joinOurs();
      await assignments(helper, topic, 2);
      await joinJava();
    } else {
      await joinJava();
      await joinOurs();
    }
    const members = await assignments(helper, topic, 3);
    assert.deepEqual(members.map(({ partitions }) => partitions.length), [2, 2, 2]);
    const before = clients.map(({ count }) => count);
    await eventually(
      "our members to get records beside it",
      () => clients.every(({ count }, i) => count > before[i] + 1_000),
    );
    const { received, runs = [] } = await helper.leaveGroup(topic);
    assert.ok(received > 1_000, `the Java consumer got ${received} records`);
    for (const { partition, firstOffset, lastOffset } of runs) {
      for (let offset = firstOffset; offset <= lastOffset; offset++) {
        log.add("java", partition, BigInt(offset));
      }
    }
    await assignments(helper, topic, 2);
    await producer.stop();
    const ends = await endsOf(helper, topic, 6);
    await untilAll(log, ends);
    log.verifyAll(ends);
    await watch.stop();
    assert.deepEqual(watch.stepsBack, []);
    // The Java consumer commits after each poll and is interrupted when it leaves.
    const repeats = log.runs.filter(({ client }) => client !== "java").length;
    note(
      `Java in the group, led by ${first}: ${received} records, ${repeats} runs of ours, ` +
        `${repeatsOf(log, 6)} repeats`,
    );
  });
}

Deno.test("balanced group with Kafka's console consumer in it for 3,000 records", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "with-console";
  await newTopic(helper, topic, { partitions: 6 });
  await using producer = await helper.backgroundProduce({ topic, ratePerSecond: 3_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
  const query = { topic, consumerGroup: topic };
  const log = new DeliveryLog();
  await using watch = new CommittedWatch(helper, topic);
  await using one = await join(proxy, log, "one", query);
  await using two = await join(proxy, log, "two", query);
  await assignments(helper, topic, 2);
  const reading = runKafkaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    ...["--topic", topic, "--group", topic, "--max-messages", "3000"],
    ...["--property", "print.partition=true", "--property", "print.offset=true"],
  ], { bootstrap: kafka.bootstrap, timeoutMs: 60_000 });
  const shared = eventually("a group of three, two partitions each", async () => {
    const { state, members } = await helper.describeGroup(topic);
    return state === "Stable" && members.length === 3 &&
      members.every(({ partitions }) => partitions.length === 2);
  }, { timeoutMs: 30_000, everyMs: 20 });
  const [text] = await Promise.all([reading, shared]);
  const read = [...text.matchAll(/^Partition:(\d+)\tOffset:(\d+)\t/gm)];
  assert.equal(read.length, 3_000, text.slice(0, 500));
  for (const [, partition, offset] of read) log.add("console", Number(partition), BigInt(offset));
  assert.equal(new Set(log.of("console").map(({ partition }) => partition)).size, 2);
  await assignments(helper, topic, 2);
  await producer.stop();
  const ends = await endsOf(helper, topic, 6);
  await untilAll(log, ends);
  log.verifyAll(ends);
  await watch.stop();
  assert.deepEqual(watch.stepsBack, []);
  assert.equal(one.closeInfo ?? two.closeInfo, undefined);
});

Deno.test("balanced group with a KafkaJS consumer in it", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "with-kafkajs";
  await newTopic(helper, topic, { partitions: 4 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
  const log = new DeliveryLog();
  await using ours = await join(proxy, log, "ours", { topic, consumerGroup: topic });
  await assignments(helper, topic, 1);
  const client = new Kafka({ brokers: [kafka.bootstrap], logLevel: logLevel.NOTHING });
  const consumer = client.consumer({
    groupId: topic,
    maxWaitTimeInMs: 100,
    sessionTimeout: 10_000,
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ partition, message }) => {
        log.add("kafkajs", partition, BigInt(message.offset));
        return Promise.resolve();
      },
    });
    const members = await assignments(helper, topic, 2);
    assert.deepEqual(members.map(({ partitions }) => partitions.length), [2, 2]);
    await helper.produce({ topic, count: 4_000 });
    const ends = await endsOf(helper, topic, 4);
    await untilAll(log, ends);
    log.verifyAll(ends);
    assert.equal(repeatsOf(log, 4), 0, log.text());
    assert.equal(ours.count, 2_000);
  } finally {
    await consumer.disconnect();
  }
  await assignments(helper, topic, 1);
  await helper.produce({ topic, count: 4_000, startNumber: 4_000 });
  await untilAll(log, await endsOf(helper, topic, 4));
  assert.equal(ours.closeInfo, undefined);
});

Deno.test("balanced group: members beyond the number of partitions are idle, said so, and step in", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "spare";
  await newTopic(helper, topic, { partitions: 2 });
  await using producer = await helper.backgroundProduce({ topic, ratePerSecond: 1_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  const query = { topic, consumerGroup: "spare" };
  const log = new DeliveryLog();
  const clients: ThoroughClient[] = [];
  await using _ = { [Symbol.asyncDispose]: () => disposeAll(clients) };
  for (const name of ["one", "two", "three"]) clients.push(await join(proxy, log, name, query));
  const members = await assignments(helper, "spare", 3);
  assert.deepEqual(members.map(({ partitions }) => partitions.length).sort(), [0, 1, 1]);
  const before = clients.map(({ count }) => count);
  await eventually(
    "two of three members to get records",
    () => clients.filter(({ count }, i) => count > before[i] + 500).length === 2,
  );
  const idle = clients.findIndex(({ count }, i) => count === before[i]);
  assert.notEqual(idle, -1, "the third gets nothing");
  assert.equal(clients[idle].closeInfo, undefined);
  await clients[(idle + 1) % 3].leave();
  const { count } = clients[idle];
  await clients[idle].until(count + 100);
  await producer.stop();
  const ends = await endsOf(helper, topic, 2);
  await untilAll(log, ends);
  log.verifyAll(ends);
});

Deno.test("balanced and pinned clients of a group exclude each other: 409, or 4409 for who was first", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "exclusive";
  await newTopic(helper, topic, { partitions: 2 });
  await helper.produce({ topic, count: 100 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  const query = { topic, consumerGroup: "exclusive" };
  await using pinned = await Heir.open(proxy.at({ ...query, partition: "0,1" }));
  await pinned.client.until(100);
  await using balanced = await Heir.open(proxy.at({ ...query, partition: "all" }));
  await assignments(helper, "exclusive", 1);
  await helper.produce({ topic, count: 100, startNumber: 100 });
  const { code, reason } = await pinned.client.untilClosed();
  assert.equal(code, 4409, reason);
  assert.match(reason, /members/);
  await balanced.client.until(100);
  pinned.client.verify();

  using answer = await proxy.upgrade({ ...query, partition: "1" });
  assert.equal(answer.status, 409);
  assert.equal(answer.error?.code, "group_in_use");
  assert.match(answer.error.message, /1 live members \(kafka-proxy/);
});

Deno.test("pinned request for a group of Kafka's Java consumers: 409 group_in_use", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "foreign";
  await newTopic(helper, topic);
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await helper.joinGroup({ group: "foreign", topic, id: "foreign-member" });
  using answer = await proxy.upgrade({ topic, consumerGroup: "foreign" });
  assert.equal(answer.status, 409);
  assert.equal(answer.error?.code, "group_in_use");
  assert.match(answer.error.message, /foreign-member/);
  await helper.leaveGroup("foreign-member");
  await using client = await proxy.connect({ topic, consumerGroup: "foreign" });
  await helper.produce({ topic, count: 1 });
  await client.until(1);
});

/** The partition of `__consumer_offsets` that a group's coordinator leads (String.hashCode). */
function offsetsPartition(group: string): number {
  let hash = 0;
  for (const letter of group) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
  return Math.abs(hash) % OFFSETS_PARTITIONS;
}

const OFFSETS_PARTITIONS = 4;

Deno.test("groups, balanced and pinned, go on when their coordinator moves and when it is killed", async () => {
  const { kafka, helper } = await threeNodes();
  const topic = "moving";
  await newTopic(helper, topic, { partitions: 6, replicationFactor: 3 });
  await newTopic(helper, "moving-pin", { replicationFactor: 3 });
  const pin = { group: "moving-pin", topic: "moving-pin", partition: 0 };
  const groups = [topic, pin.group, leaseGroup(pin, "kafka-proxy.pin.")];
  const partitions = [...new Set(groups.map(offsetsPartition))];
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 100 });
  await using all = await helper.backgroundProduce({ topic, ratePerSecond: 1_200 });
  await using pins = await helper.backgroundProduce({ topic: "moving-pin", ratePerSecond: 500 });
  await using watch = new CommittedWatch(helper, topic, 50);
  await using pinWatch = new CommittedWatch(helper, pin.group, 50);
  const log = new DeliveryLog();
  const query = { topic, consumerGroup: topic };
  await using one = await join(proxy, log, "one", query);
  await using two = await join(proxy, log, "two", query);
  await assignments(helper, topic, 2);
  await using pinned = await Heir.open(proxy.at({ topic: "moving-pin", consumerGroup: pin.group }));

  const goOn = async (what: string) => {
    const startMs = performance.now();
    const numbers = [0, 1, 2, 3, 4, 5];
    const before = numbers.map((partition) => log.next(partition) ?? 0n);
    const committed = numbers.map((partition) => watch.committed(topic, partition) ?? 0);
    const pinnedBefore = pinned.client.count;
    await eventually(`all to go on, ${what}`, () => {
      assert.equal(one.closeInfo ?? two.closeInfo ?? pinned.client.closeInfo, undefined);
      return numbers.every((partition) => (log.next(partition) ?? 0n) > before[partition] + 50n) &&
        pinned.client.count > pinnedBefore + 100 &&
        numbers.every((partition) =>
          (watch.committed(topic, partition) ?? 0) > committed[partition]
        );
    }, { timeoutMs: 30_000 });
    note(`${what}: everything went on after ${Math.round(performance.now() - startMs)} ms`);
  };
  await goOn("before");
  const leaders = async () => {
    const found = await helper.describeTopic("__consumer_offsets");
    return partitions.map((partition) => found.find((it) => it.partition === partition)!.leader!);
  };
  const [was] = await leaders();
  const [target] = [1, 2, 3].filter((id) => id !== was);
  for (const partition of partitions) {
    await helper.moveLeader("__consumer_offsets", partition, target);
  }
  await goOn("the coordinator having moved");
  await kafka.node(target).kill();
  await goOn("the coordinator having been killed");

  await all.stop();
  const ends = await endsOf(helper, topic, 6);
  await untilAll(log, ends);
  log.verifyAll(ends);
  await pins.stop();
  const { latest } = await helper.listOffsets("moving-pin", 0);
  await pinned.client.until(latest);
  pinned.client.verify();
  for (const watched of [watch, pinWatch]) {
    await watched.stop();
    assert.deepEqual(watched.stepsBack, []);
  }
  note(
    `coordinator moved and killed: ${repeatsOf(log, 6)} repeats, ` +
      `${proxy.events.count("assigned")} assignments\n${log.text()}`,
  );
});

Deno.test("500 connects cut during the join leave no member, no connection and no timer", async () => {
  const { kafka, helper } = await delayedKafka();
  const topic = "cut-joins";
  await newTopic(helper, topic, { partitions: 20 });
  const random = new Random(5);
  const ports = kafka.nodes.map(({ port }) => port);
  const proxy = await startProxy({ kafka: kafka.bootstrap, maxGroupSessions: 1_000 });
  try {
    await using warm = await proxy.connect({ topic, consumerGroup: "warm" });
    void warm;
    let joining = 0;
    const connect = async (i: number) => {
      const query = i % 2 === 0
        ? { topic, consumerGroup: `cut-pin-${i % 10}`, partition: i % 20 }
        : { topic, consumerGroup: `cut-all-${i % 50}`, partition: "all" };
      const answer = await httpUpgrade(proxy.at(query), { timeoutMs: 30_000 });
      assert.equal(answer.status, 101, answer.body);
      joining++;
      await new Promise((resolve) => setTimeout(resolve, random.between(0, 400)));
      answer[Symbol.dispose]();
    };
    let next = 0;
    const connectors = Array.from({ length: 25 }, async () => {
      while (next < 500) await connect(next++);
    });
    await Promise.all(connectors);
    assert.equal(joining, 500);
    const during = connectionsTo(ports);
    await eventually(
      "no socket but the first one's",
      () => proxy.proxy.sockets === 1,
      { timeoutMs: 20_000 },
    );
    await warm.close();
    await eventually(
      "all sessions to be over",
      () => proxy.events.count("session_closed") === 501,
      { timeoutMs: 20_000 },
    );
    // One connection for what is answered at once and one for long polls.
    await eventually(
      `two broker connections of ${during} to be left`,
      () => connectionsTo(ports) <= 2,
    );
    const members = await eventually("Kafka's own tool to show no member", async () => {
      const text = await runKafkaTool(
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        ["--describe", "--all-groups", "--members"],
        { bootstrap: kafka.bootstrap },
      );
      return !text.includes("kafka-proxy-") && !text.includes(".claim.") && text;
    }, { timeoutMs: 5_000 });
    note(
      `500 cut joins: ${during} broker connections at the end of the cuts; tool: ${members.length} bytes`,
    );
  } finally {
    await proxy.proxy.close();
  }
  await eventually("no broker connection", () => connectionsTo(ports) === 0);
});

async function disposeAll(clients: readonly ThoroughClient[]): Promise<void> {
  for (const client of clients) await client[Symbol.asyncDispose]();
}
