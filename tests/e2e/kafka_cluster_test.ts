import assert from "node:assert/strict";
import process from "node:process";
import { KafkaCluster } from "../kafka/kafka_cluster.ts";
import { KafkaHelper } from "../kafka/kafka_helper.ts";
import { probeMetadata } from "../kafka/metadata_probe.ts";
import { eventually } from "../support/eventually.ts";

Deno.test("KafkaCluster.start() gives one node that takes topics at once", async () => {
  const startedAt = performance.now();
  await using kafka = await KafkaCluster.start();
  const startMs = performance.now() - startedAt;
  await using helper = await KafkaHelper.start(kafka.bootstrap);
  await helper.createTopic("first", { partitions: 2 });

  assert.deepEqual(await helper.describeTopic("first"), [
    { partition: 0, leader: 1, replicas: [1], isr: [1] },
    { partition: 1, leader: 1, replicas: [1], isr: [1] },
  ]);
  assert.match(kafka.bootstrap, /^127\.0\.0\.1:\d+$/);
  assert.match(await kafka.logs(), /Kafka Server started/);
  console.log(`one node: ${startMs.toFixed()} ms`);
});

Deno.test("KafkaNode stop(), kill(), start() and restart() keep port and records", async () => {
  await using kafka = await KafkaCluster.start({
    // So that a killed node may register again soon.
    properties: { "broker.session.timeout.ms": 2_000 },
  });
  await using helper = await KafkaHelper.start(kafka.bootstrap);
  const [node] = kafka.nodes;
  const { port } = node;
  await helper.createTopic("kept");
  await helper.produce({ topic: "kept", count: 10 });

  await node.stop();
  assert.equal(node.isRunning, false);
  assert.equal(await probeMetadata(node.address), undefined);
  await node.start();
  await node.restart();
  await node.kill();
  assert.equal(await probeMetadata(node.address), undefined);
  await node.start();
  await helper.produce({ topic: "kept", count: 10 });

  assert.equal(node.port, port);
  assert.deepEqual(await helper.listOffsets("kept", 0), { earliest: 0, latest: 20 });
});

Deno.test("KafkaNode.start() is refused, while it runs", async () => {
  await using kafka = await KafkaCluster.start();
  await assert.rejects(kafka.nodes[0].start(), /^Error: Cannot start node 1: it runs$/);
});

Deno.test("KafkaNode.pause() leaves requests without answer, until resume()", async () => {
  await using kafka = await KafkaCluster.start();
  const [node] = kafka.nodes;
  node.pause();
  assert.equal(node.isRunning, true);
  assert.equal(await probeMetadata(node.address, [], 300), undefined);
  node.resume();
  await eventually("the node to answer", () => probeMetadata(node.address));
});

Deno.test("KafkaCluster.start() gives three nodes between which leaders move", async () => {
  const startedAt = performance.now();
  await using kafka = await KafkaCluster.start({ nodes: 3 });
  const startMs = performance.now() - startedAt;
  await using helper = await KafkaHelper.start(kafka.bootstrap);
  await helper.createTopic("copied", { replicaAssignment: [[1, 2, 3]] });
  await helper.createTopic("alone", { replicaAssignment: [[1]] });

  await helper.moveLeader("copied", 0, 3);
  await helper.moveLeader("alone", 0, 2);
  assert.equal((await helper.describeTopic("copied"))[0].leader, 3);
  assert.deepEqual((await helper.describeTopic("alone"))[0].replicas, [2]);

  await helper.produce({ topic: "copied", count: 10 });
  await kafka.node(3).kill();
  await eventually("another node to lead", async () => {
    const [{ leader }] = await helper.describeTopic("copied");
    return leader !== undefined && leader !== 3;
  }, { timeoutMs: 30_000 });
  assert.equal((await helper.listOffsets("copied", 0)).latest, 10);
  await kafka.node(3).start();
  await eventually("node 3 to catch up", async () => {
    const [{ isr }] = await helper.describeTopic("copied");
    return isr.includes(3);
  }, { timeoutMs: 30_000 });
  console.log(`three nodes: ${startMs.toFixed()} ms`);
});

Deno.test("KafkaCluster.start() says what to install, when Java is missing", async () => {
  await assert.rejects(
    KafkaCluster.start({ commands: { java: "/nowhere/java" } }),
    {
      message: "Cannot start Apache Kafka: Java 17 or newer is missing; install it (Debian: " +
        "`apt-get install openjdk-17-jre-headless maven`), or pass `--kafka HOST:PORT` with a " +
        "broker of your own",
    },
  );
});

Deno.test("KafkaCluster.start() says what to install, when Maven is missing", async () => {
  const cache = await Deno.makeTempDir();
  try {
    await assert.rejects(
      KafkaCluster.start({ commands: { maven: "/nowhere/mvn" }, cache }),
      /^Error: Cannot fetch Apache Kafka [\d.]+: Maven is missing; install it \(Debian: /,
    );
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("KafkaCluster.start() is refused, when its port is taken", async () => {
  await using kafka = await KafkaCluster.start();
  const { port } = kafka.nodes[0];
  await assert.rejects(KafkaCluster.start({ port }), {
    message: `Cannot start Apache Kafka on port ${port}: it is taken`,
  });
});

Deno.test("KafkaCluster.start() leaves nothing behind, when the broker does not start", async () => {
  const error = await KafkaCluster.start({ properties: { "num.network.threads": -1 } })
    .then(() => assert.fail("it started"), (error: Error) => error);
  assert.match(error.message, /^Node 1 ended with code 1\n[^]*num\.network\.threads/);
});

Deno.test("KafkaCluster dispose ends processes and removes data, after a throw too", async () => {
  let pid: number | undefined;
  let dataFolder = "";
  await assert.rejects(async () => {
    await using kafka = await KafkaCluster.start();
    ({ pid, dataFolder } = kafka.nodes[0]);
    kafka.nodes[0].pause();
    throw new Error("a test that fails");
  }, /a test that fails/);
  assert.throws(() => process.kill(pid!, 0), { code: "ESRCH" });
  await assert.rejects(Deno.stat(dataFolder), Deno.errors.NotFound);
});

Deno.test("KafkaCluster.start() runs Kafka 3.9.2", async () => {
  const version = "3.9.2";
  await using kafka = await KafkaCluster.start({ version });
  await using helper = await KafkaHelper.start(kafka.bootstrap, { version });
  await helper.createTopic("old");
  await helper.produce({ topic: "old", count: 100, compression: "zstd" });
  const { id } = await helper.joinGroup({ group: "readers", topic: "old" });
  assert.equal((await helper.describeGroup("readers")).state, "Stable");
  await helper.leaveGroup(id);
  assert.equal((await helper.describeGroup("nobody")).state, "Dead");
  assert.equal(kafka.version, version);
});
