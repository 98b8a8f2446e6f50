import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  readOffsetFetchResponse,
  stableOffsetFetchRequest,
} from "../../src/kafka/offset_fetch_request.ts";

Deno.test("stableOffsetFetchRequest() asks for partitions of a topic, and for what is stable", () => {
  assert.equal(
    stableOffsetFetchRequest("g1", "ab", [0, 258]).toString("hex"),
    "00" + "036731" + "02" + "036162" + "03" + "00000000" + "00000102" + "00" + "01" + "00",
  );
});

Deno.test("readOffsetFetchResponse() reads positions, none at all, and errors", () => {
  const payload = Buffer.from(
    [
      "00" + "00000000",
      "02" + "036162" + "04",
      "00000000" + "00000000ffffffff" + "00000005" + "01" + "0000" + "00",
      "00000001" + "ffffffffffffffff" + "ffffffff" + "00" + "0000" + "00",
      "00000002" + "0000000000000007" + "ffffffff" + "0361" + "62" + "0058" + "01" + "05" + "01" +
      "ff",
      "00",
      "000f" + "00",
    ].join(""),
    "hex",
  );
  assert.deepEqual(readOffsetFetchResponse(payload), {
    errorCode: 15,
    responses: [{
      partitions: [
        { partition: 0, offset: 4_294_967_295n, errorCode: 0 },
        { partition: 1, offset: -1n, errorCode: 0 },
        { partition: 2, offset: 7n, errorCode: 88 },
      ],
    }],
  });
});

Deno.test("readOffsetFetchResponse() throws a RangeError, the bytes ending early", () => {
  const payload = Buffer.from("00" + "00000000" + "02" + "036162" + "02" + "00000000", "hex");
  assert.throws(() => readOffsetFetchResponse(payload), RangeError);
});
