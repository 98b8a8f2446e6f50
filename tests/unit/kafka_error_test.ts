import assert from "node:assert/strict";
import { ProxyError } from "../../src/core/proxy_error.ts";
import { errorName, kafkaError, unavailable } from "../../src/kafka/kafka_error.ts";

/** Numbers and names as the Kafka protocol guide has them, written down a second time. */
const NAMES: readonly (readonly [code: number, name: string])[] = [
  [-1, "UNKNOWN"],
  [0, "NONE"],
  [1, "OFFSET_OUT_OF_RANGE"],
  [3, "UNKNOWN_TOPIC_OR_PARTITION"],
  [6, "NOT_LEADER_FOR_PARTITION"],
  [15, "GROUP_COORDINATOR_NOT_AVAILABLE"],
  [29, "TOPIC_AUTHORIZATION_FAILED"],
  [74, "FENCED_LEADER_EPOCH"],
  [100, "UNKNOWN_TOPIC_ID"],
  [103, "INCONSISTENT_TOPIC_ID"],
  [113, "STALE_MEMBER_EPOCH"],
];

for (const [code, name] of NAMES.filter(([code]) => code !== 0)) {
  Deno.test(`errorName() gives ${name}, ${code}`, () => assert.equal(errorName(code), name));
}

Deno.test("errorName() gives the number, a code nobody knows", () => {
  assert.equal(errorName(9999), "error code 9999");
});

for (
  const [code, meaning] of [
    [3, "unknown_topic"],
    [17, "unknown_topic"],
    [100, "unknown_topic"],
    [29, "forbidden"],
    [30, "forbidden"],
    [31, "forbidden"],
    [24, "bad_parameter"],
    [22, "group_in_use"],
    [25, "group_in_use"],
    [27, "group_in_use"],
    [113, "group_in_use"],
    [1, "kafka_unavailable"],
    [5, "kafka_unavailable"],
    [6, "kafka_unavailable"],
    [14, "kafka_unavailable"],
    [16, "kafka_unavailable"],
    [-1, "kafka_unavailable"],
    [9999, "kafka_unavailable"],
  ] as const
) {
  Deno.test(`kafkaError() is ${meaning}, ${errorName(code)}`, () => {
    const error = kafkaError(code, 'Cannot read "orders"');
    assert.equal(error.code, meaning);
    assert.equal(error.message, `Cannot read "orders": Kafka says ${errorName(code)}`);
  });
}

Deno.test("unavailable() passes on our own errors", () => {
  const own = new ProxyError("forbidden", "no");
  assert.equal(unavailable("Cannot read", own), own);
});

Deno.test("unavailable() names the reason and keeps the cause, any other error", () => {
  const cause = new Error("connection refused");
  const error = unavailable("Cannot read", cause);
  assert.equal(error.code, "kafka_unavailable");
  assert.equal(error.message, "Cannot read: connection refused");
  assert.equal(error.cause, cause);
  assert.equal(unavailable("Cannot read", "gone").message, "Cannot read: gone");
});
