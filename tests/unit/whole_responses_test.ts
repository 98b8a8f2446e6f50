import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { wholeResponses } from "../../src/kafka/whole_responses.ts";

function response(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

Deno.test("wholeResponses() gives each response whole, cut anywhere", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ minLength: 4, maxLength: 40 }), { minLength: 1, maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
    (bodies, cuts) => {
      const stream = Buffer.concat(bodies.map(response));
      const got: Buffer[] = [];
      const { callback } = wholeResponses((one) => got.push(one), (error) => assert.fail(error));
      for (let at = 0, i = 0; at < stream.length; i++) {
        // As the runtime does it: one buffer for all reads.
        const part = Uint8Array.from(stream.subarray(at, at + cuts[i % cuts.length]));
        const read = new Uint8Array(64);
        read.set(part);
        assert.equal(callback(part.length, read), true);
        read.fill(0xff);
        at += part.length;
      }
      assert.deepEqual(got, bodies.map(response));
    },
  ));
});

Deno.test("wholeResponses() gives the fault and nothing more, lengths that cannot be", () => {
  for (const size of [-1, 2 ** 31 - 1]) {
    const head = Buffer.alloc(4);
    head.writeInt32BE(size);
    const faults: Error[] = [];
    const { callback } = wholeResponses(() => assert.fail(), (error) => faults.push(error));
    assert.equal(callback(4, head), false);
    assert.match(faults[0].message, new RegExp(`response of ${size} bytes`));
  }
});
