import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFetchResponse } from "../../src/kafka/fetch_response.ts";
import { buildFetchResponse, type ResponseInput } from "../support/fetch_response_builder.ts";

function read(input: ResponseInput) {
  return readFetchResponse({ version: input.version, payload: buildFetchResponse(input) });
}

for (const version of [4, 5, 6, 7, 8, 9, 10, 11]) {
  Deno.test(`readFetchResponse() reads every field, version ${version}`, () => {
    const { errorCode, partitions } = read({
      version,
      topics: [
        ["orders", [
          {
            partition: 0,
            highWatermark: 2n ** 53n + 1n,
            lastStableOffset: 41n,
            aborted: [{ producerId: 7n, firstOffset: 3n }, { producerId: 8n, firstOffset: 5n }],
            records: Buffer.from("some bytes"),
          },
          { partition: 11, errorCode: 6, highWatermark: -1n },
        ]],
        ["größe", [{ partition: 2, highWatermark: 1n, records: Buffer.from("more") }]],
      ],
    });
    assert.equal(errorCode, 0);
    assert.deepEqual(
      partitions.map(({ records, ...rest }) => ({ ...rest, records: String(records) })),
      [
        {
          topic: "orders",
          partition: 0,
          errorCode: 0,
          highWatermark: 2n ** 53n + 1n,
          lastStableOffset: 41n,
          aborted: [{ producerId: 7n, firstOffset: 3n }, { producerId: 8n, firstOffset: 5n }],
          records: "some bytes",
        },
        {
          topic: "orders",
          partition: 11,
          errorCode: 6,
          highWatermark: -1n,
          lastStableOffset: -1n,
          aborted: [],
          records: "",
        },
        {
          topic: "größe",
          partition: 2,
          errorCode: 0,
          highWatermark: 1n,
          lastStableOffset: -1n,
          aborted: [],
          records: "more",
        },
      ],
    );
  });

  Deno.test(`readFetchResponse() reads a null list and null records as none, version ${version}`, () => {
    const { partitions } = read({
      version,
      topics: [["orders", [
        { partition: 0, aborted: null, records: null },
        { partition: 1, highWatermark: 5n },
      ]]],
    });
    assert.deepEqual(
      partitions.map(({ partition, aborted, records }) => ({
        partition,
        aborted,
        bytes: records.length,
      })),
      [{ partition: 0, aborted: [], bytes: 0 }, { partition: 1, aborted: [], bytes: 0 }],
    );
  });

  Deno.test(`readFetchResponse() throws RangeError, version ${version} cut inside its numbers`, () => {
    const payload = buildFetchResponse({ version, topics: [["orders", [{ partition: 0 }]]] });
    for (let bytes = 0; bytes < payload.length; bytes++) {
      // The name of a topic that is cut off is followed by a number that is not there.
      assert.throws(
        () => readFetchResponse({ version, payload: payload.subarray(0, bytes) }),
        RangeError,
        `${bytes} bytes`,
      );
    }
  });
}

Deno.test("readFetchResponse() gives the error of the whole response, version 7", () => {
  assert.deepEqual(read({ version: 7, errorCode: 70, topics: [] }), {
    errorCode: 70,
    partitions: [],
  });
});

Deno.test("readFetchResponse() gives a view of the records, no copy", () => {
  const payload = buildFetchResponse({
    version: 11,
    topics: [["orders", [{ partition: 0, records: Buffer.from("abc") }]]],
  });
  const [{ records }] = readFetchResponse({ version: 11, payload }).partitions;
  assert.equal(records.buffer, payload.buffer);
});
