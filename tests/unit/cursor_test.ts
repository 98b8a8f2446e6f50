import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { eventLoopTurns, isSettled } from "../support/event_loop.ts";
import { eventually } from "../support/eventually.ts";
import { History } from "../support/history.ts";
import { offsetsOf, pullTo, TestLog } from "../support/test_log.ts";

Deno.test("Cursor.next() gives every record in order, then what is appended", async () => {
  await using test = new TestLog();
  test.reader.fill(50, 20);
  const cursor = test.open();
  const history = await pullTo(cursor, 1000n, new History({ from: 0n }));
  const pull = pullTo(cursor, 1021n, history);
  await test.atRest();
  test.reader.fill(3, 7);
  await pull;
  history.verify();
  assert.equal(history.count, 1021);
  cursor.close();
});

Deno.test("Cursor.next() begins at the offset, inside a batch", async () => {
  await using test = new TestLog();
  test.reader.fill(2, 10);
  const cursor = test.open(7);
  const history = await pullTo(cursor, 20n, new History({ from: 7n }));
  history.verify();
  assert.equal(history.count, 13);
  cursor.close();
});

Deno.test("Cursor.next() asks for nothing, before it is pulled", async () => {
  await using test = new TestLog();
  test.reader.fill(5, 20);
  const cursor = test.open();
  await eventLoopTurns();
  assert.equal(test.reader.fetches.length, 0);
  cursor.close();
});

Deno.test("Cursor.next() is one chunk ahead and no more, nobody pulls", async () => {
  await using test = new TestLog({ chunkBytes: 3000 });
  test.reader.fill(100, 20);
  const cursor = test.open();
  await cursor.next();
  await eventLoopTurns(10);
  assert.equal(test.reader.fetches.length, 2);
  await cursor.next();
  await eventLoopTurns(10);
  assert.equal(test.reader.fetches.length, 3);
  cursor.close();
});

Deno.test("Cursor.next() passes what holds no records, control batches and emptied ones", async () => {
  await using test = new TestLog();
  test.reader.appendBatch({ records: [{ value: "a" }] });
  test.reader.appendBatch({ records: [], lastOffsetDelta: 9 });
  test.reader.appendBatch({ records: [{ value: "m" }], transactionOf: 7n, control: true });
  test.reader.appendBatch({ records: [{ value: "b" }] });
  const cursor = test.open();
  const history = await pullTo(cursor, 13n, new History({ holes: true }));
  history.verify();
  assert.equal(history.count, 2);
  cursor.close();
});

Deno.test("Cursor.next() waits in the long poll at the end, without asking in between", async () => {
  await using test = new TestLog();
  test.reader.append(["a"]);
  const cursor = test.open();
  await pullTo(cursor, 1n);
  const pull = cursor.next();
  await test.atRest();
  assert.equal(test.reader.immediate.length, 2);
  assert.equal(await isSettled(pull), false);
  test.reader.append(["b"]);
  assert.deepEqual(await offsetsOf((await pull)!), [1n]);
  assert.equal(test.reader.immediate.length, 2);
  cursor.close();
});

Deno.test("Cursor.close() settles a pull that waits in the long poll, with the end", async () => {
  await using test = new TestLog();
  const cursor = test.open();
  const pull = cursor.next();
  await test.atRest();
  cursor.close();
  assert.equal(await isSettled(pull), true);
  assert.equal(await pull, undefined);
});

Deno.test("Cursor.close() settles a pull that waits for a fetch, with the end", async () => {
  await using test = new TestLog();
  const release = test.reader.hold();
  const cursor = test.open();
  const pull = cursor.next();
  await eventually("the fetch", () => test.reader.fetches.length === 1, { everyMs: 1 });
  cursor.close();
  assert.equal(await isSettled(pull), true);
  assert.equal(await pull, undefined);
  release();
});

Deno.test("Cursor.close() settles a pull while Kafka is away, with the end", async () => {
  await using test = new TestLog();
  test.reader.unreachable.add(1);
  const cursor = test.open();
  const pull = cursor.next();
  await eventually("a second try", () => test.reader.looks.length > 1, { everyMs: 1 });
  cursor.close();
  assert.equal(await isSettled(pull), true);
  assert.equal(await pull, undefined);
});

Deno.test("Cursor.close() may be called again, and next() gives the end from then on", async () => {
  await using test = new TestLog();
  test.reader.append(["a"]);
  const cursor = test.open();
  cursor.close();
  cursor.close();
  assert.equal(await cursor.next(), undefined);
  assert.equal(await cursor.next(), undefined);
  assert.equal(test.reader.fetches.length, 0);
});

// The permits of a closed cursor went to its other partitions, which then began to fetch.
Deno.test("Cursor.close() ends the fetches of all partitions, 12 of them", async () => {
  await using test = new TestLog({ partitions: 12 });
  const release = test.reader.hold();
  const cursor = test.open(0, [...Array(12).keys()]);
  const pull = cursor.next();
  await eventually("four fetches", () => test.reader.fetches.length === 4, { everyMs: 1 });
  cursor.close();
  assert.equal(await pull, undefined);
  release();
  await eventLoopTurns(20);
  assert.equal(test.reader.fetches.length, 4);
});

Deno.test("Cursor.close() leaves the poll, the last reader of a partition", async () => {
  await using test = new TestLog();
  const cursor = test.open();
  const pull = cursor.next();
  await test.atRest();
  cursor.close();
  await pull;
  await eventually("the poll to end", () => test.reader.waitingPolls === 0, { everyMs: 1 });
  const { length } = test.reader.polls;
  await eventLoopTurns(10);
  assert.equal(test.reader.polls.length, length);
});

Deno.test("Cursor[Symbol.asyncIterator]() closes it, the loop left", async () => {
  await using test = new TestLog();
  test.reader.fill(2, 3);
  const cursor = test.open();
  for await (const slice of cursor) {
    assert.equal(slice.from, 0n);
    break;
  }
  assert.equal(await cursor.next(), undefined);
});

Deno.test("Cursor[Symbol.asyncIterator]() ends, the cursor closed while it waits", async () => {
  await using test = new TestLog();
  const cursor = test.open();
  const iterator = cursor[Symbol.asyncIterator]();
  const pull = iterator.next();
  await test.atRest();
  cursor.close();
  assert.deepEqual(await pull, { done: true, value: undefined });
});

Deno.test("Cursor.next() gives all partitions their turn, 12 that are full", async () => {
  await using test = new TestLog({ partitions: 12, nodes: 3, chunkBytes: 1000 });
  const partitions = [...Array(12).keys()];
  for (const partition of partitions) test.reader.fill(20, 10, partition);
  const cursor = test.open(0, partitions);
  const counts = new Map(partitions.map((partition) => [partition, 0]));
  for (let pulls = 0; pulls < 120; pulls++) {
    const { partition } = (await cursor.next())!.chunk;
    counts.set(partition, counts.get(partition)! + 1);
    // Let the fetches run between two pulls, as a socket does.
    await eventLoopTurns(2);
  }
  for (const [partition, count] of counts) {
    assert.ok(count >= 8 && count <= 12, `partition ${partition} had ${count} of 120 turns`);
  }
  cursor.close();
});

Deno.test("Cursor.next() goes on with the others, partitions without a leader", async () => {
  await using test = new TestLog({ partitions: 12, awayMs: 60_000 });
  const partitions = [...Array(12).keys()];
  for (const partition of partitions) test.reader.fill(2, 10, partition);
  for (const partition of partitions.slice(0, 9)) test.reader.at(partition).leader = undefined;
  const cursor = test.open(0, partitions);
  const history = new History({ from: 0n });
  for (const partition of [9, 10, 11]) {
    while (history.next(partition) !== 20n) {
      const slice = await cursor.next();
      for (const offset of await offsetsOf(slice!)) history.add(slice!.chunk.partition, offset);
    }
  }
  const pull = cursor.next();
  for (const partition of partitions.slice(0, 9)) test.reader.at(partition).leader = 1;
  const [first] = await offsetsOf((await pull)!);
  assert.equal(first, 0n);
  history.verify();
  cursor.close();
});

Deno.test("Cursor.next() throws what makes one partition unreadable, and again", async () => {
  await using test = new TestLog({ partitions: 2 });
  const error = new ProxyError("old_format", "Cannot read offset 0: it is in message format 1");
  test.reader.at(1).failures.push(error);
  const cursor = test.open(0, [0, 1]);
  await assert.rejects(() => cursor.next(), { name: "ProxyError", code: "old_format" });
  await assert.rejects(() => cursor.next(), { name: "ProxyError", code: "old_format" });
  cursor.close();
  assert.equal(await cursor.next(), undefined);
});

Deno.test("Cursor.add() wakes a pull that waits, a partition with records", async () => {
  await using test = new TestLog({ partitions: 2 });
  test.reader.append(["a"], 1);
  const cursor = test.open(0, [0]);
  const pull = cursor.next();
  await test.atRest();
  cursor.add(test.log.log("orders", 1, "committed"), 0n);
  assert.equal((await pull)!.chunk.partition, 1);
  assert.deepEqual(cursor.partitions, [0, 1]);
  cursor.close();
});

Deno.test("Cursor.add() reads on from nothing, a cursor without partitions", async () => {
  await using test = new TestLog();
  test.reader.append(["a"]);
  const cursor = test.open(0, []);
  const pull = cursor.next();
  assert.equal(await isSettled(pull), false);
  cursor.add(test.log.log("orders", 0, "committed"), 0n);
  assert.deepEqual(await offsetsOf((await pull)!), [0n]);
  cursor.close();
});

Deno.test("Cursor.add() does nothing, closed", async () => {
  await using test = new TestLog({ partitions: 2 });
  const cursor = test.open();
  cursor.close();
  const log = test.log.log("orders", 1, "committed");
  cursor.add(log, 0n);
  assert.equal(log.readers, 0);
});

Deno.test("Cursor.remove() reads on with the others, one partition waiting in the poll", async () => {
  await using test = new TestLog({ partitions: 2 });
  const cursor = test.open(0, [0, 1]);
  const pull = cursor.next();
  await test.atRest();
  cursor.remove(0);
  test.reader.append(["removed"], 0);
  assert.equal(await isSettled(pull), false);
  test.reader.append(["kept"], 1);
  assert.equal((await pull)!.chunk.partition, 1);
  assert.deepEqual(cursor.partitions, [1]);
  assert.equal(test.log.log("orders", 0, "committed").readers, 0);
  cursor.close();
});

Deno.test("Cursor.remove() drops what was fetched, and add() begins where it is told", async () => {
  await using test = new TestLog({ partitions: 2 });
  test.reader.fill(1, 10, 0);
  const cursor = test.open(0, [0, 1]);
  const log = test.log.log("orders", 0, "committed");
  cursor.remove(0);
  cursor.remove(5);
  cursor.add(log, 4n);
  const slice = await cursor.next();
  assert.deepEqual(await offsetsOf(slice!), [4n, 5n, 6n, 7n, 8n, 9n]);
  cursor.close();
});

Deno.test("Cursor.remove() lets others fetch, 12 partitions of which four wait for an answer", async () => {
  await using test = new TestLog({ partitions: 12 });
  const partitions = [...Array(12).keys()];
  for (const partition of partitions) test.reader.append(["a"], partition);
  const release = test.reader.hold();
  const cursor = test.open(0, partitions);
  const pull = cursor.next();
  await eventually("four fetches", () => test.reader.fetches.length === 4, { everyMs: 1 });
  for (const partition of [0, 1, 2, 3]) cursor.remove(partition);
  await eventually("four more", () => test.reader.fetches.length === 8, { everyMs: 1 });
  release();
  assert.ok((await pull)!.chunk.partition > 3);
  cursor.close();
});

Deno.test("Cursor.remove() keeps no place in line, partitions that waited to fetch", async () => {
  await using test = new TestLog({ partitions: 12 });
  const partitions = [...Array(12).keys()];
  for (const partition of partitions) test.reader.append(["a"], partition);
  const release = test.reader.hold();
  const cursor = test.open(0, partitions);
  const pull = cursor.next();
  await eventually("four fetches", () => test.reader.fetches.length === 4, { everyMs: 1 });
  for (const partition of partitions.slice(4)) cursor.remove(partition);
  for (const partition of partitions.slice(4)) {
    cursor.add(test.log.log("orders", partition, "committed"), 0n);
  }
  release();
  const found = new Set([(await pull)!.chunk.partition]);
  while (found.size < 12) found.add((await cursor.next())!.chunk.partition);
  cursor.close();
});

Deno.test("Cursor.isShared() tells whether another cursor reads the partition", async () => {
  await using test = new TestLog({ partitions: 2 });
  const one = test.open(0, [0, 1]);
  const other = test.open(5, [1]);
  assert.deepEqual([0, 1, 2].map((partition) => one.isShared(partition)), [false, true, false]);
  other.close();
  assert.equal(one.isShared(1), false);
  one.close();
});

// A client without room kept its chunk for as long as it stalled, and decompressed batches with it.
Deno.test("Cursor.whileKept() says false, the chunk's memory wanted while it waits", async () => {
  await using test = new TestLog({ chunkBytes: 2000, cacheBytes: 3000 });
  test.reader.fill(10, 10);
  const slow = test.open();
  const slice = (await slow.next())!;
  const room = Promise.withResolvers<void>();
  const kept = slow.whileKept(slice, room.promise);
  const fast = test.open();
  await pullTo(fast, 100n);
  assert.equal(await kept, false);
  slow.rewind(0, 3n);
  const again = (await slow.next())!;
  assert.equal(again.from, 3n);
  assert.ok(again.chunk.from <= 3n && again.chunk.next > 3n);
  room.resolve();
  slow.close();
  fast.close();
});

Deno.test("Cursor.whileKept() says true, room before the memory is wanted", async () => {
  await using test = new TestLog();
  test.reader.fill(1, 10);
  const cursor = test.open();
  const slice = (await cursor.next())!;
  assert.equal(await cursor.whileKept(slice, Promise.resolve()), true);
  await assert.rejects(cursor.whileKept(slice, Promise.reject(new Error("no"))), { message: "no" });
  cursor.close();
});

Deno.test("Cursor.next() waits for more that shares a chunk, one that lingers and keeps up", async () => {
  await using test = new TestLog({ chunkBytes: 1 << 20 });
  test.reader.append(["a"]);
  const cursor = test.log.open("orders", new Map([[0, 0n]]), "committed", { lingerMs: 50 });
  assert.equal((await cursor.next())!.chunk.next, 1n); // what is there already is not waited for
  const pull = cursor.next();
  await test.atRest();
  for (const value of ["b", "c", "d", "e"]) {
    test.reader.append([value]);
    await test.atRest();
  }
  const { chunk, from } = (await pull)!;
  assert.deepEqual([from, chunk.next], [1n, 5n]);
  cursor.close();
});

Deno.test("Cursor.next() takes each record at once, one that does not linger", async () => {
  await using test = new TestLog({ chunkBytes: 1 << 20 });
  const cursor = test.open();
  for (let i = 0n; i < 5n; i++) {
    const pull = cursor.next();
    await test.atRest();
    test.reader.append(["a"]);
    assert.equal((await pull)!.chunk.next, i + 1n);
  }
  cursor.close();
});

Deno.test("Cursor.next() gives one chunk of many small ones, one that is behind a trickle", async () => {
  await using test = new TestLog({ chunkBytes: 1 << 20 });
  const fast = test.open();
  const slow = test.open();
  test.reader.append(["a"]);
  await Promise.all([fast.next(), slow.next()]);
  for (let i = 0; i < 100; i++) {
    const pull = fast.next();
    await test.atRest();
    test.reader.append(["a"]);
    await pull;
  }
  let pulls = 0;
  for (let next = 1n; next < 101n; pulls++) next = (await slow.next())!.chunk.next;
  assert.ok(pulls <= 4, `${pulls} pulls for 100 records`);
  fast.close();
  slow.close();
});
