import assert from "node:assert/strict";
import { shareKafka } from "../kafka/shared_kafka.ts";
import { eventually } from "../support/eventually.ts";
import { parseFrame, type RecordClient } from "../support/record_client.ts";
import { type PeerClose, StuckPeer } from "../support/stuck_peer.ts";
import { startProxy, type TestProxy, type V1Query } from "../support/test_proxy.ts";

const sharedKafka = shareKafka();

/** So long that only what a takeover or a close commits is committed. */
const NO_INTERVAL = { commitIntervalMs: 600_000 };

/** A client that remembers its first record of each partition. */
class Heir {
  readonly client: RecordClient;
  readonly first: Map<number, bigint>;

  private constructor(client: RecordClient, first: Map<number, bigint>) {
    this.client = client;
    this.first = first;
  }

  static async open(proxy: TestProxy, query: V1Query): Promise<Heir> {
    const first = new Map<number, bigint>();
    const client = await proxy.connect(query, {
      keep: false,
      onRecord: ({ partition = 0, offset }) => {
        if (!first.has(partition)) first.set(partition, offset);
      },
    });
    return new Heir(client, first);
  }

  /** What it has received of a partition, end exclusive. */
  range(partition = 0): [bigint, bigint] | undefined {
    const from = this.first.get(partition);
    return from === undefined ? undefined : [from, this.client.history.next(partition)!];
  }

  async evicted(): Promise<void> {
    const { code, reason } = await this.client.untilClosed();
    assert.equal(code, 4409, reason);
    assert.match(reason, /^taken over/);
    this.client.verify();
  }
}

Deno.test("takeover in one process, nothing missed or repeated, ten times at full speed", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "relay";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 100_000, valueBytes: 30 });
  await using _ = await helper.backgroundProduce({ topic, valueBytes: 30, ratePerSecond: 0 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, ...NO_INTERVAL });
  const query = { topic, consumerGroup: "relay", partition: 0 };

  const heirs = [await Heir.open(proxy, query)];
  await heirs[0].client.until(10_000);
  for (let round = 1; round <= 10; round++) {
    const older = heirs.at(-1)!;
    const newer = await Heir.open(proxy, query);
    heirs.push(newer);
    await older.evicted();
    await newer.client.until(10_000);
    assert.equal(newer.first.get(0), older.client.next, `the first record of round ${round}`);
  }
  const last = heirs.at(-1)!;
  assert.equal(last.client.closeInfo, undefined);
  await last.client.close();
  assert.equal(heirs[0].first.get(0), 0n);
  const received = heirs.reduce((sum, { client }) => sum + client.count, 0);
  assert.equal(BigInt(received), last.client.next, "each record came to exactly one of them");
});

Deno.test("takeover at the end of the topic, where the older waits for records", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "relay-live";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 10 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, ...NO_INTERVAL });
  const query = { topic, consumerGroup: "relay-live" };
  const older = await Heir.open(proxy, query);
  await older.client.until(10);
  const newer = await Heir.open(proxy, query);
  await older.evicted();
  assert.deepEqual((await helper.groupOffsets("relay-live")).map(({ offset }) => offset), [10]);
  await helper.produce({ topic, count: 10, startNumber: 10 });
  await newer.client.until(10);
  assert.deepEqual(newer.range(), [10n, 20n]);
  await newer.client.close();
});

Deno.test("takeover by a list that overlaps: the older closes whole, other partitions go on", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "relay-lists";
  await helper.createTopic(topic, { partitions: 4 });
  await using _ = await helper.backgroundProduce({ topic, ratePerSecond: 8_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, ...NO_INTERVAL });
  const consumerGroup = "relay-lists";
  const older = await Heir.open(proxy, { topic, consumerGroup, partition: "0,1" });
  const apart = await Heir.open(proxy, { topic, consumerGroup, partition: "3" });
  await older.client.until(({ history }) => history.next(0)! > 500n && history.next(1)! > 500n);

  const newer = await Heir.open(proxy, { topic, consumerGroup, partition: "1,2" });
  await older.evicted();
  await newer.client.until(({ history }) => history.next(1)! > 1_500n && history.next(2)! > 1_500n);
  assert.equal(newer.first.get(1), older.client.history.next(1));
  assert.equal(newer.first.get(2), 0n);

  const rest = await Heir.open(proxy, { topic, consumerGroup, partition: "0" });
  await rest.client.until(500);
  assert.equal(rest.first.get(0), older.client.history.next(0), "closed whole, committed whole");
  for (const { client } of [apart, newer, rest]) {
    assert.equal(client.closeInfo, undefined);
    await client.close();
    client.verify();
  }
});

Deno.test("takeover is not for readers: with an empty consumerGroup all go on", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "no-relay";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 1_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap });
  await using grouped = await proxy.connect({ topic });
  await using otherGroup = await proxy.connect({ topic, consumerGroup: "other" });
  await using reader = await proxy.read({ topic });
  await using secondReader = await proxy.read({ topic });
  const clients = [grouped, otherGroup, reader, secondReader];
  for (const client of clients) await client.until(1_000);
  await helper.produce({ topic, count: 1_000, startNumber: 1_000 });
  for (const client of clients) {
    await client.until(2_000);
    client.verify();
    assert.equal(client.next, 2_000n);
    assert.equal(client.closeInfo, undefined);
  }
});

Deno.test("a client that comes back before its ghost is gone gets its first record within about a second", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "ghost";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 400_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, commitIntervalMs: 50 });
  const query = { topic, consumerGroup: "ghost" };
  using ghost = await StuckPeer.connect(proxy.at(query));
  const position = async () => (await helper.groupOffsets("ghost"))[0]?.offset ?? 0;
  let [before, sinceMs] = [0, 0];
  await eventually("the ghost to take nothing more", async () => {
    const now = await position();
    if (now !== before) [before, sinceMs] = [now, performance.now()];
    return before > 0 && performance.now() - sinceMs > 300;
  });

  const startMs = performance.now();
  const heir = await Heir.open(proxy, query);
  await heir.client.until(1);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 1_500, `the first record came after ${tookMs} ms`);
  await heir.client.until(({ next }) => next === 400_000n);
  await heir.client.close();
  heir.client.verify();

  let ghostNext = 0n;
  const end = await ghost.readToEnd((text) => {
    for (const { offset } of parseFrame(text)) {
      assert.equal(offset, ghostNext, "the ghost's own records are whole");
      ghostNext = offset + 1n;
    }
  });
  assert.equal((end as PeerClose).code, 4409);
  const from = heir.first.get(0)!;
  assert.ok(from >= BigInt(before), `${from} was committed before: ${before}`);
  assert.ok(from <= ghostNext, `nothing is lost: the ghost got all before ${ghostNext}`);
  ghost[Symbol.dispose]();
  await eventually("no socket", () => proxy.proxy.sockets === 0);
});

Deno.test("takeover of a client that is behind, and takes in time what is under way", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "behind";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 200_000 });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, ...NO_INTERVAL });
  const query = { topic, consumerGroup: "behind" };
  using older = await StuckPeer.connect(proxy.at(query));
  assert.equal(parseFrame(await older.read() as string)[0].offset, 0n);
  // Its buffers are full now, here and in the operating system.
  await using reader = await proxy.read({ topic }, { keep: false });
  await reader.until(200_000);

  const newer = await Heir.open(proxy, query);
  let last = "";
  const end = await older.readToEnd((text) => last = text);
  assert.equal((end as PeerClose).code, 4409);
  const next = parseFrame(last).at(-1)!.offset + 1n;
  await newer.client.until(({ next }) => next === 200_000n);
  assert.equal(newer.first.get(0), next, "all that the older got, and nothing more, is committed");
  await newer.client.close();
  newer.client.verify();
});

Deno.test("newcomers at once: exactly one survives, and nothing is missed or repeated", async () => {
  const { kafka, helper } = await sharedKafka();
  const topic = "crowd";
  await helper.createTopic(topic);
  await helper.produce({ topic, count: 200_000, valueBytes: 30 });
  await using producer = await helper.backgroundProduce({
    topic,
    valueBytes: 30,
    ratePerSecond: 50_000,
  });
  await using proxy = await startProxy({ kafka: kafka.bootstrap, ...NO_INTERVAL });
  const query = { topic, consumerGroup: "crowd" };
  const all = [await Heir.open(proxy, query)];
  await all[0].client.until(5_000);
  for (const newcomers of [2, 2, 8]) {
    const came = await Promise.all(
      Array.from({ length: newcomers }, () => Heir.open(proxy, query)),
    );
    all.push(...came);
    await eventually(`one of ${newcomers} newcomers to be left, with records`, () => {
      const open = all.filter(({ client }) => client.closeInfo === undefined);
      return open.length === 1 && came.includes(open[0]) && open[0].client.count > 5_000;
    });
  }
  const [survivor] = all.filter(({ client }) => client.closeInfo === undefined);
  const { count } = await producer.stop();
  await survivor.client.until(({ next }) => next === BigInt(200_000 + count));
  await survivor.client.close();

  const ranges = all.map((heir) => heir.range()).filter((range) => range !== undefined)
    .sort(([a], [b]) => Number(a - b));
  let next = 0n;
  for (const [from, to] of ranges) {
    assert.equal(from, next, "each goes on where another has stopped");
    next = to;
  }
  assert.equal(next, BigInt(200_000 + count));
  for (const heir of all) if (heir !== survivor) await heir.evicted();
  await eventually("no socket", () => proxy.proxy.sockets === 0);
});
