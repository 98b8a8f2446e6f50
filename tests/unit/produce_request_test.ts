import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  produceRequest,
  produceThrottledMs,
  readProduceResponse,
} from "../../src/kafka/produce_request.ts";
import { buildProduceResponse } from "../support/produce_response_builder.ts";

Deno.test("produceRequest() groups batches by topic, acknowledged by all replicas", () => {
  const batch = (topic: string, partition: number, hex: string) => ({
    topic,
    partition,
    bytes: Buffer.from(hex, "hex"),
  });
  const body = produceRequest([batch("a", 0, "01"), batch("é", 1, "0203"), batch("a", 2, "")], 5);
  assert.equal(
    body.toString("hex"),
    "ffff" + "ffff" + "00000005" + "00000002" +
      "0001" + "61" + "00000002" + "00000000" + "00000001" + "01" + "00000002" + "00000000" +
      "0002" + "c3a9" + "00000001" + "00000001" + "00000002" + "0203",
  );
});

for (const version of [3, 5, 8]) {
  Deno.test(`readProduceResponse() reads every partition, version ${version}`, () => {
    const answers = [
      { topic: "a", partition: 0, baseOffset: 2n ** 53n + 1n },
      {
        topic: "b",
        partition: 3,
        errorCode: 87,
        recordErrors: [{ index: 4, message: "no key" }],
        errorMessage: "Not taken",
      },
      { topic: "b", partition: 4, logAppendTimeMs: 17n },
    ];
    const payload = buildProduceResponse(version, answers, 70);
    const rest = version >= 8
      ? { recordErrors: [{ index: 4, message: "no key" }], errorMessage: "Not taken" }
      : { recordErrors: [], errorMessage: undefined };
    const none = { recordErrors: [], errorMessage: undefined };
    assert.deepEqual(readProduceResponse(payload, version), [
      {
        topic: "a",
        partition: 0,
        errorCode: 0,
        baseOffset: 2n ** 53n + 1n,
        logAppendTimeMs: -1n,
        ...none,
      },
      {
        topic: "b",
        partition: 3,
        errorCode: 87,
        baseOffset: -1n,
        logAppendTimeMs: -1n,
        ...rest,
      },
      {
        topic: "b",
        partition: 4,
        errorCode: 0,
        baseOffset: -1n,
        logAppendTimeMs: 17n,
        ...none,
      },
    ]);
    assert.equal(produceThrottledMs(payload, version), version >= 6 ? 70 : 0);
    assert.throws(() => readProduceResponse(payload.subarray(0, 30), version), RangeError);
  });
}
