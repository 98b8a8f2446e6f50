import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { KafkaMonitor } from "../../src/server/kafka_monitor.ts";
import { isSettled } from "../support/event_loop.ts";
import { EventRecorder } from "../support/event_recorder.ts";
import { eventually } from "../support/eventually.ts";

const AWAY = { name: "ProxyError", code: "kafka_unavailable" };

/** A monitor over a Kafka that answers, or does not, as `answer` says at the time. */
function open(answer: () => Promise<unknown>) {
  const events = new EventRecorder();
  const state = { asked: 0, answer };
  const monitor = new KafkaMonitor(
    ["a:9092", "b:9092"],
    () => {
      state.asked++;
      return state.answer();
    },
    events,
  );
  return { monitor, events, state, [Symbol.dispose]: () => monitor.stop() };
}

const answers = () => Promise.resolve();
const refuses = () => Promise.reject(new Error("connection refused"));
const names = ({ events }: EventRecorder) => events.map(({ event }) => event);

Deno.test("KafkaMonitor.check() throws kafka_unavailable, before Kafka was asked", () => {
  using test = open(answers);
  assert.throws(() => test.monitor.check(), {
    ...AWAY,
    message: "Kafka cannot be reached now: it has not answered yet",
  });
});

Deno.test("KafkaMonitor.check() passes, Kafka has answered", async () => {
  using test = open(answers);
  await test.monitor.start();
  test.monitor.check();
  assert.equal(test.monitor.trouble, undefined);
  assert.deepEqual(test.events.events, [{ event: "kafka_connected", kafka: "a:9092,b:9092" }]);
});

Deno.test("KafkaMonitor.check() throws with the reason, Kafka refused", async () => {
  using test = open(refuses);
  await test.monitor.start();
  assert.throws(() => test.monitor.check(), { ...AWAY, message: /now: connection refused$/ });
  assert.equal(test.events.of("kafka_unreachable").length, 1);
});

Deno.test("KafkaMonitor.start() goes on asking until Kafka answers, and says connected once", async () => {
  using test = open(refuses);
  await test.monitor.start();
  await eventually("three tries", () => test.state.asked >= 3);
  test.state.answer = answers;
  await eventually("no trouble", () => test.monitor.trouble === undefined);
  assert.equal(names(test.events).at(-1), "kafka_connected");
  assert.equal(test.events.of("kafka_unreachable").length, test.state.asked - 1);
});

Deno.test("KafkaMonitor.stop() leaves no timer, waiting for the next look", async () => {
  const test = open(answers);
  await test.monitor.start();
  test.monitor.stop();
  assert.equal(test.state.asked, 1);
});

Deno.test("KafkaMonitor.stop() reports no failure that comes after it", async () => {
  const held = Promise.withResolvers<void>();
  const test = open(() => held.promise);
  const starting = test.monitor.start();
  test.monitor.stop();
  held.reject(new Error("closed"));
  await starting;
  assert.deepEqual(test.events.events, []);
});

Deno.test("KafkaMonitor.guard() gives the outcome of the work, Kafka there", async () => {
  using test = open(answers);
  await test.monitor.start();
  assert.equal(await test.monitor.guard(Promise.resolve(5)), 5);
  const failure = new ProxyError("unknown_topic", "no");
  await assert.rejects(test.monitor.guard(Promise.reject(failure)), { code: "unknown_topic" });
});

Deno.test("KafkaMonitor.guard() ends as soon as a look shows that Kafka is away, slow work", async () => {
  using test = open(answers);
  await test.monitor.start();
  test.state.answer = refuses;
  const work = Promise.withResolvers<void>();
  await assert.rejects(test.monitor.guard(work.promise), {
    ...AWAY,
    message: /connection refused/,
  });
  assert.throws(() => test.monitor.check(), AWAY);
  // What the work comes to later is nobody's any more, and no unhandled rejection.
  work.reject(new Error("time-out"));
  await eventually("Kafka to be asked again", () => test.state.asked > 2);
});

Deno.test("KafkaMonitor.guard() waits on, work that is slow for another reason", async () => {
  using test = open(answers);
  await test.monitor.start();
  const work = Promise.withResolvers<number>();
  const guarded = test.monitor.guard(work.promise);
  await eventually("a look", () => test.state.asked === 2);
  assert.equal(await isSettled(guarded), false);
  work.resolve(5);
  assert.equal(await guarded, 5);
});

Deno.test("KafkaMonitor.guard() looks once for many, all of them slow", async () => {
  using test = open(answers);
  await test.monitor.start();
  const held = Promise.withResolvers<void>();
  test.state.answer = () => held.promise;
  const work = Promise.withResolvers<number>();
  const guarded = Array.from({ length: 20 }, () => test.monitor.guard(work.promise));
  await eventually("a look", () => test.state.asked > 1);
  held.reject(new Error("no broker"));
  for (const each of guarded) await assert.rejects(each, AWAY);
  assert.equal(test.state.asked, 2);
});

Deno.test("KafkaMonitor says kafka_back with the time away, Kafka away and there again", async () => {
  using test = open(answers);
  await test.monitor.start();
  test.state.answer = refuses;
  await assert.rejects(test.monitor.guard(new Promise(() => {})), AWAY);
  test.state.answer = answers;
  await eventually("no trouble", () => test.monitor.trouble === undefined);
  const [back] = test.events.of("kafka_back");
  assert.ok(typeof back.awayMs === "number" && back.awayMs > 0 && back.awayMs < 5_000);
  assert.deepEqual(
    new Set(names(test.events)),
    new Set([
      "kafka_connected",
      "kafka_unreachable",
      "kafka_back",
    ]),
  );
});
