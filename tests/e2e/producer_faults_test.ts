import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Kafka, logLevel, Partitioners, type Producer } from "kafkajs";
import type { NewRecord, Written } from "../../src/core/ports.ts";
import { sleep } from "../../src/stream/sleep.ts";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { type Fate, FaultRelay, PRODUCE } from "../support/fault_relay.ts";
import { openKafkaClient } from "../support/kafka_client.ts";
import { newTopic } from "../support/new_topic.ts";
import { WritingLoad } from "../support/writing_load.ts";

const sharedKafka = shareKafka({ nodes: 2 });

async function kafkaJsProducer(
  bootstrap: string,
  retries: number,
): Promise<Producer & AsyncDisposable> {
  const kafka = new Kafka({
    brokers: bootstrap.split(","),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50 },
    requestTimeout: 5_000,
  });
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { retries, initialRetryTime: 50 },
  });
  await producer.connect();
  return Object.assign(producer, { [Symbol.asyncDispose]: () => producer.disconnect() });
}

function record(value: string, partition: number): NewRecord {
  return { key: null, value: Buffer.from(value), headers: [], partition };
}

/** `p:o` for what is stored, else the outcome. */
function said(written: readonly Written[]): string[] {
  return written.map((one) => "offset" in one ? `${one.partition}:${one.offset}` : one.outcome);
}

async function values(topic: string, partition: number): Promise<string[]> {
  const { helper } = await sharedKafka();
  const read = await helper.read({ topic, partition });
  return read.map(({ value }) => atob(value ?? ""));
}

/** Partition 0 is led by node 1, partition 1 by node 2; both have both. */
const TWO_LEADERS = { partitions: 2, replicaAssignment: [[1, 2], [2, 1]] };

/**
 * While a Produce request with partitions of both brokers is answered by the first broker and held
 * before the second, the second one's partition moves to the first.
 */
async function moveMeanwhile(
  topic: string,
  send: (bootstrap: string) => Promise<void>,
): Promise<void> {
  const { kafka, helper } = await sharedKafka();
  await newTopic(helper, topic, TWO_LEADERS);
  await using relay = new FaultRelay(kafka.bootstrap);
  const held = Promise.withResolvers<void>();
  let isHeld = false;
  let isAnswered = false;
  relay.judge = async ({ apiKey, direction, broker }): Promise<Fate> => {
    if (apiKey !== PRODUCE) return "pass";
    if (broker === kafka.node(1).address) {
      if (direction === "toClient") isAnswered = true;
    } else if (!isHeld) {
      isHeld = true;
      await held.promise;
    }
    return "pass";
  };
  const sending = send(relay.bootstrap);
  await eventually("one answer and one request that is held", () => isHeld && isAnswered);
  await helper.moveLeader(topic, 1, 1);
  held.resolve();
  await sending;
}

// A try goes to the brokers that have not answered. When a partition has moved to one that has, no
// broker is left to send it to, and the promise resolves.
Deno.test("KafkaJS's producer forgets a partition whose leader moves between two tries", async () => {
  const topic = "moved-kafkajs";
  await moveMeanwhile(topic, async (bootstrap) => {
    await using producer = await kafkaJsProducer(bootstrap, 10);
    const result = await producer.send({
      topic,
      messages: [{ value: "a", partition: 0 }, { value: "b", partition: 1 }],
    });
    assert.ok(result.every(({ errorCode }) => errorCode === 0), "it says that all is well");
  });
  assert.deepEqual(await values(topic, 0), ["a"]);
  assert.deepEqual(await values(topic, 1), [], "and b is nowhere");
});

Deno.test("write() stores both, a leader moves between two tries", async () => {
  const topic = "moved-ours";
  await moveMeanwhile(topic, async (bootstrap) => {
    await using client = openKafkaClient(bootstrap);
    const written = await client.writer.write(topic, [record("a", 0), record("b", 1)]);
    assert.deepEqual(said(written), ["0:0", "1:0"]);
  });
  assert.deepEqual(await values(topic, 0), ["a"]);
  assert.deepEqual(await values(topic, 1), ["b"]);
});

/** Every answer to Produce is lost until the returned function is called. */
function losingAnswers(relay: FaultRelay): () => void {
  relay.judge = ({ apiKey, direction }) =>
    apiKey === PRODUCE && direction === "toClient" ? "cut" : "pass";
  return () => relay.judge = () => "pass";
}

// A try that failed gives its sequence numbers back. The batch was stored all the same, and the
// broker takes the next one of that length for it.
Deno.test("KafkaJS's producer gives a batch the numbers of one that was stored without an answer", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "lost-kafkajs";
  await newTopic(helper, topic);
  await using relay = new FaultRelay(kafka.bootstrap);
  await using producer = await kafkaJsProducer(relay.bootstrap, 2);
  await producer.send({ topic, messages: [{ value: "a" }] });
  const mend = losingAnswers(relay);
  await assert.rejects(producer.send({ topic, messages: [{ value: "b" }] }));
  mend();
  const [result] = await producer.send({ topic, messages: [{ value: "c" }] });
  assert.deepEqual([result.errorCode, result.baseOffset], [0, "1"], "it says that c is stored");
  assert.deepEqual(await values(topic, 0), ["a", "b"], "and c is nowhere");
});

Deno.test("write() says unknown of a batch without an answer, and stores the next one", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "lost-ours";
  await newTopic(helper, topic);
  await using relay = new FaultRelay(kafka.bootstrap);
  await using client = openKafkaClient(relay.bootstrap, { writing: { deliveryTimeoutMs: 3_000 } });
  const write = async (value: string) => said(await client.writer.write(topic, [record(value, 0)]));
  assert.deepEqual(await write("a"), ["0:0"]);
  const mend = losingAnswers(relay);
  assert.deepEqual(await write("b"), ["unknown"]);
  mend();
  assert.deepEqual(await write("c"), ["0:2"]);
  assert.deepEqual(await values(topic, 0), ["a", "b", "c"]);
});

/** What the network does again and again while records are written; over when it resolves. */
const FAULTS: Readonly<Record<string, (relay: FaultRelay, round: number) => Promise<void>>> = {
  "answers cut off": async (relay) => {
    relay.next({ apiKey: PRODUCE, direction: "toClient" }, "cut", 3);
    await sleep(300);
  },
  "answers dropped": async (relay) => {
    relay.next({ apiKey: PRODUCE, direction: "toClient" }, "drop");
    await sleep(600);
  },
  "all connections cut": async (relay) => {
    relay.cut();
    await sleep(200);
  },
  "half-open connections": async (relay) => {
    relay.halfOpen();
    await sleep(600);
  },
  "one direction silent": async (relay, round) => {
    const heal = relay.silence(round % 2 === 0 ? "toBroker" : "toClient");
    await sleep(700);
    heal();
  },
  "a slow and narrow network": async (relay) => {
    relay.delayMs = 5;
    relay.bytesPerSecond = 2_000_000;
    await sleep(500);
    relay.delayMs = 0;
    relay.bytesPerSecond = Infinity;
  },
};

for (const [name, fault] of Object.entries(FAULTS)) {
  Deno.test(`write() tells the truth, ${name}`, async () => {
    const { kafka, helper } = await sharedKafka();
    const topic = `fault-${name.replaceAll(/\W/g, "-")}`;
    await newTopic(helper, topic, TWO_LEADERS);
    await using relay = new FaultRelay(kafka.bootstrap);
    await using client = openKafkaClient(relay.bootstrap, {
      requestTimeoutMs: 500,
      writing: { deliveryTimeoutMs: 4_000 },
    });
    const load = new WritingLoad({
      topic,
      partitions: 2,
      writers: 20,
      recordsEach: 2_500,
      recordsInCall: 10,
      pauseMs: 10,
    });
    let isOver = false;
    const running = load.run((topic, records) => client.writer.write(topic, records))
      .finally(() => isOver = true);
    let rounds = 0;
    for (; rounds < 5 && !isOver; rounds++) {
      await fault(relay, rounds);
      relay.judge = () => "pass";
      const before = load.reported;
      await eventually("the writing to go on", () => isOver || load.reported > before + 100, {
        timeoutMs: 20_000,
      });
    }
    await running;
    assert.ok(rounds >= 3, `the fault came only ${rounds} times`);
    const sum = await load.check(helper);
    assert.equal(sum.stored + sum.failed + sum.unknown, 50_000);
    assert.ok(sum.stored > 35_000, `only ${sum.stored} stored`);
  });
}
