import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { metadataRequest, readMetadataResponse } from "../../src/kafka/metadata_request.ts";

Deno.test("metadataRequest() names topics and asks for no more, in each version", () => {
  const topics = "03" + "00".repeat(16) + "02" + "61" + "00" + "00".repeat(16) + "03" + "6262" +
    "00";
  assert.equal(metadataRequest(["a", "bb"], 12).toString("hex"), `00${topics}000000`);
  assert.equal(metadataRequest(["a", "bb"], 10).toString("hex"), `00${topics}00000000`);
});

Deno.test("metadataRequest() asks for no topic with an empty array, not for all with null", () => {
  assert.equal(metadataRequest([], 12).toString("hex"), "0001000000");
});

const ID = "00112233445566778899aabbccddeeff";

function response(topicId: string, tags = "00"): Buffer {
  return Buffer.from(
    [
      tags,
      "00000000", // throttle time
      "02" + "00000001" + "0a" + Buffer.from("127.0.0.1").toString("hex") + "00002384" + "00" +
      tags,
      "05" + Buffer.from("abcd").toString("hex"),
      "00000001", // controller
      "02" + "0000" + "02" + "61" + topicId + "00",
      "03",
      "0000" + "00000000" + "00000001" + "00000000" + "0200000001" + "0200000001" + "01" + tags,
      "0005" + "00000001" + "ffffffff" + "00000000" + "01" + "01" + "01" + "00",
      "80000000" + "00",
      "00",
    ].join(""),
    "hex",
  );
}

Deno.test("readMetadataResponse() reads ids, leaders and brokers", () => {
  assert.deepEqual(readMetadataResponse(response(ID)), {
    clusterId: "abcd",
    brokers: [{ nodeId: 1, host: "127.0.0.1", port: 9092 }],
    topicMetadata: [{
      topic: "a",
      topicId: "ABEiM0RVZneImaq7zN3u_w",
      topicErrorCode: 0,
      partitionMetadata: [{ partitionId: 0, leader: 1 }, { partitionId: 1, leader: -1 }],
    }],
  });
});

Deno.test("readMetadataResponse() passes over tags it does not know", () => {
  const tags = "02" + "00" + "01ff" + "07" + "02ffff";
  assert.deepEqual(readMetadataResponse(response(ID, tags)), readMetadataResponse(response(ID)));
});

Deno.test("readMetadataResponse() takes the id of zeros for none", () => {
  assert.equal(readMetadataResponse(response("00".repeat(16))).topicMetadata[0].topicId, undefined);
});

Deno.test("readMetadataResponse() throws a RangeError when the bytes end early", () => {
  const whole = response(ID);
  assert.throws(() => readMetadataResponse(whole.subarray(0, 40)), RangeError);
});
