import assert from "node:assert/strict";
import { WaterMarks } from "../../src/socket/water_marks.ts";
import { MemoryBudget } from "../../src/stream/memory_budget.ts";
import { WebSocketSink } from "../../src/socket/web_socket_sink.ts";
import { eventLoopTurns, isSettled } from "../support/event_loop.ts";
import { holdsFor } from "../support/holds_for.ts";
import { FakeWebSocket } from "../support/fake_web_socket.ts";

/** A sink on a fake socket that is open, if not told else. The high mark of one socket is 1 MiB. */
function open({ stallTimeoutMs = 60_000, opened = true } = {}) {
  const socket = new FakeWebSocket();
  const budget = new MemoryBudget(256 << 20);
  const marks = new WaterMarks(budget);
  const messages: unknown[] = [];
  const sink = new WebSocketSink(socket.asWebSocket, {
    marks,
    stallTimeoutMs,
    onMessage: (data) => void messages.push(data),
  });
  if (opened) socket.open();
  return {
    socket,
    budget,
    marks,
    sink,
    messages,
    /** Sends so many bytes. */
    send: (bytes: number) => sink.send("a".repeat(bytes), bytes),
    // A sink looks at its socket until it is closed.
    [Symbol.dispose]: () => socket.end(1000),
  };
}

const KIB = 1024;
const NO_SIGNAL = new AbortController().signal;

Deno.test("WebSocketSink.opened resolves, the socket open", async () => {
  using test = open({ opened: false });
  assert.equal(await isSettled(test.sink.opened), false);
  test.socket.open();
  await test.sink.opened;
});

Deno.test("WebSocketSink.opened resolves, the socket gone before it was open", async () => {
  using test = open({ opened: false });
  test.socket.end(1006);
  await test.sink.opened;
  assert.deepEqual(await test.sink.closed, { code: 1006, reason: "" });
});

// Told the other way round, a session went on for a client that was gone, and took over from a
// living one.
for (const how of ["end", "giveUpOpening"] as const) {
  Deno.test(`WebSocketSink.closed settles before opened, ${how} before it was open`, async () => {
    using test = open({ opened: false });
    const order: string[] = [];
    const closed = test.sink.closed.then(() => order.push("closed"));
    const opened = test.sink.opened.then(() => order.push("opened"));
    if (how === "end") test.socket.end(1006);
    else test.sink.giveUpOpening();
    await Promise.all([closed, opened]);
    assert.deepEqual(order, ["closed", "opened"]);
  });
}

Deno.test("WebSocketSink.giveUpOpening() ends it and counts it out, not open yet", async () => {
  using test = open({ opened: false });
  test.sink.giveUpOpening();
  await Promise.all([test.sink.opened, test.sink.gone]);
  assert.equal((await test.sink.closed).code, 1006);
  assert.equal(test.marks.sockets, 0);
  // Should it open all the same, nobody would serve it.
  test.socket.open();
  assert.equal(test.socket.closes.length, 1);
});

Deno.test("WebSocketSink.giveUpOpening() does nothing, open", () => {
  using test = open();
  test.sink.giveUpOpening();
  assert.equal(test.sink.isClosed, false);
  assert.equal(test.marks.sockets, 1);
});

Deno.test("WebSocketSink.send() counts what was sent and what the system has taken", () => {
  using test = open();
  test.send(100);
  test.send(50);
  assert.deepEqual([test.sink.sentBytes, test.sink.bufferedBytes], [150, 150]);
  test.socket.take(120);
  assert.equal(test.sink.bufferedBytes, 30);
  test.socket.take();
  assert.deepEqual([test.sink.sentBytes, test.sink.bufferedBytes], [150, 0]);
  assert.equal(test.socket.sent.length, 2);
});

Deno.test("WebSocketSink.hasRoom is false from the high mark on, and without a socket", () => {
  using test = open();
  test.send(1024 * KIB - 1);
  assert.equal(test.sink.hasRoom, true);
  test.send(1);
  assert.equal(test.sink.hasRoom, false);
  test.socket.take(1);
  assert.equal(test.sink.hasRoom, true);
  test.sink.close(1000, "done");
  assert.equal(test.sink.hasRoom, false);
});

Deno.test("WebSocketSink.hasRoom follows the number of sockets, what is buffered the same", () => {
  using test = open();
  test.send(600 * KIB);
  assert.equal(test.sink.hasRoom, true);
  for (let i = 0; i < 63; i++) test.marks.add();
  assert.equal(test.sink.hasRoom, false);
  assert.equal(test.sink.frameBytes, 128 * KIB);
});

Deno.test("WebSocketSink.room() resolves at once, under the low mark", async () => {
  using test = open();
  test.send(256 * KIB);
  assert.equal(await isSettled(test.sink.room(NO_SIGNAL)), true);
});

Deno.test("WebSocketSink.room() resolves at the low mark and not before", async () => {
  using test = open();
  test.send(1024 * KIB);
  const room = test.sink.room(NO_SIGNAL);
  test.socket.take(768 * KIB - 1);
  await eventLoopTurns(20);
  assert.equal(await isSettled(room), false);
  test.socket.take(1);
  await room;
});

Deno.test("WebSocketSink.room() sees a socket that drains after seconds' worth of looks", async () => {
  using test = open();
  test.send(1024 * KIB);
  const room = test.sink.room(NO_SIGNAL);
  setTimeout(() => test.socket.take(), 100);
  await room;
  assert.equal(test.sink.bufferedBytes, 0);
});

Deno.test("WebSocketSink.room() ends with the signal and with the socket, full", async () => {
  using test = open();
  test.send(1024 * KIB);
  const stopping = new AbortController();
  const stopped = test.sink.room(stopping.signal);
  const closed = test.sink.room(NO_SIGNAL);
  stopping.abort();
  assert.equal(await isSettled(stopped), true);
  assert.equal(await isSettled(closed), false);
  test.socket.end(1006);
  assert.equal(await isSettled(closed), true);
  assert.equal(await isSettled(test.sink.room(NO_SIGNAL)), true);
  assert.equal(await isSettled(test.sink.room(AbortSignal.abort())), true);
});

Deno.test("WebSocketSink.drained() resolves when all is taken, not at the low mark", async () => {
  using test = open();
  test.send(100);
  const drained = test.sink.drained(60_000);
  test.socket.take(99);
  await eventLoopTurns(10);
  assert.equal(await isSettled(drained), false);
  test.socket.take();
  await drained;
});

Deno.test("WebSocketSink.drained() resolves at once, nothing was sent", async () => {
  using test = open();
  assert.equal(await isSettled(test.sink.drained(60_000)), true);
});

Deno.test("WebSocketSink.drained() gives up after the time, a client that takes nothing", async () => {
  using test = open();
  test.send(100);
  const startMs = performance.now();
  await test.sink.drained(30);
  assert.ok(performance.now() - startMs >= 29);
  assert.equal(test.sink.bufferedBytes, 100);
});

Deno.test("WebSocketSink.drained() ends with the socket", async () => {
  using test = open();
  test.send(100);
  const drained = test.sink.drained(60_000);
  test.socket.end(1006);
  assert.equal(await isSettled(drained), true);
});

Deno.test("WebSocketSink.close() closes once with the first code, and settles closed at once", async () => {
  using test = open();
  test.sink.close(1001, "the server is leaving");
  test.sink.close(1011, "later");
  assert.deepEqual(test.socket.closes, [{ code: 1001, reason: "the server is leaving" }]);
  assert.equal(test.sink.isClosed, true);
  assert.deepEqual(await test.sink.closed, { code: 1001, reason: "the server is leaving" });
});

Deno.test("WebSocketSink.close() cuts a reason that is too long for a close frame", async () => {
  using test = open();
  test.sink.close(4400, "ö".repeat(100));
  assert.deepEqual(await test.sink.closed, { code: 4400, reason: "ö".repeat(61) });
});

Deno.test("WebSocketSink.close() does nothing, the peer was first", async () => {
  using test = open();
  test.socket.end(1000, "bye");
  test.sink.close(1011, "ours");
  assert.deepEqual(test.socket.closes, []);
  assert.deepEqual(await test.sink.closed, { code: 1000, reason: "bye" });
});

Deno.test("WebSocketSink.closed keeps the first of two close events, and one socket is counted out", async () => {
  using test = open();
  test.marks.add();
  test.socket.end(4000, "first");
  test.socket.end(4001, "second");
  assert.deepEqual(await test.sink.closed, { code: 4000, reason: "first" });
  assert.equal(test.marks.sockets, 1);
});

Deno.test("WebSocketSink.closed says 1006, a close event without a code", async () => {
  using test = open();
  test.socket.end(0);
  assert.deepEqual(await test.sink.closed, { code: 1006, reason: "" });
});

Deno.test("WebSocketSink.gone waits for the runtime, closed by us", async () => {
  using test = open();
  test.sink.close(1001, "leaving");
  await test.sink.closed;
  assert.equal(await isSettled(test.sink.gone), false);
  assert.equal(test.marks.sockets, 1);
  test.socket.end(1001);
  await test.sink.gone;
  assert.equal(test.marks.sockets, 0);
});

Deno.test("WebSocketSink.close() remembers what the system had taken", () => {
  using test = open();
  test.send(100);
  test.socket.take(60);
  test.sink.close(1001, "leaving");
  // From here on the socket says that nothing is buffered.
  assert.deepEqual([test.sink.sentBytes, test.sink.bufferedBytes], [100, 40]);
  test.socket.end(1001);
  assert.equal(test.sink.bufferedBytes, 40);
});

Deno.test("WebSocketSink.bufferedBytes keeps the last truth, the peer closes", () => {
  using test = open();
  test.send(100);
  test.socket.take(60);
  assert.equal(test.sink.bufferedBytes, 40);
  test.socket.peerCloses();
  assert.equal(test.sink.bufferedBytes, 40);
});

// Between the peer's close frame and its event Deno drops what is sent. It did not count as sent
// either, so a session went on at full speed, and its positions were committed as taken.
Deno.test("WebSocketSink.send() counts as never taken, the peer has closed and no event came yet", async () => {
  using test = open();
  test.send(100);
  test.socket.take();
  await eventLoopTurns(12);
  test.socket.peerCloses();
  test.send(2048 * KIB);
  assert.equal(test.socket.sent.length, 1);
  assert.equal(test.sink.sentBytes - test.sink.bufferedBytes, 100);
  assert.equal(test.sink.hasRoom, false);
  const room = test.sink.room(NO_SIGNAL);
  assert.equal(await isSettled(room), false);
  test.socket.end(1000);
  assert.equal(await isSettled(room), true);
  test.send(50);
  assert.equal(test.sink.sentBytes - test.sink.bufferedBytes, 100);
});

Deno.test("WebSocketSink.takenBytes is what was taken a turn of the event loop ago", async () => {
  using test = open();
  test.send(100);
  test.socket.take();
  assert.deepEqual([test.sink.bufferedBytes, test.sink.takenBytes], [0, 0]);
  await eventLoopTurns(4);
  assert.equal(test.sink.takenBytes, 100);
});

// When the client's close frame has come, Deno says of frames that it throws away that they were
// taken, and tells of the end only in the next turn. Their records were committed, and lost.
Deno.test("WebSocketSink.takenBytes leaves out what was taken in the turn before the end", async () => {
  using test = open();
  test.send(100);
  test.socket.take();
  await eventLoopTurns(4);
  test.send(50);
  test.socket.take();
  assert.equal(test.sink.bufferedBytes, 0);
  await eventLoopTurns(1);
  test.socket.peerCloses();
  await eventLoopTurns(4);
  assert.equal(test.sink.takenBytes, 100);
  test.socket.end(1000);
  assert.equal(test.sink.takenBytes, 100);
});

Deno.test("WebSocketSink.send() hands over nothing, closed", () => {
  using test = open();
  test.sink.close(1001, "leaving");
  test.send(10);
  assert.equal(test.socket.sent.length, 0);
  assert.equal(test.sink.sentBytes - test.sink.bufferedBytes, 0);
});

Deno.test("WebSocketSink.closed says 4408, no byte taken for the stall time-out", async () => {
  using test = open({ stallTimeoutMs: 60 });
  test.send(100);
  const startMs = performance.now();
  const { code, reason } = await test.sink.closed;
  assert.equal(code, 4408);
  assert.equal(reason, "stalled: no byte taken for 0 s");
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= 59 && tookMs < 5_000, `${tookMs} ms`);
  assert.deepEqual(test.socket.closes, [{ code, reason }]);
});

Deno.test("WebSocketSink.closed is left alone, a client that takes a byte now and then", async () => {
  using test = open({ stallTimeoutMs: 60 });
  test.send(100);
  let looks = 0;
  await holdsFor(150, "open", () => {
    if (++looks % 10 === 0 && test.socket.bufferedAmount > 50) test.socket.take(1);
    return !test.sink.isClosed;
  });
});

Deno.test("WebSocketSink.closed is left alone, nothing to take for longer than the time-out", async () => {
  using test = open({ stallTimeoutMs: 20 });
  test.send(100);
  test.socket.take();
  await holdsFor(60, "open", () => !test.sink.isClosed);
  // The time counts from when there was something to take.
  test.send(100);
  await eventLoopTurns(12);
  assert.equal(test.sink.isClosed, false);
});

Deno.test("WebSocketSink.closed says 4408, the peer has closed and the event never comes", async () => {
  using test = open({ stallTimeoutMs: 60 });
  test.socket.peerCloses();
  test.send(100);
  assert.equal((await test.sink.closed).code, 4408);
});

Deno.test("WebSocketSink.onMessage gets what the client says", () => {
  using test = open();
  test.socket.onmessage!({ data: "hello" });
  assert.deepEqual(test.messages, ["hello"]);
  assert.equal(test.socket.binaryType, "arraybuffer");
});

Deno.test("WebSocketSink.onerror keeps an error from being uncaught", () => {
  using test = open();
  let prevented = 0;
  test.socket.onerror!({ preventDefault: () => prevented++ });
  assert.equal(prevented, 1);
});

Deno.test("WebSocketSink.room() leaves no listener on the signal, waited for a hundred times", async () => {
  using test = open();
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  for (let i = 0; i < 100; i++) {
    test.send(1024 * KIB);
    const room = test.sink.room(signal);
    test.socket.take();
    await room;
  }
  assert.equal(listeners, 0);
});

Deno.test("WebSocketSink counts in the memory budget what the system has not taken, to its end", () => {
  const { sink, socket, send, budget } = open();
  send(100);
  send(50);
  assert.equal(budget.heldBytes, 150);
  socket.take(120);
  assert.equal(sink.bufferedBytes, 30);
  assert.equal(budget.heldBytes, 30);
  socket.end(1006);
  assert.equal(budget.heldBytes, 0);
  send(100);
  assert.equal(budget.heldBytes, 0);
});

Deno.test("WebSocketSink.hasRoom is true for nobody who holds anything, memory spent", async () => {
  using test = open();
  const { sink, socket, send, budget } = test;
  budget.hold(250 << 20);
  assert.equal(sink.hasRoom, true);
  send(10);
  assert.equal(sink.hasRoom, false);
  const room = sink.room(NO_SIGNAL);
  socket.take(9);
  await eventLoopTurns(20);
  assert.equal(await isSettled(room), false);
  socket.take(1);
  await room;
  assert.equal(sink.hasRoom, true);
});
